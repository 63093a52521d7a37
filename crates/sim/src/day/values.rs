//! What the nodes say of themselves besides their record, and what they read of each other.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use hobnob_endpoint::{
    Endpoint,
    gossip::{Identity, Node},
    shared::{self, Process, values},
    wire::Generation,
};
use rand::{RngExt, seq::IndexedRandom};

use super::{
    crew::{Chore, Crew, Phase},
    dice::Dice,
    payload,
};
use crate::{
    At,
    model::{CallId, Digest, Fact, ProcessId, Saying, Violation},
};

/// How long it takes until everybody has heard the last of what everybody says, once everybody knows everybody: some
/// comparisons, each with a random peer.
pub(super) const HEARD_WITHIN: Duration = shared::limits::SYNC_INTERVAL.saturating_mul(8);

/// A value that differs from those that are shared.
const VALUE_SALT: u64 = 0x0dd5_4a2e_5a1e_ab1e;

/// What the nodes say of themselves on a day.
#[derive(Clone, Debug)]
pub(super) struct Values {
    /// Mean pause between two changes of a node; none are made if it is zero.
    pause: Duration,
    /// Share of changes that remove a value.
    removed: f64,
    keys: u32,
    /// Bytes of a value, at most.
    value_max: usize,
    /// Whether those who are gone are forgotten by hand in the end.
    pub(super) are_gone_forgotten: bool,
}

/// What a process has read of the others.
#[derive(Debug, Default)]
pub(super) struct ReadSoFar {
    /// The versions of the members and of all values when it last looked.
    looked_at: (u64, u64),
    /// Which version of whose values it has read.
    versions: BTreeMap<SocketAddr, (Generation, u64)>,
}

impl Values {
    /// Nobody says anything.
    pub(super) const fn none() -> Self {
        Self {
            pause: Duration::ZERO,
            removed: 0.0,
            keys: 0,
            value_max: 0,
            are_gone_forgotten: false,
        }
    }

    pub(super) fn draw(dice: &mut Dice, nodes: usize) -> Self {
        if dice.chance(0.6) {
            return Self::none();
        }
        let crowd = u32::try_from(nodes.div_ceil(6)).unwrap_or(1);
        Self {
            pause: Duration::from_millis(dice.random_range(300..6_000)) * crowd,
            removed: dice.share(0.8, 0.9),
            keys: *[1, 3, 12, 90].choose(dice).unwrap_or(&1),
            value_max: *[0, 40, 400, 2_500].choose(dice).unwrap_or(&0),
            are_gone_forgotten: dice.chance(0.5),
        }
    }

    pub(super) const fn are_none(&self) -> bool {
        self.pause.is_zero()
    }
}

impl Crew {
    /// The first change of a process, after a pause.
    pub(super) fn begin_saying(&mut self, at: &mut At<'_>) {
        let mean = self.plan.values.pause;
        if let Some(life) = self.lives.get_mut(&at.node).filter(|_| !mean.is_zero()) {
            let pause = life.dice.pause(mean);
            self.after(at, pause, Chore::Say);
        }
    }

    /// One change of what the process says of itself, and the next one after a pause.
    pub(super) fn say(&mut self, at: &mut At<'_>) {
        let plan = &self.plan.values;
        let Some(life) = self.lives.get_mut(&at.node) else {
            return;
        };
        if self.phase != Phase::Trouble || life.is_leaving {
            return;
        }
        let key = format!("value {}", life.dice.random_range(0..plan.keys));
        let len = life.dice.random_range(0..=plan.value_max);
        let is_removed = life.dice.chance(plan.removed);
        let pause = life.dice.pause(plan.pause);
        let by = life.process;
        if is_removed {
            if at.endpoint.remove_value(at.now, &key) {
                let what = Saying::Removed { key: &key };
                self.see(at.world_now, Fact::Said { by, what });
            }
        } else {
            self.next_value += 1;
            let bytes = payload::make(CallId(self.next_value), VALUE_SALT, len);
            let value = Digest::of(&bytes);
            if at.endpoint.set_value(at.now, &key, bytes) == Ok(true) {
                let what = Saying::Set { key: &key, value };
                self.see(at.world_now, Fact::Said { by, what });
            }
        }
        self.after(at, pause, Chore::Say);
    }

    /// A process reports what another one says.
    pub(super) fn on_values_event(&mut self, at: &At<'_>, changed: &values::Changed) {
        if let Some(life) = self.lives.get(&at.node) {
            let what = Saying::Changed {
                addr: changed.process.addr,
                generation: changed.process.generation,
                keys: &changed.keys,
            };
            let by = life.process;
            self.see(at.world_now, Fact::Said { by, what });
        }
    }

    /// The process reads what has changed of what the others say, all of which was reported.
    pub(super) fn read_values(&mut self, at: &At<'_>) {
        if self.plan.values.are_none() {
            return;
        }
        let members = at.endpoint.members();
        let changes = (members.version(), at.endpoint.values().changes());
        let Some(life) = self.lives.get_mut(&at.node) else {
            return;
        };
        if std::mem::replace(&mut life.read.looked_at, changes) == changes {
            return;
        }
        life.read.versions.retain(|addr, (generation, _)| {
            let shown = members.node(*addr);
            shown.is_some_and(|node| node.identity.generation == *generation)
        });
        for node in members.nodes() {
            let whom = node.identity;
            let version = set_of(at.endpoint, whom).map_or(0, values::ValueSet::version);
            let now = (whom.generation, version);
            let life = self.lives.get_mut(&at.node);
            if life.is_some_and(|life| life.read.versions.insert(whom.addr, now) != Some(now)) {
                self.read_values_of(at, whom);
            }
        }
    }

    /// The process reads all that the others say.
    pub(super) fn read_all_values(&mut self, at: &At<'_>) {
        for node in at.endpoint.members().nodes() {
            self.read_values_of(at, node.identity);
        }
        if let Some(life) = self.lives.get(&at.node)
            && let Some(violation) = self.model.first_unheard(life.process)
        {
            self.model.blame(violation);
        }
    }

    /// The process forgets those who are gone.
    pub(super) fn forget_the_gone(at: &mut At<'_>) {
        let gone: Vec<SocketAddr> = {
            let nodes = at.endpoint.members().nodes();
            let gone = nodes.filter(|node| node.state.is_gone());
            gone.map(|node| node.addr()).collect()
        };
        for addr in gone {
            // Somebody else may have been faster.
            let _ = at.endpoint.forget(at.now, addr);
        }
    }

    fn read_values_of(&mut self, at: &At<'_>, whom: Identity) {
        let Some(by) = self.lives.get(&at.node).map(|life| life.process) else {
            return;
        };
        let set = set_of(at.endpoint, whom);
        if let Some(violation) = set.and_then(|set| beyond_limits(by, set)) {
            self.model.blame(violation);
        }
        let values = set.into_iter().flat_map(values::ValueSet::iter);
        let values =
            values.map(|(key, value): (&Arc<str>, &Bytes)| (key.clone(), Digest::of(value)));
        let values: Vec<(Arc<str>, Digest)> = values.collect();
        let what = Saying::Read {
            addr: whom.addr,
            generation: whom.generation,
            values: &values,
        };
        self.see(at.world_now, Fact::Said { by, what });
    }
}

/// Whether a process has not heard the last of what another one says that it sees.
pub(super) fn has_unheard(reader: &Endpoint, other: &Endpoint) -> bool {
    let is_seen = |node: &&Arc<Node>| !node.state.is_gone();
    let node = reader.members().node(other.addr()).filter(is_seen);
    let heard = node.map(|node| set_of(reader, node.identity).map_or(0, values::ValueSet::version));
    heard.is_some_and(|version| version != other.values().own().version())
}

fn set_of(endpoint: &Endpoint, whom: Identity) -> Option<&values::ValueSet> {
    endpoint.values().of(Process {
        addr: whom.addr,
        generation: whom.generation,
    })
}

/// What is held of one process is no more than it may have set.
fn beyond_limits(by: ProcessId, set: &values::ValueSet) -> Option<Violation> {
    let held = [
        (
            "bytes of a process' values",
            set.bytes(),
            values::limits::VALUES_BYTES_MAX,
        ),
        (
            "values of a process",
            set.iter().count(),
            values::limits::VALUES_MAX,
        ),
    ];
    let beyond = held.into_iter().find(|(_, value, limit)| value > limit);
    beyond.map(|(what, value, limit)| Violation::OverLimit {
        by,
        what,
        value,
        limit,
    })
}
