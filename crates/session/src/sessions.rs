//! The core: what can be done with it, and what it hands out.

use alloc::collections::{BTreeSet, VecDeque};
use core::net::SocketAddr;

use hobnob_wire::{
    Deadline, Generation, Handshake, Hello, Instant, Peer, Transmit, VERSION_MAX, VERSION_MIN,
    Writer, append_checksum, limits::HELLO_BYTES,
};

use crate::{
    config::{ConfigError, SessionConfig},
    error::{ConnectError, Dropped, GenerationNotGreater},
    event::{Event, FailedReason, Opened, Remote, TimeoutReason},
    hearing::Hearing,
    ids::Ids,
    limits::EVENTS_MAX,
    outbox::Outbox,
    stats::Stats,
    table::{Table, Tenant},
};

/// The sessions of one node with all its peers.
///
/// Call one method that changes something, then [`poll_transmit`](Self::poll_transmit) and
/// [`poll_event`](Self::poll_event) until both return `None`; [`poll_timeout`](Self::poll_timeout) then
/// says until when nothing happens by itself. `now` must not run backwards from call to call.
#[derive(Debug)]
pub struct Sessions {
    pub(crate) config: SessionConfig,
    pub(crate) ids: Ids,
    pub(crate) table: Table,
    pub(crate) timers: BTreeSet<(Instant, u16, TimeoutReason)>,
    /// Slots that stay no longer than their candidate, by its end.
    pub(crate) strangers: BTreeSet<(Instant, u16)>,
    /// Slots whose attempt has a hello to send.
    pub(crate) hellos_due: BTreeSet<u16>,
    pub(crate) outbox: Outbox,
    pub(crate) stats: Stats,
    pub(crate) hearing: Hearing,
    events: VecDeque<Event>,
}

impl Sessions {
    /// Starts without peers.
    ///
    /// Session ids and nonces are drawn from `seed`: outside of tests it must be one that nobody can guess.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the bad field.
    pub fn new(config: SessionConfig, seed: u64, now: Instant) -> Result<Self, ConfigError> {
        let slots_max = config.slots_max()?;
        Ok(Self {
            config,
            ids: Ids::new(&config, seed),
            table: Table::new(slots_max),
            timers: BTreeSet::new(),
            strangers: BTreeSet::new(),
            hellos_due: BTreeSet::new(),
            outbox: Outbox::new(now),
            stats: Stats::default(),
            hearing: Hearing::default(),
            events: VecDeque::new(),
        })
    }

    /// The node's own generation.
    pub const fn generation(&self) -> Generation {
        self.config.generation
    }

    /// What was counted since the start.
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Whether most of what the peers send to this node has been lost for ten seconds on end. A node that hears
    /// nothing at all does not know.
    pub fn hears_badly(&self, now: Instant) -> bool {
        self.hearing.is_bad(now)
    }

    /// Places of the table that are taken, by peers and by strangers; never more than configured.
    pub fn places_taken(&self) -> usize {
        self.table.len()
    }

    /// Places of the table that are taken by strangers, at most
    /// [`STRANGERS_MAX`](crate::limits::STRANGERS_MAX).
    pub fn strangers(&self) -> usize {
        self.strangers.len()
    }

    /// The peer at an address, if it is remembered: it was connected to, or there was a session with it.
    pub fn peer_at(&self, addr: SocketAddr) -> Option<Peer> {
        let (slot, tenant) = self.tenant_at(addr)?;
        tenant.is_remembered.then(|| self.table.peer(slot))?
    }

    /// Every peer that is remembered, with its address.
    pub fn peers(&self) -> impl Iterator<Item = (Peer, SocketAddr)> {
        self.table.numbers().filter_map(|slot| {
            let tenant = self
                .table
                .tenant(slot)
                .filter(|tenant| tenant.is_remembered)?;
            Some((self.table.peer(slot)?, tenant.addr))
        })
    }

    /// What is known of a peer; `None` once it is forgotten.
    pub fn remote(&self, peer: Peer) -> Option<Remote> {
        let tenant = self.table.tenant(self.table.slot(peer)?)?;
        let session = tenant.session();
        Some(Remote {
            addr: tenant.addr,
            generation: session.map(|session| session.remote.generation),
            proven: tenant.proven,
            is_established: session.is_some(),
        })
    }

    /// Remembers an address, and starts an attempt if there is neither one nor a session.
    ///
    /// # Errors
    ///
    /// [`ConnectError::TableFull`]; nothing changed.
    pub fn connect(&mut self, now: Instant, to: SocketAddr) -> Result<Peer, ConnectError> {
        let full = ConnectError::TableFull {
            peers_max: self.config.peers_max,
        };
        let slot = match self.table.slot_at(to) {
            Some(slot) => slot,
            None => self.admit(to).ok_or(full)?,
        };
        self.remember(slot);
        if self.table.tenant(slot).is_some_and(Tenant::is_idle) {
            self.start_attempt(now, slot);
        }
        self.table.peer(slot).ok_or(full)
    }

    /// Ends the session with a peer, and whatever might become one, without a word to either side. The
    /// address and its highest generation stay remembered. The remote learns of it by a reset when it
    /// sends again.
    pub fn disconnect(&mut self, peer: Peer) {
        if let Some(slot) = self.table.slot(peer) {
            self.drop_candidate(slot);
            self.end_attempt(slot);
            self.end_session(slot);
        }
    }

    /// Drops all that is known of a peer; the handle is stale from now on.
    pub fn forget(&mut self, peer: Peer) {
        if let Some(slot) = self.table.slot(peer) {
            self.release(slot);
        }
    }

    /// Takes a later generation for the node.
    ///
    /// Every session that is established later has it: attempts start over, with their time going on, and
    /// candidates end. Sessions that exist are not touched; to show them the new generation, disconnect
    /// and connect.
    ///
    /// # Errors
    ///
    /// [`GenerationNotGreater`] when it is not later; nothing changed.
    pub fn set_generation(&mut self, generation: Generation) -> Result<(), GenerationNotGreater> {
        let current = self.config.generation;
        if generation <= current {
            return Err(GenerationNotGreater { current });
        }
        self.config.generation = generation;
        for slot in self.table.numbers() {
            self.drop_candidate(slot);
            self.dismiss_stranger(slot);
            self.restart_attempt(slot);
        }
        Ok(())
    }

    /// Takes a datagram that came from `from`.
    ///
    /// # Errors
    ///
    /// [`Dropped`] says why it was not taken. That is no fault of the node, and already counted.
    pub fn handle_datagram<'d>(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &'d [u8],
    ) -> Result<Opened<'d>, Dropped> {
        let opened = self.open(now, from, datagram);
        match &opened {
            Ok(Opened::Frames { .. }) => self.stats.opened += 1,
            Ok(Opened::Handshake) => {}
            Err(reason) => self.stats.count_dropped(*reason),
        }
        opened
    }

    /// Does what is due. Earlier than [`poll_timeout`](Self::poll_timeout) says, it does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&(at, slot, reason)) = self.timers.first()
            && at <= now
        {
            self.timers.pop_first();
            match reason {
                TimeoutReason::HelloUnanswered => self.say_hello_again(slot),
                TimeoutReason::AttemptOver => self.fail_attempt(slot, FailedReason::TimedOut),
                TimeoutReason::CandidateOver => self.expire_candidate(slot),
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next, and why.
    pub fn poll_timeout(&self) -> Option<Deadline<TimeoutReason>> {
        let &(at, _, reason) = self.timers.first()?;
        Some(Deadline { at, reason })
    }

    /// What happened, in order.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Writes the next datagram of a handshake to the beginning of `buffer`, which has room for
    /// [`HELLO_BYTES`].
    ///
    /// # Panics
    ///
    /// When `buffer` is shorter.
    pub fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Transmit> {
        assert!(
            buffer.len() >= HELLO_BYTES,
            "a handshake datagram needs {HELLO_BYTES} bytes"
        );
        let (to, handshake) = self.next_handshake(now)?;
        let mut writer = Writer::new(buffer);
        let written = handshake
            .encode(&mut writer)
            .and_then(|()| append_checksum(&mut writer));
        debug_assert!(written.is_ok(), "no handshake is longer than a hello");
        Some(Transmit {
            to,
            len: writer.len(),
            segment_size: None,
        })
    }

    fn next_handshake(&mut self, now: Instant) -> Option<(SocketAddr, Handshake)> {
        if let Some((to, answer)) = self.outbox.pop() {
            match answer {
                Handshake::Reset(_) => self.stats.resets_sent += 1,
                _ => self.stats.answers_sent += 1,
            }
            return Some((to, answer));
        }
        let slot = self.hellos_due.pop_first()?;
        let tenant = self.table.tenant(slot)?;
        let attempt = tenant.attempt()?;
        let hello = Hello {
            version_min: VERSION_MIN,
            version_max: VERSION_MAX,
            cluster: self.config.cluster,
            generation: self.config.generation,
            session: attempt.local,
            nonce: attempt.nonce,
            release: self.config.release,
        };
        let to = tenant.addr;
        self.wait_for_answer(now, slot);
        self.stats.hellos_sent += 1;
        Some((to, Handshake::Hello(hello)))
    }

    pub(crate) fn push_event(&mut self, event: Event) {
        self.events.push_back(event);
        debug_assert!(
            self.events.len() <= EVENTS_MAX,
            "events are drained after each call"
        );
    }

    pub(crate) fn handle(&self, slot: u16) -> Option<(Peer, SocketAddr)> {
        Some((self.table.peer(slot)?, self.table.tenant(slot)?.addr))
    }

    pub(crate) fn tenant_at(&self, addr: SocketAddr) -> Option<(u16, &Tenant)> {
        let slot = self.table.slot_at(addr)?;
        Some((slot, self.table.tenant(slot)?))
    }
}
