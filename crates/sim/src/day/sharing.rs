//! What the nodes do to the data that they share, and what their copies report.

use std::time::Duration;

use bytes::Bytes;
use hobnob_endpoint::shared::{self, Entry, Version, limits::CLOCK_AHEAD_MAX};
use rand::{RngExt, seq::IndexedRandom};

use super::{
    crew::{Chore, Crew, Life, Phase},
    dice::Dice,
    payload,
};
use crate::{
    At, NodeId,
    generations::wall_clock,
    model::{CallId, Digest, Fact, ProcessId, Sharing as What, Value},
};

/// Longest time between reading a value and replacing it by [`Act::Compare`].
const THOUGHT_MAX: Duration = Duration::from_secs(2);

/// How long copies take to become equal once everybody knows everybody, and all that was written is believed: some
/// comparisons, each with a random peer.
const EQUAL_WITHIN: Duration = shared::limits::SYNC_INTERVAL.saturating_mul(8);

/// A value that differs from the payload of the call with its number.
const VALUE_SALT: u64 = 0x5a1e_ab1e_0dd5_4a2e;

/// What the nodes share on a day.
#[derive(Clone, Debug)]
pub(super) struct Sharing {
    /// Mean pause between two acts of a node; none are done if it is zero.
    pause: Duration,
    /// How often each [`Act`] is chosen.
    weights: [u32; 5],
    keys: u32,
    counters: u32,
    /// Bytes of a value, at most.
    value_max: usize,
    /// Bytes of all entries, beyond which nobody writes more.
    bytes_max: usize,
    /// How wrong wall clocks are, at most.
    wall_error_max: Duration,
}

/// What a node does to shared data.
#[derive(Clone, Copy, Debug)]
enum Act {
    Set,
    Remove,
    Compare,
    Add,
    Read,
}

impl Sharing {
    /// Nobody shares anything.
    pub(super) fn none() -> Self {
        Self {
            pause: Duration::ZERO,
            weights: [0; 5],
            keys: 0,
            counters: 0,
            value_max: 0,
            bytes_max: shared::limits::BYTES_DEFAULT,
            wall_error_max: Duration::ZERO,
        }
    }

    pub(super) fn draw(dice: &mut Dice, nodes: usize) -> Self {
        if dice.chance(0.5) {
            return Self::none();
        }
        let crowd = u32::try_from(nodes.div_ceil(6)).unwrap_or(1);
        let seconds = *[0, 1, 25, 80].choose(dice).unwrap_or(&0);
        let bytes_max = *[4 << 10, 40 << 10, 8 << 20].choose(dice).unwrap_or(&4_096);
        Self {
            pause: Duration::from_millis(dice.random_range(400..5_000)) * crowd,
            weights: *[
                [4, 2, 3, 4, 2],
                [4, 2, 3, 4, 2],
                [1, 1, 0, 0, 0],
                [0, 0, 0, 1, 0],
            ]
            .choose(dice)
            .unwrap_or(&[1; 5]),
            keys: *[1, 4, 30].choose(dice).unwrap_or(&1),
            counters: dice.random_range(1..4),
            value_max: *[16, 100, 2_000, 20_000].choose(dice).unwrap_or(&16),
            bytes_max,
            wall_error_max: Duration::from_secs(seconds),
        }
    }

    pub(super) fn config(&self) -> shared::Config {
        shared::Config {
            bytes_max: self.bytes_max,
        }
    }

    /// How wrong a process's wall clock is: fast by this, or slow by that.
    pub(super) fn wall_error(&self, dice: &mut Dice) -> (Duration, Duration) {
        let error = dice.up_to(self.wall_error_max);
        match dice.chance(0.5) {
            true => (error, Duration::ZERO),
            false => (Duration::ZERO, error),
        }
    }

    fn draw_act(&self, dice: &mut Dice) -> Act {
        let acts = [Act::Set, Act::Remove, Act::Compare, Act::Add, Act::Read];
        let mut draw = dice.random_range(0..self.weights.iter().sum());
        for (act, weight) in acts.into_iter().zip(self.weights) {
            if draw < weight {
                return act;
            }
            draw -= weight;
        }
        Act::Read
    }
}

impl Crew {
    /// The process reads its machine's wall clock, which is right when nothing is wrong any more.
    pub(super) fn read_wall_clock(&self, at: &mut At<'_>) {
        let Some(life) = self.lives.get(&at.node) else {
            return;
        };
        let (fast, slow) = match self.phase {
            Phase::Trouble => life.wall_error,
            _ => (Duration::ZERO, Duration::ZERO),
        };
        let shown = wall_clock(at.world_now) + fast - slow;
        at.endpoint.set_wall_clock(at.now, shown);
    }

    /// One act, and the next one after a pause. All that happened before was reported.
    pub(super) fn share(&mut self, at: &mut At<'_>) {
        let sharing = &self.plan.sharing;
        let Some(life) = self.lives.get_mut(&at.node) else {
            return;
        };
        if self.phase != Phase::Trouble || life.is_leaving || sharing.pause.is_zero() {
            return;
        }
        let pause = life.dice.pause(sharing.pause);
        let key = format!("key {}", life.dice.random_range(0..sharing.keys));
        let counter = format!("counter {}", life.dice.random_range(0..sharing.counters));
        match sharing.draw_act(&mut life.dice) {
            Act::Set => self.set(at, &key),
            Act::Remove => self.remove(at, &key),
            Act::Compare => {
                let thought = life.dice.up_to(THOUGHT_MAX);
                let expected = self.read(at, &key);
                self.after(at, thought, Chore::Compare(key, expected));
            }
            Act::Add => self.add(at, &counter),
            Act::Read => _ = self.read(at, &key),
        }
        self.after(at, pause, Chore::Share);
    }

    /// Replaces what was read some time ago, if it is still there.
    pub(super) fn compare(&mut self, at: &mut At<'_>, key: &str, expected: Option<Version>) {
        let Some(value) = self.draw_value(at).filter(|_| self.phase == Phase::Trouble) else {
            return;
        };
        let digest = Digest::of(&value);
        let compared = at.endpoint.compare_and_share(at.now, key, expected, value);
        let was_equal = !matches!(compared, Err(shared::CompareError::Changed { .. }));
        let what = What::Compared {
            key,
            expected,
            was_equal,
        };
        self.tell(at, what);
        if let Ok(version) = compared {
            self.tell_write(at, key, (version, digest));
        }
    }

    /// What a copy reports.
    pub(super) fn on_shared_event(&mut self, at: &At<'_>, event: &shared::Event) {
        match event {
            shared::Event::Set { key, entry } => {
                let value = Some(value(entry));
                self.tell(at, What::Changed { key, value });
            }
            shared::Event::Removed { key } => self.tell(at, What::Changed { key, value: None }),
            shared::Event::Counted { name, value } => {
                let value = *value;
                self.tell(at, What::Counted { name, value });
            }
            _ => {}
        }
    }

    /// How long after the faults all copies are equal.
    pub(super) fn copies_are_equal_within(&self) -> Duration {
        EQUAL_WITHIN + self.ahead.saturating_sub(CLOCK_AHEAD_MAX)
    }

    /// The process of a node that hears the last of everything: not one that is refused its name, as nobody who does not
    /// see it begins to compare with it.
    pub(super) fn sharer(&self, node: NodeId) -> Option<ProcessId> {
        let life = self.lives.get(&node)?;
        (!life.is_refused).then_some(life.process)
    }

    /// The copy says that it is as all others.
    pub(super) fn check_copy(&mut self, at: &At<'_>) {
        let Some(process) = self.sharer(at.node) else {
            return;
        };
        let copy = at.endpoint.shared();
        let entries: Vec<_> = copy.entries().collect();
        let entries = entries.iter().map(|(key, entry)| (&***key, value(entry)));
        let counters = copy.counters().map(|(name, value)| (&**name, value));
        self.model.check_copy(process, entries, counters);
    }

    fn set(&mut self, at: &mut At<'_>, key: &str) {
        let Some(value) = self.draw_value(at) else {
            return;
        };
        let digest = Digest::of(&value);
        if let Ok(version) = at.endpoint.share(at.now, key, value) {
            self.tell_write(at, key, (version, digest));
        }
    }

    fn remove(&mut self, at: &mut At<'_>, key: &str) {
        match at.endpoint.remove_shared(at.now, key) {
            Ok(true) => self.tell(at, What::Removed { key }),
            Ok(false) => self.tell(at, What::Read { key, value: None }),
            Err(_) => {}
        }
    }

    fn add(&mut self, at: &mut At<'_>, name: &str) {
        let Some(Life { dice, .. }) = self.lives.get_mut(&at.node) else {
            return;
        };
        let delta = dice.random_range(-3..=6);
        if at.endpoint.add_shared(at.now, name, delta).is_ok() {
            self.tell(at, What::Added { name, delta });
        }
    }

    fn read(&mut self, at: &At<'_>, key: &str) -> Option<Version> {
        let value = at.endpoint.shared().get(key).as_ref().map(value);
        self.tell(at, What::Read { key, value });
        value.map(|(version, _)| version)
    }

    fn draw_value(&mut self, at: &At<'_>) -> Option<Bytes> {
        let life = self.lives.get_mut(&at.node).filter(|it| !it.is_leaving)?;
        let len = life.dice.random_range(0..=self.plan.sharing.value_max);
        self.next_value += 1;
        Some(payload::make(CallId(self.next_value), VALUE_SALT, len))
    }

    fn tell_write(&mut self, at: &At<'_>, key: &str, value: Value) {
        let (version, _) = value;
        let ahead = version.unix_time().saturating_sub(wall_clock(at.world_now));
        self.ahead = self.ahead.max(ahead);
        self.tell(at, What::Wrote { key, value });
    }

    fn tell(&mut self, at: &At<'_>, what: What<'_>) {
        if let Some(life) = self.lives.get(&at.node) {
            let by = life.process;
            self.see(at.world_now, Fact::Shared { by, what });
        }
    }
}

fn value(entry: &Entry) -> Value {
    (entry.version, Digest::of(&entry.value))
}
