//! A simulated process.

use std::net::{Ipv4Addr, SocketAddr};

use hobnob_endpoint::{
    Endpoint, EndpointConfig,
    wire::{Instant, Transmit},
};

use crate::{
    application::{At, Wakes},
    network::Network,
};

/// Bytes of the send buffer: what the driver uses.
const BUFFER_BYTES: usize = 65_000;

/// Names a node of one simulation, in the order of their starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) usize);

impl NodeId {
    /// The node's number: 0 for the first that was started.
    pub const fn index(self) -> usize {
        self.0
    }

    /// The address a node has: 10.x.y.z:7946, made from its number.
    pub(crate) fn addr(self) -> SocketAddr {
        let [_, a, b, c] = u32::try_from(self.0 + 1).unwrap_or(u32::MAX).to_be_bytes();
        SocketAddr::from((Ipv4Addr::new(10, a, b, c), 7946))
    }
}

pub(crate) struct Node {
    pub(crate) config: EndpointConfig,
    /// `None` while the process is dead.
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) wakes: Wakes,
    /// Datagrams that wait in the socket of a paused process.
    pub(crate) waiting: Vec<(SocketAddr, Vec<u8>)>,
    pub(crate) is_paused: bool,
}

impl Node {
    /// The process as its application sees it; `None` when it is dead.
    pub(crate) fn at(&mut self, id: NodeId, now: Instant) -> Option<At<'_>> {
        Some(At {
            node: id,
            generation: self.config.generation,
            now,
            world_now: now,
            endpoint: self.endpoint.as_mut()?,
            wakes: &mut self.wakes,
        })
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        let endpoint = self.endpoint.as_ref().filter(|_| !self.is_paused)?;
        let timeout = endpoint.poll_timeout().map(|deadline| deadline.at);
        timeout.into_iter().chain(self.wakes.next()).min()
    }

    /// Puts everything the endpoint has to send into the network.
    pub(crate) fn transmit(&mut self, now: Instant, network: &mut Network) {
        let Some(endpoint) = self.endpoint.as_mut() else {
            return;
        };
        let datagram = self.config.datagram_bytes;
        let mut buffer = vec![0; (BUFFER_BYTES / datagram).max(1) * datagram];
        while let Some(transmit) = endpoint.poll_transmit(now, &mut buffer) {
            send(now, endpoint.addr(), transmit, &buffer, network);
        }
    }
}

fn send(now: Instant, from: SocketAddr, transmit: Transmit, buffer: &[u8], network: &mut Network) {
    for datagram in transmit.datagrams(buffer) {
        network.send(now, from, transmit.to, datagram);
    }
}
