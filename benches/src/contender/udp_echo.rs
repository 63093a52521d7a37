//! Requests as UDP is usually used: a datagram for each message, a system call for each datagram.

use std::{
    future::poll_fn,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{net::UdpSocket, time::timeout};

use super::{
    PAYLOAD,
    slots::{Answer, Slots},
};
use crate::{
    Result,
    benchmark::PAYLOAD_BYTES,
    measure::{Caller, Tally},
    roles::Handled,
};

/// Socket buffers asked for: 512 small datagrams take about 400 KiB of the kernel's memory.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// When a datagram counts as lost. It is not sent again: the caller goes on with its next call.
const LOST_AFTER: Duration = Duration::from_millis(200);

/// Bytes before the payload that say whose it is.
const HEAD_BYTES: usize = 4;

const DATAGRAM_BYTES: usize = HEAD_BYTES + PAYLOAD_BYTES;

pub(super) async fn serve(receivers: usize, handled: &Handled) -> Result<Vec<SocketAddr>> {
    let mut addresses = Vec::new();
    for _ in 0..receivers {
        let socket = bind()?;
        addresses.push(socket.local_addr()?);
        tokio::spawn(echo(socket, handled.clone()));
    }
    Ok(addresses)
}

async fn echo(socket: UdpSocket, handled: Handled) -> io::Result<()> {
    let mut datagram = [0; DATAGRAM_BYTES];
    loop {
        let (len, from) = socket.recv_from(&mut datagram).await?;
        handled.add(1);
        socket.send_to(&datagram[..len], from).await?;
    }
}

/// Callers that share one socket.
pub(super) async fn callers(server: SocketAddr, callers: usize) -> Result<Vec<UdpCaller>> {
    let socket = bind()?;
    socket.connect(server).await?;
    let link = Arc::new(Link {
        socket,
        slots: Slots::new(callers),
    });
    tokio::spawn(receive(link.clone()));
    let callers = (0..u32::try_from(callers)?).map(|index| UdpCaller {
        index,
        link: link.clone(),
    });
    Ok(callers.collect())
}

/// A socket with room for a burst. Also for the unreliable fan-out.
pub(super) fn bind() -> Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_nonblocking(true)?;
    let options = socket2::SockRef::from(&socket);
    // A kernel that grants less only loses datagrams earlier, and those are counted.
    let _ = options.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = options.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    Ok(UdpSocket::from_std(socket)?)
}

struct Link {
    socket: UdpSocket,
    slots: Slots,
}

async fn receive(link: Arc<Link>) -> io::Result<()> {
    let mut datagram = [0; DATAGRAM_BYTES];
    let (mut answers, mut wakers) = (Vec::new(), Vec::new());
    loop {
        let len = link.socket.recv(&mut datagram).await?;
        let parts = datagram[..len].split_first_chunk::<HEAD_BYTES>();
        answers.extend(parts.and_then(|(caller, payload)| {
            Some((u32::from_le_bytes(*caller), Answer::parse(payload)?))
        }));
        link.slots.file(&mut answers, &mut wakers);
    }
}

/// One task's share of the socket.
pub(super) struct UdpCaller {
    index: u32,
    link: Arc<Link>,
}

impl Caller for UdpCaller {
    async fn call(&mut self) -> Tally {
        let mut datagram = [0; DATAGRAM_BYTES];
        let (head, payload) = datagram.split_at_mut(HEAD_BYTES);
        head.copy_from_slice(&self.index.to_le_bytes());
        payload.copy_from_slice(&PAYLOAD);
        if self.link.socket.send(&datagram).await.is_err() {
            return Tally::one(false);
        }
        let answer = poll_fn(|cx| self.link.slots.poll(self.index as usize, cx));
        let answer = timeout(LOST_AFTER, answer).await;
        Tally::one(answer == Ok(Answer::Payload(PAYLOAD)))
    }
}
