//! Reliable fan-out as it is usually written: a TCP connection for each receiver, and an acknowledgement for
//! each message.

use std::{io, net::SocketAddr};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{PAYLOAD, tcp_batch::put_frame};
use crate::{
    Result,
    measure::{Caller, Tally},
};

/// Bytes of an acknowledgement: a head without a payload.
const ACK_BYTES: usize = 8;

/// The sender, as the only caller.
pub(super) async fn fan_out(receivers: &[SocketAddr], limit: usize) -> Result<Vec<TcpFanOut>> {
    let mut streams = Vec::new();
    for receiver in receivers {
        let stream = TcpStream::connect(receiver).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let mut message = Vec::new();
    put_frame(&mut message, 0, &PAYLOAD);
    Ok(vec![TcpFanOut {
        streams,
        message,
        limit,
    }])
}

/// One connection for each receiver.
pub(super) struct TcpFanOut {
    streams: Vec<TcpStream>,
    message: Vec<u8>,
    limit: usize,
}

impl Caller for TcpFanOut {
    async fn call(&mut self) -> Tally {
        let mut waiting = self.streams.iter_mut();
        let mut under_way = FuturesUnordered::new();
        for stream in waiting.by_ref().take(self.limit) {
            under_way.push(deliver(stream, &self.message));
        }
        let mut tally = Tally::default();
        while let Some(result) = under_way.next().await {
            tally.add(Tally::one(result.is_ok()));
            under_way.extend(waiting.next().map(|stream| deliver(stream, &self.message)));
        }
        tally
    }
}

async fn deliver(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    stream.write_all(message).await?;
    let mut ack = [0; ACK_BYTES];
    stream.read_exact(&mut ack).await?;
    Ok(())
}
