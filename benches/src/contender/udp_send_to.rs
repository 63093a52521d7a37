//! Unreliable fan-out as it is usually written: `send_to` in a loop.

use std::{io, net::SocketAddr};

use tokio::{net::UdpSocket, task::yield_now};

use super::{PAYLOAD, udp_echo::bind};
use crate::{
    Result,
    benchmark::PAYLOAD_BYTES,
    measure::{Caller, Tally},
    roles::Handled,
};

pub(super) async fn serve(receivers: usize, handled: &Handled) -> Result<Vec<SocketAddr>> {
    let mut addresses = Vec::new();
    for _ in 0..receivers {
        let socket = bind()?;
        addresses.push(socket.local_addr()?);
        tokio::spawn(receive(socket, handled.clone()));
    }
    Ok(addresses)
}

async fn receive(socket: UdpSocket, handled: Handled) -> io::Result<()> {
    let mut datagram = [0; PAYLOAD_BYTES];
    loop {
        socket.recv_from(&mut datagram).await?;
        handled.add(1);
    }
}

/// The sender, as the only caller.
pub(super) async fn fan_out(receivers: Vec<SocketAddr>, burst: usize) -> Result<Vec<UdpFanOut>> {
    let socket = bind()?;
    Ok(vec![UdpFanOut {
        socket,
        receivers,
        burst,
    }])
}

/// One socket for all receivers.
pub(super) struct UdpFanOut {
    socket: UdpSocket,
    receivers: Vec<SocketAddr>,
    burst: usize,
}

impl Caller for UdpFanOut {
    async fn call(&mut self) -> Tally {
        let mut tally = Tally::default();
        for burst in self.receivers.chunks(self.burst.max(1)) {
            for receiver in burst {
                let sent = self.socket.send_to(&PAYLOAD, receiver).await;
                tally.add(Tally::one(sent.is_ok()));
            }
            yield_now().await;
        }
        tally
    }
}
