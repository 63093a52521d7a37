//! Pipelined requests over one TCP connection, length-prefixed, as good as TCP gets.
//!
//! The writer yields once before it drains its queue, so that everybody who is ready shares a system call;
//! the server answers everything one read brought with one write. A TCP baseline that does neither is five
//! to ten times slower under load, and flatters whoever is compared with it.

use std::{
    future::poll_fn,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::yield_now,
};

use super::{
    PAYLOAD, Payload,
    slots::{self, Slots},
};
use crate::{
    Result,
    benchmark::PAYLOAD_BYTES,
    measure::{Caller, Tally},
    roles::Handled,
};

/// Bytes read at once: some thousand messages.
const READ_BYTES: usize = 256 << 10;

/// Length and caller, 4 bytes each.
const HEAD_BYTES: usize = 8;

/// What a server answers with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Echo,
    Empty,
}

pub(super) async fn serve(
    receivers: usize,
    answer: Answer,
    handled: &Handled,
) -> Result<Vec<SocketAddr>> {
    let mut addresses = Vec::new();
    for _ in 0..receivers {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        addresses.push(listener.local_addr()?);
        let handled = handled.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve_connection(stream, answer, handled.clone()));
            }
        });
    }
    Ok(addresses)
}

async fn serve_connection(
    mut stream: TcpStream,
    answer: Answer,
    handled: Handled,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut incoming = Vec::with_capacity(READ_BYTES);
    let mut outgoing = Vec::new();
    while stream.read_buf(&mut incoming).await? > 0 {
        let mut messages = 0;
        take_frames(&mut incoming, |caller, payload| {
            messages += 1;
            let payload = match answer {
                Answer::Echo => payload,
                Answer::Empty => &[],
            };
            put_frame(&mut outgoing, caller, payload);
        })?;
        handled.add(messages);
        stream.write_all(&outgoing).await?;
        outgoing.clear();
    }
    Ok(())
}

/// Callers that share one connection.
pub(super) async fn callers(server: SocketAddr, callers: usize) -> Result<Vec<TcpCaller>> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let (reader, writer) = stream.into_split();
    let link = Arc::new(Link {
        outgoing: Mutex::new(Vec::new()),
        wake: Notify::new(),
        slots: Slots::new(callers),
    });
    tokio::spawn(write_all(writer, link.clone()));
    tokio::spawn(read_all(reader, link.clone()));
    let callers = (0..u32::try_from(callers)?).map(|index| TcpCaller {
        index,
        link: link.clone(),
    });
    Ok(callers.collect())
}

/// What the callers, the reader and the writer of a connection share.
struct Link {
    outgoing: Mutex<Vec<u8>>,
    wake: Notify,
    slots: Slots,
}

impl Link {
    fn post(&self, caller: u32, payload: &Payload) {
        let mut outgoing = self.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
        let first = outgoing.is_empty();
        put_frame(&mut outgoing, caller, payload);
        drop(outgoing);
        if first {
            self.wake.notify_one();
        }
    }

    fn take_posted(&self, empty: &mut Vec<u8>) {
        let mut outgoing = self.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *outgoing, empty);
    }
}

async fn write_all(mut stream: impl AsyncWrite + Unpin, link: Arc<Link>) -> io::Result<()> {
    let mut sending = Vec::new();
    loop {
        link.wake.notified().await;
        yield_now().await;
        link.take_posted(&mut sending);
        stream.write_all(&sending).await?;
        sending.clear();
    }
}

async fn read_all(mut stream: impl AsyncRead + Unpin, link: Arc<Link>) -> io::Result<()> {
    let mut incoming = Vec::with_capacity(READ_BYTES);
    let (mut answers, mut wakers) = (Vec::new(), Vec::new());
    while stream.read_buf(&mut incoming).await? > 0 {
        take_frames(&mut incoming, |caller, payload| {
            answers.extend(slots::Answer::parse(payload).map(|answer| (caller, answer)));
        })?;
        link.slots.file(&mut answers, &mut wakers);
    }
    Ok(())
}

/// One task's end of a connection.
pub(super) struct TcpCaller {
    index: u32,
    link: Arc<Link>,
}

impl Caller for TcpCaller {
    async fn call(&mut self) -> Tally {
        self.link.post(self.index, &PAYLOAD);
        let answer = poll_fn(|cx| self.link.slots.poll(self.index as usize, cx)).await;
        Tally::one(answer == slots::Answer::Payload(PAYLOAD) || answer == slots::Answer::Empty)
    }
}

/// Appends a message: the payload's length, the caller, the payload.
pub(super) fn put_frame(buffer: &mut Vec<u8>, caller: u32, payload: &[u8]) {
    debug_assert!(payload.len() <= PAYLOAD_BYTES, "no message is longer");
    let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    buffer.extend_from_slice(&len.to_le_bytes());
    buffer.extend_from_slice(&caller.to_le_bytes());
    buffer.extend_from_slice(payload);
}

/// Takes all whole messages from the head of `buffer`.
fn take_frames(buffer: &mut Vec<u8>, mut take: impl FnMut(u32, &[u8])) -> io::Result<()> {
    let mut rest = &buffer[..];
    while let Some((head, after)) = rest.split_at_checked(HEAD_BYTES) {
        let number =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (len, caller) = (number(0) as usize, number(4));
        if len > PAYLOAD_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let Some((payload, after)) = after.split_at_checked(len) else {
            break;
        };
        take(caller, payload);
        rest = after;
    }
    let taken = buffer.len() - rest.len();
    buffer.drain(..taken);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in_however_they_were_cut() {
        let mut sent = Vec::new();
        put_frame(&mut sent, 7, b"seven");
        put_frame(&mut sent, 8, b"");
        let (mut buffer, mut got) = (Vec::new(), Vec::new());
        for byte in sent {
            buffer.push(byte);
            take_frames(&mut buffer, |caller, payload| {
                got.push((caller, payload.to_vec()));
            })
            .unwrap();
        }
        assert_eq!(got, [(7, b"seven".to_vec()), (8, Vec::new())]);
        assert!(buffer.is_empty());
    }

    #[test]
    fn a_longer_message_than_there_is_ends_the_connection() {
        let mut buffer = 65_u32.to_le_bytes().to_vec();
        buffer.extend_from_slice(&[0; 100]);
        assert!(take_frames(&mut buffer, |_, _| {}).is_err());
    }
}
