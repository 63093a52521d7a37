//! Values that each process says of itself, and everybody can read.
//!
//! Only its owner sets or removes a value; all others hold what they have heard of it, and pass it on unchanged. It
//! is no part of a node's record: how much it is, and how often it changes, is of no concern to the membership.
//!
//! # What is held, and how it is told
//!
//! A [`ValueSet`] has a version that counts its owner's changes, and each key has that of its own last change (the
//! "scuttlebutt" of van Renesse, Dumitriu, Gough, Thomas 2008, LADIS). So one number says how much somebody knows
//! of a process, and what he lacks are the keys above it, removed ones included. That difference is told as a whole, at
//! most 8 KiB: nobody is ever between two versions, so what a process changed at once is never seen in part, and what
//! arrives twice, late or in another order changes nothing. Removals are remembered, the latest 32 of a process; who is
//! further back is told everything.
//!
//! # Phases
//!
//! 1. *Setting.* [`Values::set`] and [`Values::remove`] change this node's own set at once, or refuse with a reason.
//! 2. *News.* A difference of up to [`TOLD_BYTES_MAX`](limits::TOLD_BYTES_MAX) goes out at once, later ones every
//!    [`NEWS_INTERVAL`]: to all peers where these are few, else to some who pass on what is new to them. Of a larger
//!    one it is only told that it is there, as it is to some more in the next round, whatever the size; who lacks it
//!    asks one of those who say so. So what is large goes to nobody twice, and news misses one in a thousand.
//! 3. *Comparing.* Every [`SYNC_INTERVAL`] a node sends a random peer a hash over who has which version. Only where
//!    that differs do they compare the versions themselves; each offers what the other lacks, and is asked for it.
//!    Who finds company, and who has learnt something by comparing, compares within a second. A node that joins
//!    so gets everything, at most [`WANTED_MAX`](limits::WANTED_MAX) sets at a time.
//! 4. *Ending.* A later process at an address starts with nothing; what the earlier one had set ends with it. Of one
//!    that failed or left, what it had set can be read for as long as the membership remembers it.
//!
//! ```text
//!  a                                             b
//!    │ set("load", 3) ─► values {a: 6..7} ──────► merge, pass on       news
//!    │ set("map", 2 kB) ─► offer {a: 8} ────────► lacks it
//!    │ ◄───────────────────────── want {a: 7} ───┘
//!    └ values {a: 7..8} ────────────────────────► merge, pass on
//!
//!    │ root ────────────────────────────────────► equal: nothing       comparing, mostly
//!    │ root ────────────────────────────────────► differs              comparing, at worst
//!    │ ◄───────────────────── digest {a: 7, c: 4} ┘
//!    └ offer {a: 8}, want {c: 3} ───────────────► want {a: 7}, values {c: 3..4} …
//! ```
//!
//! Where nobody has set anything, nothing is sent but one hash by each node that finds company.
//!
//! # Promises
//!
//! - Of each process everybody who can be reached comes to know the latest version, whatever was lost, repeated,
//!   reordered or cut before, and nobody ever goes back to an earlier one.
//! - An owner that hears of a version of its values that it never had makes its own word the latest again.
//! - Everything held is bounded by [`limits`], whatever peers say; what one payload makes this node send is, too.
//! - The same calls with the same seed give the same payloads and events.
//!
//! [`NEWS_INTERVAL`]: crate::limits::NEWS_INTERVAL
//! [`SYNC_INTERVAL`]: crate::limits::SYNC_INTERVAL

mod codec;
mod compare;
mod error;
mod incoming;
pub mod limits;
mod members;
mod news;
mod set;
mod stats;

use alloc::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    vec::Vec,
};
use core::{fmt, net::SocketAddr};

use bytes::Bytes;
use hobnob_wire::{Deadline, Generation, Instant};
use rand::{SeedableRng, rngs::ChaCha8Rng};

use self::{
    compare::Wanted,
    limits::{EVENTS_MAX, VERSION_OUTBID_MAX},
    members::Members,
    news::News,
};
pub use self::{error::ValueError, set::ValueSet, stats::Stats};
use crate::{
    clock::Process,
    data::TimeoutReason,
    outbox::{Outbox, Transmit},
};

/// Another member has set or removed values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Which process.
    pub process: Process,
    /// Under which keys, in their order.
    pub keys: Vec<Arc<str>>,
}

/// This node's own values and what it knows of those of others, as a state machine without socket, clock or task.
///
/// It is driven as [`SharedData`](crate::SharedData) is.
pub struct Values {
    me: Process,
    own: ValueSet,
    members: Members,
    rng: ChaCha8Rng,
    news: News,
    /// What was asked for and has not come.
    wanted: BTreeMap<Process, Wanted>,
    compare: compare::Compare,
    outbox: Outbox,
    events: VecDeque<Changed>,
    changes: u64,
    stats: Stats,
    now: Instant,
}

impl Values {
    /// Nobody has set anything, as far as is known. `seed` determines every random choice it will make.
    pub fn new(me: Process, seed: u64, now: Instant) -> Self {
        Self {
            me: me.canonical(),
            own: ValueSet::default(),
            members: Members::default(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            news: News::default(),
            wanted: BTreeMap::new(),
            compare: compare::Compare::default(),
            outbox: Outbox::default(),
            events: VecDeque::new(),
            changes: 0,
            stats: Stats::default(),
            now,
        }
    }

    /// What this node has set.
    pub const fn own(&self) -> &ValueSet {
        &self.own
    }

    /// What a process has set, as far as this node knows: its own, a member's, or that of a process that is about to
    /// become one.
    pub fn of(&self, process: Process) -> Option<&ValueSet> {
        let process = process.canonical();
        if process == self.me {
            return Some(&self.own);
        }
        self.members.get(process)
    }

    /// Grows whenever [`own`](Self::own) or [`of`](Self::of) may say something else.
    pub const fn changes(&self) -> u64 {
        self.changes
    }

    /// What there is, and what happened so far.
    pub fn stats(&self) -> Stats {
        let (processes, strangers) = self.members.counts();
        Stats {
            own_bytes: self.own.bytes(),
            processes,
            strangers,
            news: self.news.len(),
            wanted: self.wanted.len(),
            unfinished_bytes: self.outbox.longest(),
            payloads_withheld: self.outbox.withheld(),
            ..self.stats
        }
    }

    /// Sets one of this node's own values. Says whether it was another one before.
    ///
    /// # Errors
    ///
    /// [`ValueError`]; nothing changed.
    pub fn set(&mut self, now: Instant, key: &str, value: Bytes) -> Result<bool, ValueError> {
        let now = self.advance(now);
        let before = self.own.version();
        let set = self.own.set(key, value);
        self.stats.refused += u64::from(set.is_err());
        self.own_changed(now, before);
        set
    }

    /// Removes one of this node's own values. Says whether there was one.
    pub fn remove(&mut self, now: Instant, key: &str) -> bool {
        let now = self.advance(now);
        let before = self.own.version();
        let removed = self.own.remove(key);
        self.own_changed(now, before);
        removed
    }

    fn own_changed(&mut self, now: Instant, before: u64) {
        if self.own.version() > before {
            self.changes += 1;
            self.news.add(self.me, before);
        }
        self.settle(now);
    }

    /// Somebody holds a version of this node's values that it never had: what it has set is the latest again, and told as
    /// a whole. Versions are not to be used up, so one far ahead of any honest one stays.
    fn outbid(&mut self, version: u64) {
        if (self.own.version() + 1..=VERSION_OUTBID_MAX).contains(&version) {
            self.own.outbid(version);
            self.changes += 1;
            self.stats.outbid += 1;
            self.news.add(self.me, 0);
        }
    }

    /// This node goes on under another generation, with the values it has.
    pub fn renew(&mut self, now: Instant, generation: Generation) {
        let now = self.advance(now);
        if generation > self.me.generation {
            self.me.generation = generation;
            self.changes += 1;
            if self.own.version() > 0 {
                self.news.add(self.me, 0);
            }
        }
        self.settle(now);
    }

    /// The next payload to send, and to which peer.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.outbox.pop()
    }

    /// A transmit came to its end: whether it arrived.
    pub fn handle_sent(&mut self, now: Instant, to: SocketAddr, bytes: usize, arrived: bool) {
        let now = self.advance(now);
        self.outbox.finished(to, bytes);
        if !arrived {
            self.wanted.retain(|_, wanted| wanted.from != to);
            if !self.anybody_tells() {
                // Who has nothing asks nobody by itself but once.
                self.compare_soon(now, None);
            }
        }
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Changed> {
        self.events.pop_front()
    }

    /// Whether [`poll_event`](Self::poll_event) has something to tell.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, at the latest.
    pub fn poll_timeout(&self) -> Option<Deadline<TimeoutReason>> {
        let news = self.news.due().map(|at| Deadline {
            at,
            reason: TimeoutReason::News,
        });
        let sync = self.compare.due().map(|at| Deadline {
            at,
            reason: TimeoutReason::Sync,
        });
        let both = news.into_iter().chain(sync);
        both.min_by_key(|deadline| deadline.at)
    }

    /// Lets everything happen that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.advance(now);
        if self.compare.due().is_some_and(|due| due <= now) {
            self.begin_compare();
        }
        self.settle(now);
    }

    /// Leaves nothing undone but what waits for a payload, a command or the clock.
    fn settle(&mut self, now: Instant) {
        if self.news.due().is_some_and(|due| due <= now) {
            self.tell_news(now);
        }
        if self.compare.due().is_none() && self.anybody_tells() {
            self.schedule_compare(now);
        }
    }

    /// The latest moment known; time never runs backwards.
    fn advance(&mut self, now: Instant) -> Instant {
        self.now = self.now.max(now);
        self.now
    }

    /// The live processes that have set something, this one included, with their versions.
    fn told(&self) -> impl Iterator<Item = (Process, u64)> {
        let own = (self.own.version() > 0).then_some((self.me, self.own.version()));
        own.into_iter().chain(self.members.told())
    }

    fn anybody_tells(&self) -> bool {
        self.own.version() > 0 || self.members.anybody_tells()
    }

    fn tell(&mut self, event: Changed) {
        if self.events.len() < EVENTS_MAX {
            self.events.push_back(event);
        } else {
            self.stats.events_dropped += 1;
        }
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values")
            .field("me", &self.me)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
