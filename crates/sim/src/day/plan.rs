//! What kind of day it is: everything that is decided before it begins.

use std::{fmt, time::Duration};

use hobnob_endpoint::{
    EndpointConfig,
    gossip::{GossipConfig, Metadata, MetadataFields, Profile},
    messaging,
    wire::limits::RELAY_HEAD_BYTES_MAX,
};
use rand::{RngExt, seq::IndexedRandom};

use super::{
    Scenario,
    crew::REUNION_PAUSE,
    dice::Dice,
    load,
    names::Names,
    sharing::Sharing,
    sides::Sides,
    values::Values,
    weather::{FaultKind, Faults},
};

/// Bytes of the messages of a day, about: what a seed may cost.
const BYTES_BUDGET: u64 = 6 << 20;

/// Messages of full size for which reassembly has room, unless it is to be tight.
const REASSEMBLY_MESSAGES: usize = 16;

/// One kind of bad day.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) nodes: usize,
    pub(super) profile: Profile,
    /// How long there is trouble.
    pub(super) trouble: Duration,
    pub(super) traffic: Traffic,
    pub(super) handlers: Handlers,
    pub(super) limits: Limits,
    pub(super) sharing: Sharing,
    pub(super) values: Values,
    pub(super) sides: Sides,
    pub(super) names: Names,
    pub(super) faults: Faults,
}

/// What the nodes say to each other.
#[derive(Clone, Debug)]
pub(super) struct Traffic {
    /// Mean pause between two bursts of a node.
    pub(super) pause: Duration,
    /// Calls of a burst, at most.
    pub(super) burst_max: u32,
    /// How often each kind is chosen: send, request, unreliable, fan-out, relayed, in order.
    pub(super) weights: [u32; 6],
    /// Bytes of an ordinary payload, at most.
    pub(super) small_max: usize,
    /// Share of payloads that are larger, up to `large_max`.
    pub(super) large_share: f64,
    pub(super) large_max: usize,
    /// Bytes of large payloads in all.
    pub(super) bytes_budget: u64,
    /// Deadlines are drawn up to this, short ones more often.
    pub(super) deadline_max: Duration,
    /// Share of calls that are given up by their caller.
    pub(super) cancelled: f64,
    /// Share of bursts that nobody flushes at once.
    pub(super) unsent: f64,
    /// Share of calls for a process, not for an address.
    pub(super) to_process: f64,
    /// Share of calls with a command that only some nodes handle.
    pub(super) rare: f64,
}

/// How the nodes handle what comes.
#[derive(Clone, Debug)]
pub(super) struct Handlers {
    /// Share that takes time, up to `slow_max`.
    pub(super) slow: f64,
    pub(super) slow_max: Duration,
    /// Share that fails.
    pub(super) failing: f64,
    /// Share that never answers.
    pub(super) silent: f64,
    /// Bytes of an answer, at most.
    pub(super) answer_max: usize,
}

/// How small the nodes' queues and tables are.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) datagram: usize,
    pub(super) message: usize,
    pub(super) incoming: usize,
    pub(super) queue_messages: usize,
    pub(super) unreliable: usize,
    pub(super) window: usize,
    /// Messages of full size that the caps of reassembly have room for.
    pub(super) reassembly_messages: usize,
}

impl Plan {
    /// What nodes say of themselves comes from `words`, so that all else does not depend on it.
    pub(super) fn draw(scenario: Scenario, dice: &mut Dice, words: &mut Dice) -> Self {
        if scenario.is_load() {
            return load::plan(scenario);
        }
        let nodes = match dice.random_range(0..100) {
            0..4 => 30,
            4..20 => dice.random_range(2..4),
            _ => dice.random_range(3..13),
        };
        let profile = match dice.chance(0.75) {
            true => Profile::Local,
            false => Profile::Lan,
        };
        let limits = Limits::draw(dice);
        let faults = match scenario {
            Scenario::Loss => Faults::only(FaultKind::Weather, dice),
            Scenario::Partition => Faults::only(FaultKind::Partition, dice),
            Scenario::Restart => Faults::only(FaultKind::Crash, dice),
            Scenario::Pause => Faults::only(FaultKind::Pause, dice),
            _ => Faults::draw(dice),
        };
        let trouble = Duration::from_secs(dice.random_range(10..60));
        let sides = Sides::draw(words, nodes);
        Self {
            nodes,
            profile,
            trouble,
            traffic: Traffic::draw(dice, &limits, nodes),
            handlers: Handlers::draw(dice, &limits),
            sharing: Sharing::draw(dice, nodes),
            values: Values::draw(words, nodes),
            names: Names::draw(words, nodes, trouble, sides.are_apart()),
            sides,
            limits,
            faults,
        }
    }

    /// What the `index`th node says of itself.
    pub(super) fn metadata(&self, index: usize) -> Metadata {
        let mut fields = MetadataFields {
            node_type: "day".into(),
            name: self.names.of(index, self.nodes),
            ..MetadataFields::default()
        };
        self.sides.declare(index, &mut fields);
        Metadata::new(fields).expect("short texts")
    }

    /// Configures the `index`th node.
    pub(super) fn configure(&self, index: usize, config: &mut EndpointConfig) {
        config.gossip = GossipConfig::new(self.profile);
        config.datagram_bytes = self.limits.datagram;
        config.messaging = self.limits.messaging();
        config.shared = self.sharing.config();
        self.sides.configure(index, config);
    }

    /// How long after the last fault every node must see the cluster as it is, and every call must have
    /// ended: a greeting of the seeds, a rejoin, a suspicion and rounds of comparing knowledge, several times over; and the longest
    /// deadline.
    pub(super) fn settles_within(&self) -> Duration {
        let gossip = GossipConfig::new(self.profile);
        let views = REUNION_PAUSE
            + gossip.rejoin_interval * 6
            + gossip.probe_period
                * 2
                * u32::from(gossip.suspicion_multiplier)
                * u32::from(gossip.suspicion_stretch)
            + gossip.sync_interval * 20;
        views.max(self.traffic.deadline_max * 2)
    }
}

impl Traffic {
    /// Nobody says anything by itself.
    pub(super) const fn none() -> Self {
        Self {
            pause: Duration::ZERO,
            burst_max: 0,
            weights: [0; 6],
            small_max: 0,
            large_share: 0.0,
            large_max: 0,
            bytes_budget: 0,
            deadline_max: Duration::from_secs(60),
            cancelled: 0.0,
            unsent: 0.0,
            to_process: 0.0,
            rare: 0.0,
        }
    }

    fn draw(dice: &mut Dice, limits: &Limits, nodes: usize) -> Self {
        let weights = match dice.random_range(0..8) {
            0 => [1, 0, 0, 0, 0, 0],
            1 => [0, 1, 0, 0, 0, 0],
            2 => [1, 1, 1, 4, 0, 1],
            3 => [1, 1, 0, 0, 2, 0],
            4 => [1, 1, 0, 0, 0, 8],
            _ => [3, 4, 2, 1, 1, 3],
        };
        // A node of a large cluster speaks less often, so that a day costs the same.
        let crowd = u32::try_from(nodes.div_ceil(6)).unwrap_or(1);
        let large_max = *[200 << 10, 200 << 10, 64 << 10, 4 << 20]
            .choose(dice)
            .unwrap_or(&0);
        Self {
            pause: Duration::from_millis(dice.random_range(40..1_500)) * crowd,
            burst_max: *[1, 3, 12, 40].choose(dice).unwrap_or(&1),
            weights,
            small_max: *[16, 200, 1_200, 8_000].choose(dice).unwrap_or(&16),
            large_share: match limits.is_reassembly_tight() {
                true => dice.share(1.0, 0.8),
                false => dice.share(0.5, 0.15),
            },
            large_max: large_max.min(limits.message + limits.message / 8),
            bytes_budget: BYTES_BUDGET,
            deadline_max: Duration::from_millis(
                *[200, 2_000, 10_000, 20_000].choose(dice).unwrap_or(&200),
            ),
            cancelled: dice.share(0.5, 0.4),
            unsent: dice.share(0.5, 0.8),
            to_process: dice.share(0.8, 1.0),
            rare: dice.share(0.4, 0.5),
        }
    }
}

impl Handlers {
    /// Nothing takes time or fails.
    pub(super) const fn quick() -> Self {
        Self {
            slow: 0.0,
            slow_max: Duration::ZERO,
            failing: 0.0,
            silent: 0.0,
            answer_max: 0,
        }
    }

    fn draw(dice: &mut Dice, limits: &Limits) -> Self {
        Self {
            slow: dice.share(0.6, 1.0),
            slow_max: Duration::from_millis(*[5, 100, 1_000, 5_000].choose(dice).unwrap_or(&5)),
            failing: dice.share(0.4, 0.3),
            silent: dice.share(0.3, 0.2),
            answer_max: match dice.chance(0.1) {
                true => limits.message + limits.message / 8,
                false => *[16, 1_000, 20_000].choose(dice).unwrap_or(&16),
            }
            .min(256 << 10),
        }
    }
}

impl Limits {
    /// What a node has unless configured.
    pub(super) const fn wide() -> Self {
        Self {
            datagram: 1_400,
            message: 4 << 20,
            incoming: 65_536,
            queue_messages: 65_536,
            unreliable: 4_096,
            window: 1 << 20,
            reassembly_messages: REASSEMBLY_MESSAGES,
        }
    }

    fn draw(dice: &mut Dice) -> Self {
        let tight = dice.chance(0.4);
        let mut pick = |wide: usize, small: &[usize]| match tight && dice.chance(0.5) {
            true => *small.choose(dice).unwrap_or(&wide),
            false => wide,
        };
        let reassembly_messages = pick(REASSEMBLY_MESSAGES, &[1, 2]);
        Self {
            // Room for few messages is soon used up, if these are not so large that there are few of them.
            message: match reassembly_messages < REASSEMBLY_MESSAGES {
                true => pick(40 << 10, &[2_000, 10_000, 250 << 10]),
                false => pick(4 << 20, &[2_000, 40 << 10, 250 << 10]),
            },
            incoming: pick(65_536, &[1, 4, 32]),
            queue_messages: pick(65_536, &[1, 3, 20]),
            unreliable: pick(4_096, &[1, 8]),
            window: pick(1 << 20, &[20_000, 64 << 10]),
            reassembly_messages,
            datagram: *[1_200, 1_400, 1_400, 9_000].choose(dice).unwrap_or(&1_400),
        }
    }

    /// Whether a call from everybody to everybody may find a full queue.
    pub(super) const fn are_tight(&self) -> bool {
        self.queue_messages < 8 || self.incoming < 256 || self.is_reassembly_tight()
    }

    const fn is_reassembly_tight(&self) -> bool {
        self.reassembly_messages < REASSEMBLY_MESSAGES
    }

    #[allow(
        clippy::needless_update,
        reason = "what else is configurable has its default"
    )]
    pub(super) fn messaging(&self) -> messaging::Config {
        // A message's head is some bytes more, and a relay's some more than that.
        let message = self.message + 64;
        let reassembly = message * self.reassembly_messages + RELAY_HEAD_BYTES_MAX;
        messaging::Config {
            datagram_bytes: self.datagram,
            message_bytes_max: self.message,
            incoming_max: self.incoming,
            reassembly_bytes_peer: reassembly,
            // As tight as may be, if it is to be tight: what a peer may have, all together have.
            reassembly_bytes_node: match self.is_reassembly_tight() {
                true => reassembly,
                false => reassembly + message,
            },
            queue_messages_peer: self.queue_messages,
            queue_bytes_peer: message * 4,
            unreliable_messages_peer: self.unreliable,
            window_bytes_max: self.window,
            ..messaging::Config::default()
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            nodes,
            profile,
            trouble,
            traffic,
            handlers,
            limits,
            sharing,
            values,
            sides,
            names,
            faults,
        } = self;
        writeln!(
            f,
            "{nodes} nodes, {profile:?} profile, trouble for {trouble:?}"
        )?;
        writeln!(f, "{traffic:?}")?;
        writeln!(f, "{handlers:?}")?;
        writeln!(f, "{limits:?}")?;
        writeln!(f, "{sharing:?}")?;
        writeln!(f, "{values:?}")?;
        writeln!(f, "{sides:?}")?;
        writeln!(f, "{names:?}")?;
        write!(f, "{faults:?}")
    }
}
