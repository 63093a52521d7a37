//! What is known of one address.

use alloc::{string::String, sync::Arc};

use hobnob_wire::{AppRelease, Instant, VarInt};

use crate::{
    identity::{Identity, Life},
    node::{Node, NodeState},
    payload::{DigestEntry, Liveness},
    record::{Declared, Record},
};

/// One address, and the newest life known there.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) life: Life,
    /// SWIM holds the life for alive.
    pub(crate) live: bool,
    pub(crate) suspect: bool,
    pub(crate) incarnation: u16,
    /// The newest word of its owner in this generation.
    pub(crate) record: Option<Record>,
    /// What the record declares of the application.
    release: AppRelease,
    /// Since when this process is known.
    pub(crate) known_since: Instant,
    /// This process has spoken to this node.
    pub(crate) has_spoken: bool,
    /// The name in the record, by which it is found among its namesakes; empty without one.
    pub(super) name: String,
    /// Another live node that claims its name, while it is the one that is shown.
    pub(super) rival: Option<Identity>,
    /// Another one of its name is shown, or would be.
    pub(super) outranked: bool,
    /// Down, but its goodbye may be on its way: it does not count as failed before this.
    pub(super) grace_until: Option<Instant>,
    /// Somebody holds it for failed: it is suspected unless it shows itself before this.
    pub(super) doubt_until: Option<Instant>,
    /// When a suspect that was neither cleared nor declared down is to be told to its face.
    pub(super) confront_at: Option<Instant>,
    /// When to ask it for its record, while that is missing.
    pub(super) ask_at: Option<Instant>,
    pub(super) gone_since: Option<Instant>,
    /// What users see; nothing before both SWIM and a record have spoken.
    pub(super) node: Option<Arc<Node>>,
}

impl Entry {
    pub(super) const fn new(life: Life, now: Instant) -> Self {
        Self {
            life,
            live: false,
            suspect: false,
            incarnation: 0,
            record: None,
            release: AppRelease {
                version: None,
                compatible_with: None,
            },
            known_since: now,
            has_spoken: false,
            name: String::new(),
            rival: None,
            outranked: false,
            grace_until: None,
            doubt_until: None,
            confront_at: None,
            ask_at: None,
            gone_since: Some(now),
            node: None,
        }
    }

    /// Starts over under `life`, of which nothing bad is known yet.
    pub(super) const fn begin(&mut self, life: Life) {
        self.life = life;
        self.suspect = false;
        self.incarnation = 0;
        self.grace_until = None;
        self.doubt_until = None;
    }

    /// Another process is at the address.
    pub(super) fn begin_process(&mut self, now: Instant) {
        self.record = None;
        self.known_since = now;
        self.has_spoken = false;
    }

    pub(super) fn take_record(&mut self, record: Record) {
        self.release = record.metadata.release();
        self.record = Some(record);
    }

    /// What the process declares of its application, if that is known.
    pub(crate) fn release(&self) -> Option<AppRelease> {
        self.record.as_ref().map(|_| self.release)
    }

    /// Whether it is certain that the process works with this node: what it declares was looked at, or it has spoken,
    /// for which it needed a session.
    pub(crate) const fn is_vetted(&self) -> bool {
        self.record.is_some() || self.has_spoken
    }

    pub(crate) const fn node(&self) -> Option<&Arc<Node>> {
        self.node.as_ref()
    }

    pub(crate) fn has_left(&self) -> bool {
        self.record.as_ref().is_some_and(Record::has_left)
    }

    /// Whether `record` says something newer than what is known.
    pub(crate) fn is_news(&self, record: &Record) -> bool {
        self.record
            .as_ref()
            .is_none_or(|known| !known.has_left() && record.age() > known.age())
    }

    /// The version of the record, zero without one.
    pub(crate) fn version(&self) -> VarInt {
        self.record.as_ref().map_or(VarInt::ZERO, |r| r.version)
    }

    pub(crate) fn liveness(&self) -> Liveness {
        if self.has_left() {
            Liveness::Left
        } else if self.suspect || self.grace_until.is_some() {
            Liveness::Suspect
        } else if self.live {
            Liveness::Alive
        } else {
            Liveness::Failed
        }
    }

    pub(crate) fn digest(&self) -> DigestEntry {
        DigestEntry {
            life: self.life,
            version: self.version(),
            liveness: self.liveness(),
            incarnation: self.incarnation,
        }
    }

    /// Whether the record is missing, or speaks for an earlier life than the one that is alive.
    pub(super) fn lacks_record(&self) -> bool {
        self.live && self.record.as_ref().is_none_or(|r| r.life != self.life)
    }

    /// How the entry is to be shown, and whose word that is. Who was never seen alive is not shown gone, and whose
    /// name is another's is not shown at all.
    pub(super) fn visible(&self) -> Option<(NodeState, &Record)> {
        let record = self.record.as_ref()?;
        let seen = self.node.is_some();
        if !seen && (self.outranked || record.yields) {
            return None;
        }
        let state = match record.declared {
            Declared::Left if seen => NodeState::Left,
            Declared::Here(_) if self.live && self.suspect => NodeState::Suspect,
            Declared::Here(declared) if self.live => declared.into(),
            Declared::Here(_) if seen && self.grace_until.is_some() => NodeState::Suspect,
            Declared::Here(_) if seen => NodeState::Failed,
            Declared::Left | Declared::Here(_) => return None,
        };
        Some((state, record))
    }
}
