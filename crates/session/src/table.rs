//! The table of peers: one slot for each remote address.

use alloc::{collections::BTreeMap, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use hobnob_wire::{Generation, Instant, PacketNumber, Peer, SessionId};

use crate::{event::TimeoutReason, ids::slot_of, window::ReplayWindow};

/// All that is known of one remote address.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    pub(crate) addr: SocketAddr,
    /// Whether it was connected to or proven: it then stays until it is forgotten. Otherwise it is a
    /// stranger, and stays no longer than its candidate.
    pub(crate) is_remembered: bool,
    /// The highest generation that was proven.
    pub(crate) proven: Option<Generation>,
    pub(crate) link: Link,
    pub(crate) candidate: Option<Candidate>,
}

/// What the node has with a remote address. There is no attempt while there is a session.
#[derive(Clone, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a session is the usual case, and reached without a detour"
)]
pub(crate) enum Link {
    Idle,
    Connecting(Attempt),
    Established(Session),
}

/// A hello of the node's own that was not answered yet.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) local: SessionId,
    pub(crate) nonce: u64,
    /// The one hello of the remote that may be answered with `local`. If another one could be, then data
    /// that belongs to the true one would prove a forged one.
    pub(crate) lent_to: Option<Claim>,
    /// How long the next hello waits for its answer, before jitter.
    pub(crate) delay: Duration,
    pub(crate) ends_at: Instant,
    /// What its timer is set to.
    pub(crate) alarm: (Instant, TimeoutReason),
}

/// What a hello says of its sender, true or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) session: SessionId,
    pub(crate) generation: Generation,
}

/// A session that its initiator has not proven yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) local: SessionId,
    pub(crate) claim: Claim,
    pub(crate) version: u8,
    pub(crate) ends_at: Instant,
}

/// A session in use.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) local: SessionId,
    pub(crate) remote: Claim,
    pub(crate) version: u8,
    pub(crate) next_packet: PacketNumber,
    pub(crate) came: ReplayWindow,
    /// When the last one came.
    pub(crate) came_at: Option<Instant>,
}

/// Which of a tenant's ids a datagram names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Addressee {
    Session { version: u8 },
    Candidate { version: u8 },
    Attempt,
}

impl Session {
    pub(crate) const fn new(local: SessionId, remote: Claim, version: u8) -> Self {
        Self {
            local,
            remote,
            version,
            next_packet: PacketNumber::ZERO,
            came: ReplayWindow::new(),
            came_at: None,
        }
    }
}

impl Tenant {
    /// What `id` is to this tenant. A candidate goes before the attempt whose id it borrowed.
    pub(crate) fn addressee(&self, id: SessionId) -> Option<Addressee> {
        if let Link::Established(session) = &self.link
            && session.local == id
        {
            return Some(Addressee::Session {
                version: session.version,
            });
        }
        if let Some(candidate) = &self.candidate
            && candidate.local == id
        {
            return Some(Addressee::Candidate {
                version: candidate.version,
            });
        }
        match &self.link {
            Link::Connecting(attempt) if attempt.local == id => Some(Addressee::Attempt),
            _ => None,
        }
    }

    /// The id under which the sender of a hello may address the node, if one is meant for it already or
    /// that of the attempt can be lent.
    pub(crate) fn lend(&mut self, claim: Claim) -> Option<SessionId> {
        if let Some(candidate) = &self.candidate
            && candidate.claim == claim
        {
            return Some(candidate.local);
        }
        let attempt = self.attempt_mut()?;
        let lent_to = *attempt.lent_to.get_or_insert(claim);
        (lent_to == claim).then_some(attempt.local)
    }

    pub(crate) const fn is_idle(&self) -> bool {
        matches!(self.link, Link::Idle)
    }

    pub(crate) const fn session(&self) -> Option<&Session> {
        match &self.link {
            Link::Established(session) => Some(session),
            _ => None,
        }
    }

    pub(crate) const fn session_mut(&mut self) -> Option<&mut Session> {
        match &mut self.link {
            Link::Established(session) => Some(session),
            _ => None,
        }
    }

    pub(crate) const fn attempt(&self) -> Option<&Attempt> {
        match &self.link {
            Link::Connecting(attempt) => Some(attempt),
            _ => None,
        }
    }

    pub(crate) const fn attempt_mut(&mut self) -> Option<&mut Attempt> {
        match &mut self.link {
            Link::Connecting(attempt) => Some(attempt),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Slot {
    epoch: u32,
    tenant: Option<Tenant>,
}

/// Slots by number, and their numbers by address. It grows as it is used, up to a fixed number of slots.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    slots: Vec<Slot>,
    free: Vec<u16>,
    by_addr: BTreeMap<SocketAddr, u16>,
    slots_max: u16,
}

impl Table {
    pub(crate) const fn new(slots_max: u16) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            by_addr: BTreeMap::new(),
            slots_max,
        }
    }

    /// Slots that have a tenant.
    pub(crate) fn len(&self) -> usize {
        self.by_addr.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= usize::from(self.slots_max)
    }

    pub(crate) fn slot_at(&self, addr: SocketAddr) -> Option<u16> {
        self.by_addr.get(&addr).copied()
    }

    /// The slot of a handle that is not stale.
    pub(crate) fn slot(&self, peer: Peer) -> Option<u16> {
        let slot = self.slots.get(usize::from(peer.slot))?;
        (slot.epoch == peer.epoch && slot.tenant.is_some()).then_some(peer.slot)
    }

    /// The handle of a slot's tenant.
    pub(crate) fn peer(&self, slot: u16) -> Option<Peer> {
        let Slot { epoch, tenant } = self.slots.get(usize::from(slot))?;
        tenant.as_ref().map(|_| Peer {
            slot,
            epoch: *epoch,
        })
    }

    pub(crate) fn tenant(&self, slot: u16) -> Option<&Tenant> {
        self.slots.get(usize::from(slot))?.tenant.as_ref()
    }

    pub(crate) fn tenant_mut(&mut self, slot: u16) -> Option<&mut Tenant> {
        self.slots.get_mut(usize::from(slot))?.tenant.as_mut()
    }

    pub(crate) fn addressee(&self, id: SessionId) -> Option<Addressee> {
        self.tenant(slot_of(id))?.addressee(id)
    }

    /// Gives an address, which has none, a slot. `None` when all are taken.
    pub(crate) fn admit(&mut self, addr: SocketAddr) -> Option<u16> {
        debug_assert!(!self.by_addr.contains_key(&addr), "one slot an address");
        let number = self.free.pop().or_else(|| self.grow())?;
        self.slots[usize::from(number)].tenant = Some(Tenant {
            addr,
            is_remembered: false,
            proven: None,
            link: Link::Idle,
            candidate: None,
        });
        self.by_addr.insert(addr, number);
        Some(number)
    }

    fn grow(&mut self) -> Option<u16> {
        let number = u16::try_from(self.slots.len()).ok()?;
        (number < self.slots_max).then(|| {
            self.slots.push(Slot::default());
            number
        })
    }

    /// Frees a slot; its next tenant has another epoch.
    pub(crate) fn evict(&mut self, number: u16) {
        let Some(slot) = self.slots.get_mut(usize::from(number)) else {
            return;
        };
        if let Some(tenant) = slot.tenant.take() {
            slot.epoch = slot.epoch.wrapping_add(1);
            self.by_addr.remove(&tenant.addr);
            self.free.push(number);
        }
    }

    /// Numbers of the slots there are, with or without a tenant.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u16> + use<> {
        let slots = u16::try_from(self.slots.len()).unwrap_or(self.slots_max);
        0..slots
    }
}
