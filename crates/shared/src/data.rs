//! One node's copy: what can be asked of it and done to it.

use alloc::{collections::VecDeque, sync::Arc};
use core::{fmt, net::SocketAddr, time::Duration};

use bytes::Bytes;
use hobnob_wire::{Deadline, Instant};
use rand::{SeedableRng, rngs::ChaCha8Rng};

use crate::{
    clock::{Clock, Process, Version},
    config::{Config, ConfigError},
    counters::Counters,
    digest::Digest,
    entries::Entries,
    error::{AddError, CompareError, WriteError},
    event::Event,
    item::{Item, ItemKey, ShareKey, Slot},
    limits::{
        COUNTERS_MAX, ENTRY_OVERHEAD, EVENTS_MAX, KEY_BYTES_MAX, SHARES_MAX, VALUE_BYTES_MAX,
    },
    news::News,
    outbox::{Outbox, Transmit},
    stats::Stats,
    sync::Sync,
};

/// A key's value, and which write gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: Bytes,
    /// Which write it was: see [`SharedData::compare_and_set`].
    pub version: Version,
}

/// Why the core wants its timeout handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeoutReason {
    /// What was written meanwhile goes out together.
    News,
    /// A comparison with a peer begins, and what is too old is forgotten.
    Sync,
}

/// One node's copy of what the cluster shares, as a state machine without socket, clock or task.
///
/// After each call that takes `now`, drain: [`poll_transmit`](Self::poll_transmit) and
/// [`poll_event`](Self::poll_event) until they are empty, then wait for [`poll_timeout`](Self::poll_timeout). What is
/// transmitted must arrive whole, or not at all; reliably is better, in order it need not be. Time never runs
/// backwards: an earlier `now` counts as the latest one.
pub struct SharedData {
    pub(crate) me: Process,
    pub(crate) config: Config,
    pub(crate) rng: ChaCha8Rng,
    pub(crate) clock: Clock,
    pub(crate) entries: Entries,
    pub(crate) counters: Counters,
    pub(crate) digest: Digest,
    pub(crate) news: News,
    pub(crate) sync: Sync,
    pub(crate) outbox: Outbox,
    pub(crate) events: VecDeque<Event>,
    pub(crate) stats: Stats,
    now: Instant,
}

impl SharedData {
    /// A copy in which nothing is. `seed` determines every random choice it will make; `unix_time` is what the wall
    /// clock shows `now`, as the time since 1970.
    ///
    /// `me` must not have been given to another process: shares in counters go by it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the field that is wrong.
    pub fn new(
        config: Config,
        me: Process,
        seed: u64,
        now: Instant,
        unix_time: Duration,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            me: me.canonical(),
            config: config.check()?,
            rng: ChaCha8Rng::seed_from_u64(seed),
            clock: Clock::new(now, unix_time),
            entries: Entries::default(),
            counters: Counters::default(),
            digest: Digest::new(),
            news: News::default(),
            sync: Sync::default(),
            outbox: Outbox::default(),
            events: VecDeque::new(),
            stats: Stats::default(),
            now,
        })
    }

    /// Which process this is.
    pub const fn me(&self) -> Process {
        self.me
    }

    /// What a key's value is, as far as this node knows.
    pub fn get(&self, key: &str) -> Option<Entry> {
        self.entries.get(key).and_then(entry)
    }

    /// All keys that have a value, in their order.
    pub fn entries(&self) -> impl Iterator<Item = (&Arc<str>, Entry)> {
        let entries = self.entries.iter();
        entries.filter_map(|(key, slot)| Some((key, entry(slot)?)))
    }

    /// What all have added to a counter, as far as this node knows; the nearest number there is, if it is too large.
    pub fn counter(&self, name: &str) -> i64 {
        self.counters.value(name)
    }

    /// All counters that anybody has touched, in the order of their names.
    pub fn counters(&self) -> impl Iterator<Item = (&Arc<str>, i64)> {
        self.counters.iter()
    }

    /// A hash of all that is in this copy: equal copies have the same.
    pub fn fingerprint(&self) -> u64 {
        self.digest.root()
    }

    /// What there is, and what happened so far.
    pub fn stats(&self) -> Stats {
        let ahead = self.clock.ahead(self.now).as_millis();
        Stats {
            entries: self.entries.live(),
            removed: self.entries.removed(),
            bytes: self.entries.bytes(),
            counters: self.counters.len(),
            shares: self.counters.shares(),
            news: self.news.len(),
            unfinished_bytes: self.outbox.longest(),
            clock_ahead_millis: u64::try_from(ahead).unwrap_or(u64::MAX),
            news_dropped: self.news.dropped(),
            payloads_withheld: self.outbox.withheld(),
            ..self.stats
        }
    }

    /// The wall clock was read. What it shows goes on with `now` until it is read again.
    pub fn set_wall_clock(&mut self, now: Instant, unix_time: Duration) {
        let now = self.advance(now);
        self.clock.read(now, unix_time);
    }

    /// Gives a key a value, whatever it has. Replacing a value by one that is not longer works always.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; nothing changed.
    pub fn set(&mut self, now: Instant, key: &str, value: Bytes) -> Result<Version, WriteError> {
        let now = self.advance(now);
        let written = self
            .check_set(key, &value)
            .and_then(|()| self.write(now, key, Some(value)));
        self.stats.writes_refused += u64::from(written.is_err());
        written
    }

    /// Gives a key a value if the last write to it, as far as this node knows, is the one that was read: `None` if
    /// there was no value.
    ///
    /// Best effort: another node may have written to the key and this one not have heard of it, or may do the
    /// same at this moment. Both are then told that it worked, and one of the values is overwritten by the other.
    ///
    /// # Errors
    ///
    /// [`CompareError`]; nothing changed.
    pub fn compare_and_set(
        &mut self,
        now: Instant,
        key: &str,
        version: Option<Version>,
        value: Bytes,
    ) -> Result<Version, CompareError> {
        let current = self.get(key).map(|entry| entry.version);
        if current != version {
            return Err(CompareError::Changed { current });
        }
        Ok(self.set(now, key, value)?)
    }

    /// Takes a key's value away. Says whether it had one; if not, as far as this node knows, nothing happens.
    ///
    /// # Errors
    ///
    /// [`WriteError::Clock`]; nothing changed.
    pub fn remove(&mut self, now: Instant, key: &str) -> Result<bool, WriteError> {
        let now = self.advance(now);
        if self.get(key).is_none() {
            return Ok(false);
        }
        let written = self.write(now, key, None);
        self.stats.writes_refused += u64::from(written.is_err());
        written.map(|_| true)
    }

    /// Adds to a counter, or takes away from it if `delta` is negative.
    ///
    /// # Errors
    ///
    /// [`AddError`]; nothing changed.
    pub fn add(&mut self, now: Instant, name: &str, delta: i64) -> Result<(), AddError> {
        let now = self.advance(now);
        let added = self.add_to_own(now, name, delta);
        self.stats.writes_refused += u64::from(added.is_err());
        added
    }

    fn add_to_own(&mut self, now: Instant, name: &str, delta: i64) -> Result<(), AddError> {
        if !(1..=KEY_BYTES_MAX).contains(&name.len()) {
            return Err(AddError::Name(name.len()));
        }
        let (counters, shares) = (self.counters.len(), self.counters.shares());
        let known = self.counters.name(name);
        if known.is_none() && counters >= COUNTERS_MAX {
            return Err(AddError::Counters(counters));
        }
        let key = ShareKey {
            period: self.clock.next(now)?.period(),
            name: known.unwrap_or_else(|| Arc::from(name)),
            process: self.me,
        };
        let share = self.counters.share(&key);
        if share.is_none() && shares >= SHARES_MAX {
            return Err(AddError::Shares(shares));
        }
        if delta != 0 {
            let share = share.unwrap_or_default().add(delta);
            let share = share.ok_or(AddError::Overflow)?;
            self.write_item(now, Item::Share(key, share));
        }
        Ok(())
    }

    fn check_set(&self, key: &str, value: &Bytes) -> Result<(), WriteError> {
        if !(1..=KEY_BYTES_MAX).contains(&key.len()) {
            return Err(WriteError::Key(key.len()));
        }
        if value.len() > VALUE_BYTES_MAX {
            return Err(WriteError::Value(value.len()));
        }
        let before = self.entries.get(key).map_or(0, |slot| {
            let old = slot.value.as_ref().map_or(0, Bytes::len);
            ENTRY_OVERHEAD + key.len() + old
        });
        let after = ENTRY_OVERHEAD + key.len() + value.len();
        let bytes = self.entries.bytes() - before + after;
        if after > before && bytes > self.config.bytes_max {
            return Err(WriteError::Full {
                bytes,
                removed: self.entries.removed(),
                max: self.config.bytes_max,
            });
        }
        Ok(())
    }

    fn write(
        &mut self,
        now: Instant,
        key: &str,
        value: Option<Bytes>,
    ) -> Result<Version, WriteError> {
        let version = Version {
            time: self.clock.next(now)?,
            writer: self.me,
        };
        let item = Item::Entry(Arc::from(key), Slot { version, value });
        self.write_item(now, item);
        Ok(version)
    }

    fn write_item(&mut self, now: Instant, item: Item) {
        let key = item.key();
        let changed = self.merge(now, item);
        debug_assert!(
            changed,
            "what is written now is later than all that is known"
        );
        self.news.add(key);
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
        if !arrived && self.digest.is_empty() {
            // Who has nothing asks nobody by itself but once.
            self.sync_soon(now, None);
        }
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether [`poll_event`](Self::poll_event) has something to tell.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// When [`SharedData::handle_timeout`] is to be called, at the latest.
    pub fn poll_timeout(&self) -> Option<Deadline<TimeoutReason>> {
        let news = self.news.due().map(|at| Deadline {
            at,
            reason: TimeoutReason::News,
        });
        let sync = self.sync.due.map(|at| Deadline {
            at,
            reason: TimeoutReason::Sync,
        });
        [news, sync]
            .into_iter()
            .flatten()
            .min_by_key(|deadline| deadline.at)
    }

    /// Lets everything happen that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.advance(now);
        if self.sync.due.is_some_and(|due| due <= now) {
            self.forget(now);
            self.begin_sync(now);
        }
        self.settle(now);
    }

    /// Leaves nothing undone but what waits for a payload, a command or the clock.
    pub(crate) fn settle(&mut self, now: Instant) {
        if self.news.due().is_some_and(|due| due <= now) {
            self.tell_news(now);
        }
        if self.sync.due.is_none() && !self.digest.is_empty() {
            self.schedule_sync(now);
        }
    }

    /// The latest moment known; time never runs backwards.
    pub(crate) fn advance(&mut self, now: Instant) -> Instant {
        self.now = self.now.max(now);
        self.now
    }

    pub(crate) fn tell(&mut self, event: Event) {
        if self.events.len() < EVENTS_MAX {
            self.events.push_back(event);
        } else {
            self.stats.events_dropped += 1;
        }
    }

    /// An item as it is to be told, if it is held.
    pub(crate) fn item(&self, key: &ItemKey) -> Option<Item> {
        Some(match key {
            ItemKey::Entry(key) => Item::Entry(key.clone(), self.entries.get(key)?.clone()),
            ItemKey::Share(key) => Item::Share(key.clone(), self.counters.share(key)?),
            ItemKey::Folded(name) => Item::Folded(name.clone(), self.counters.folded(name)?),
        })
    }
}

pub(crate) fn entry(slot: &Slot) -> Option<Entry> {
    Some(Entry {
        value: slot.value.clone()?,
        version: slot.version,
    })
}

impl fmt::Debug for SharedData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedData")
            .field("me", &self.me)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
