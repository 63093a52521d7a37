//! A whole node against a peer it has a session with, which says anything at all.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use hobnob_endpoint::{
    Endpoint, EndpointConfig, Event,
    gossip::{Metadata, MetadataFields},
    messaging,
    session::{SessionConfig, Sessions},
    wire::{AppRelease, Command, Generation, Instant, Peer, ResponseStatus, Writer},
};

use crate::{frames::seeds as frames, seeds::Seed};

/// Bytes of the buffers on both sides.
const ROOM: usize = 65_000;

/// The command the node has a handler for: the one the seeds use.
const COMMAND: Command = Command(200);

/// Whatever stands in the datagrams of a peer with a valid session, the node stays whole: it does not
/// panic, and comes to rest.
///
/// The input is the frames of several datagrams, each after two bytes of its length.
///
/// # Panics
///
/// If that does not hold for `data`.
pub fn session(data: &[u8]) {
    let mut world = World::new();
    let mut rest = data;
    while let Some((len, tail)) = rest.split_first_chunk::<2>() {
        let len = usize::from(u16::from_be_bytes(*len)).min(tail.len());
        let (frames, tail) = tail.split_at(len);
        world.say(frames);
        rest = tail;
    }
    for _ in 0..20 {
        world.wait(Duration::from_millis(700));
    }
}

struct World {
    now: Instant,
    node: Endpoint,
    peer: Sessions,
    handle: Peer,
    buffer: Vec<u8>,
}

impl World {
    fn new() -> Self {
        let now = Instant::ZERO;
        let fields = MetadataFields {
            node_type: "udp".into(),
            ..MetadataFields::default()
        };
        let metadata = Metadata::new(fields).expect("it is short");
        let config = EndpointConfig::new(node_addr(), Generation(10), metadata);
        let mut node = Endpoint::new(config, 1, now).expect("the defaults work");
        node.register(COMMAND);
        let config = SessionConfig {
            cluster: 0,
            release: AppRelease::default(),
            generation: Generation(20),
            peers_max: 8,
        };
        let mut peer = Sessions::new(config, 2, now).expect("the defaults work");
        let handle = peer.connect(now, node_addr()).expect("there is room");
        let mut world = Self {
            now,
            node,
            peer,
            handle,
            buffer: vec![0; ROOM],
        };
        world.pass();
        assert!(
            world
                .peer
                .remote(handle)
                .is_some_and(|remote| remote.is_established)
        );
        world.say(&[1]);
        world
    }

    /// Sends frames in the session, if it still exists.
    fn say(&mut self, frames: &[u8]) {
        let mut buffer = vec![0; ROOM];
        let mut w = Writer::new(&mut buffer);
        let begun = self.peer.begin(self.handle, &mut w);
        if begun.is_ok() && w.put(frames).is_ok() && self.peer.seal(self.handle, &mut w).is_ok() {
            let datagram = Bytes::copy_from_slice(w.written());
            self.node.handle_datagram(self.now, peer_addr(), &datagram);
        }
        self.pass();
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
        self.node.handle_timeout(self.now);
        self.peer.handle_timeout(self.now);
        self.pass();
    }

    /// Lets everything that is on its way arrive.
    fn pass(&mut self) {
        for _ in 0..100 {
            let mut quiet = true;
            while let Some(transmit) = self.peer.poll_transmit(self.now, &mut self.buffer) {
                quiet = false;
                let datagram = Bytes::copy_from_slice(&self.buffer[..transmit.len]);
                self.node.handle_datagram(self.now, peer_addr(), &datagram);
            }
            self.answer();
            while let Some(transmit) = self.node.poll_transmit(self.now, &mut self.buffer) {
                quiet = false;
                if transmit.to == peer_addr() {
                    for datagram in transmit.datagrams(&self.buffer) {
                        // The peer listens to nothing but the handshake.
                        let _ = self.peer.handle_datagram(self.now, node_addr(), datagram);
                    }
                }
            }
            while self.peer.poll_event().is_some() {}
            if quiet {
                return;
            }
        }
        panic!("a node and a peer that is silent come to rest");
    }

    fn answer(&mut self) {
        while let Some(event) = self.node.poll_event() {
            match event {
                Event::Message(messaging::Event::Message { .. }) => self.node.handled(1),
                Event::Message(messaging::Event::Request { key, payload, .. }) => {
                    // The peer may have taken the request back in the meantime.
                    let _ = self
                        .node
                        .respond(self.now, key, ResponseStatus::Ok, payload);
                }
                _ => {}
            }
        }
    }
}

fn node_addr() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 7946))
}

fn peer_addr() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 2], 7946))
}

/// Conversations, good and bad.
pub(crate) fn seeds() -> Vec<Seed> {
    let every = frames::encoded(frames::every_frame);
    let noop = vec![1];
    vec![
        ("every-frame", said(&[&every])),
        ("every-frame-twice", said(&[&every, &noop, &every])),
        (
            "fragments-out-of-order",
            said(&[&fragment(4), &fragment(0), &fragment(2)]),
        ),
        ("nothing", Vec::new()),
    ]
}

fn fragment(offset: u8) -> Vec<u8> {
    vec![6, 1, 6, offset, 2, offset, offset]
}

fn said(bodies: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for body in bodies {
        bytes.extend(
            u16::try_from(body.len())
                .expect("seeds are short")
                .to_be_bytes(),
        );
        bytes.extend(*body);
    }
    bytes
}
