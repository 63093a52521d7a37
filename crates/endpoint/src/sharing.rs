//! Shared data and values: their copies talk by messages of their own, with the members only.
//!
//! They stand behind gossip in every datagram, as all messages do, and take what the congestion window leaves:
//! whatever is shared, it does not keep the membership from finding out who is there. They have a queue of their own, so
//! that callers who keep theirs full do not keep the copies apart.

use alloc::collections::BTreeMap;
use core::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use hobnob_gossip as gossip;
use hobnob_messaging::{Call, Token, limits::ASIDE_BYTES_PEER_MAX};
use hobnob_shared::{
    AddError, CompareError, Process, SharedData, Transmit, Version, WriteError,
    limits::{PAYLOAD_BYTES_MAX, UNFINISHED_BYTES_PEER_MAX},
};
use hobnob_wire::{Command, Generation, Instant, Peer, limits::INNER_BYTES_MIN};

use crate::{calling::Target, endpoint::Endpoint, event::CallError};

/// How long a payload may take. What did not arrive by then is found by comparing, with whoever can be reached.
const TIMEOUT: Duration = Duration::from_secs(5);

const _: () = assert!(
    PAYLOAD_BYTES_MAX <= INNER_BYTES_MIN,
    "a payload is never too large to be sent, however little callers are allowed"
);

const _: () = assert!(
    2 * UNFINISHED_BYTES_PEER_MAX <= ASIDE_BYTES_PEER_MAX,
    "what both cores compose for a peer has room"
);

/// Whose payload it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharer {
    /// The map and the counters.
    Shared,
    /// The values of the nodes.
    Values,
}

impl Sharer {
    const fn command(self) -> Command {
        match self {
            Self::Shared => Command::SHARED,
            Self::Values => Command::VALUES,
        }
    }
}

/// Payloads on their way, by their tokens: whose they are, to whom they go, and how long they are. As many as the cores
/// compose: see [`UNFINISHED_BYTES_PEER_MAX`](hobnob_shared::limits::UNFINISHED_BYTES_PEER_MAX).
pub(crate) type UnderWay = BTreeMap<u64, (Sharer, SocketAddr, usize)>;

impl Endpoint {
    /// This node's copy of what the cluster shares, to read from.
    pub const fn shared(&self) -> &SharedData {
        &self.shared
    }

    /// The wall clock was read: `unix_time` is what it shows, as the time since 1970. Shared data goes by it.
    pub fn set_wall_clock(&mut self, now: Instant, unix_time: Duration) {
        self.shared.set_wall_clock(now, unix_time);
    }

    /// As [`SharedData::set`].
    ///
    /// # Errors
    ///
    /// [`WriteError`]; nothing changed.
    pub fn share(&mut self, now: Instant, key: &str, value: Bytes) -> Result<Version, WriteError> {
        let written = self.shared.set(now, key, value);
        self.settle(now);
        written
    }

    /// As [`SharedData::compare_and_set`].
    ///
    /// # Errors
    ///
    /// [`CompareError`]; nothing changed.
    pub fn compare_and_share(
        &mut self,
        now: Instant,
        key: &str,
        version: Option<Version>,
        value: Bytes,
    ) -> Result<Version, CompareError> {
        let written = self.shared.compare_and_set(now, key, version, value);
        self.settle(now);
        written
    }

    /// As [`SharedData::remove`].
    ///
    /// # Errors
    ///
    /// [`WriteError`]; nothing changed.
    pub fn remove_shared(&mut self, now: Instant, key: &str) -> Result<bool, WriteError> {
        let removed = self.shared.remove(now, key);
        self.settle(now);
        removed
    }

    /// As [`SharedData::add`].
    ///
    /// # Errors
    ///
    /// [`AddError`]; nothing changed.
    pub fn add_shared(&mut self, now: Instant, name: &str, delta: i64) -> Result<(), AddError> {
        let added = self.shared.add(now, name, delta);
        self.settle(now);
        added
    }

    /// Those who are members are those who share the map and the counters.
    pub(crate) fn share_with(&mut self, now: Instant, event: &gossip::Event) {
        match event {
            gossip::Event::NodeUp(node) => self.shared.peer_up(now, node.addr()),
            gossip::Event::Failed(node) | gossip::Event::Left(node) => {
                self.shared.peer_down(now, node.addr());
            }
            gossip::Event::Replaced { old, .. } => {
                self.shared.peer_down(now, old.addr());
                if self.is_member(old.addr()) {
                    self.shared.peer_up(now, old.addr());
                }
            }
            _ => {}
        }
    }

    pub(crate) fn send_shared(&mut self, now: Instant, sharer: Sharer, transmit: Transmit) {
        let Transmit { to, payload } = transmit;
        let len = payload.len();
        match self.try_send_shared(now, sharer.command(), to, payload) {
            Ok(token) => {
                self.shared_under_way.insert(token.0, (sharer, to, len));
            }
            Err(_) => self.sharing_ended(now, (sharer, to, len), false),
        }
    }

    fn try_send_shared(
        &mut self,
        now: Instant,
        command: Command,
        to: SocketAddr,
        payload: Bytes,
    ) -> Result<Token, CallError> {
        if self.gossip.is_leaving() {
            return Err(CallError::PeerDown);
        }
        let generation = self.sharer_at(to).ok_or(CallError::PeerDown)?;
        let target = Target {
            addr: to,
            generation: Some(generation),
        };
        let peer = self.peer(now, target)?;
        let token = Token(self.relays.next_number());
        let call = Call {
            command,
            payload,
            deadline: now + TIMEOUT,
            token,
        };
        self.messaging.send_aside(now, peer, call)?;
        Ok(token)
    }

    fn sharing_ended(
        &mut self,
        now: Instant,
        (sharer, to, len): (Sharer, SocketAddr, usize),
        arrived: bool,
    ) {
        match sharer {
            Sharer::Shared => self.shared.handle_sent(now, to, len, arrived),
            Sharer::Values => self.values.handle_sent(now, to, len, arrived),
        }
    }

    /// Which process at an address is a member; or talks to this node, and is not known to have gone.
    fn sharer_at(&self, addr: SocketAddr) -> Option<Generation> {
        let Some(node) = self.gossip.node(addr) else {
            let peer = self.sessions.peer_at(addr)?;
            return self.sessions.remote(peer)?.proven;
        };
        (!node.state.is_gone()).then_some(node.identity.generation)
    }

    fn is_member(&self, addr: SocketAddr) -> bool {
        let node = self.gossip.node(addr);
        node.is_some_and(|node| !node.state.is_gone())
    }

    /// A payload that is no other core's came to its end.
    pub(crate) fn on_shared_sent(&mut self, now: Instant, token: Token, arrived: bool) -> bool {
        let Some(under_way) = self.shared_under_way.remove(&token.0) else {
            return false;
        };
        self.sharing_ended(now, under_way, arrived);
        true
    }

    pub(crate) fn on_shared_message(
        &mut self,
        now: Instant,
        peer: Peer,
        sharer: Sharer,
        payload: &[u8],
    ) {
        if let Some(remote) = self.sessions.remote(peer) {
            let from = remote.addr;
            // The cores count what they refuse.
            let _ = match sharer {
                Sharer::Shared => self.shared.handle_payload(now, from, payload),
                Sharer::Values => self.values.handle_payload(now, from, payload),
            };
        }
    }

    /// Who this process is where shares in counters are told apart.
    pub(crate) const fn sharer(addr: SocketAddr, generation: Generation) -> Process {
        Process { addr, generation }
    }
}
