//! What happens to a cluster.

use std::{fmt, time::Duration};

use super::{
    Findings,
    crashes::crashes,
    join::join,
    paths::{Cut, cut_off, hears_badly},
    reports::{downs_of, told_all},
    world::{What, World},
};

/// How long slow nodes are blocked, and how long they are not.
const BLOCKED_FOR: Duration = Duration::from_secs(16);
const FREE_FOR: Duration = Duration::from_secs(4);

/// Share of all datagrams that are lost while nodes leave.
const LOSS_AT_LEAVES: f64 = 0.3;
/// How soon all are to know of a leave.
const LEAVE_KNOWN_WITHIN: Duration = Duration::from_secs(3);

/// How long load is measured: several of the longest intervals at which anything happens.
const LOAD_FOR: Duration = Duration::from_secs(60);

/// How long a cluster rests after each trouble.
pub(super) const REST: Duration = Duration::from_secs(10);

/// Accusers of a crashed node that are killed too.
const ACCUSERS: usize = 3;

/// What happens to a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// All nodes join by one of them at once. It comes first.
    Join,
    /// So many nodes leave, one after the other, while datagrams are lost.
    Leave {
        /// How many.
        leavers: usize,
    },
    /// So many nodes are blocked for 16 of every 20 seconds, as long as this.
    Blocked {
        /// How many.
        nodes: usize,
        /// For how many such rounds.
        rounds: u32,
    },
    /// So many nodes are killed, each after the one before is settled.
    Crash {
        /// How many.
        victims: usize,
    },
    /// The same, and the first three that suspect each of them for their own probe are killed too.
    CrashWithAccusers {
        /// How many.
        victims: usize,
    },
    /// None.
    Load,
    /// One node of a hundred hears a fifth of what it is sent.
    HearsBadly,
    /// One node of a hundred hears nothing for 20 of every 40 seconds.
    Deaf,
    /// One node of a hundred is not heard for 20 of every 40 seconds.
    Mute,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Join => write!(f, "all join by one at once"),
            Self::Leave { .. } => write!(f, "leave at 30 % loss"),
            Self::Blocked { nodes, rounds } => {
                let seconds = rounds * 20;
                write!(f, "C={nodes} blocked 16 of every 20 s, {seconds} s")
            }
            Self::Crash { .. } => write!(f, "crash"),
            Self::CrashWithAccusers { .. } => {
                write!(f, "crash of a node and its first three suspectors")
            }
            Self::Load => write!(f, "at rest"),
            Self::HearsBadly => write!(f, "1 % lose 80 % of what they are sent"),
            Self::Deaf => write!(f, "1 % hear nothing for 20 of every 40 s"),
            Self::Mute => write!(f, "1 % are not heard for 20 of every 40 s"),
        }
    }
}

impl Trouble {
    pub(super) fn happen(self, world: &mut impl World, size: usize) -> Findings {
        match self {
            Self::Join => joined(world, size),
            Self::Leave { leavers } => leaves(world, size, leavers),
            Self::Blocked { nodes, rounds } => blocked(world, size, nodes, rounds),
            Self::Crash { victims } => crashes(world, size, victims, 0),
            Self::CrashWithAccusers { victims } => crashes(world, size, victims, ACCUSERS),
            Self::Load => load(world, size),
            Self::HearsBadly => hears_badly(world, size),
            Self::Deaf => cut_off(world, size, Cut::Inwards),
            Self::Mute => cut_off(world, size, Cut::Outwards),
        }
    }
}

fn joined(world: &mut impl World, size: usize) -> Findings {
    let took = join(world, size);
    Findings {
        joined: took.into_iter().collect(),
        never_joined: u64::from(took.is_none()),
        false_downs: downs_of(world, 0, |_| true),
        ..Findings::default()
    }
}

/// One leave after the other, on a bad network.
fn leaves(world: &mut impl World, size: usize, leavers: usize) -> Findings {
    let mut findings = Findings::default();
    let mut is_gone = vec![false; size];
    for leaver in (1..size).step_by(size / (leavers + 1)).take(leavers) {
        world.set_loss_everywhere(LOSS_AT_LEAVES);
        let (left_at, before) = (world.now(), world.said().len());
        world.leave(leaver);
        is_gone[leaver] = true;
        world.run_for(LEAVE_KNOWN_WITHIN);
        match told_all(world, before, (leaver, What::Left), &is_gone) {
            Some((_, last)) => findings.left.push(last.saturating_since(left_at)),
            None => findings.leaves_missed += 1,
        }
        findings.false_downs += downs_of(world, before, |_| true);
        world.set_loss_everywhere(0.0);
        world.run_for(REST);
    }
    findings
}

fn blocked(world: &mut impl World, size: usize, nodes: usize, rounds: u32) -> Findings {
    let before = world.said().len();
    for _ in 0..rounds {
        (0..nodes).for_each(|node| world.set_blocked(node, true));
        world.run_for(BLOCKED_FOR);
        (0..nodes).for_each(|node| world.set_blocked(node, false));
        world.run_for(FREE_FOR);
    }
    Findings {
        false_downs: downs_of(world, before, |whom| (nodes..size).contains(&whom)),
        ..Findings::default()
    }
}

fn load(world: &mut impl World, size: usize) -> Findings {
    let (datagrams, bytes) = world.sent();
    world.run_for(LOAD_FOR);
    let (datagrams_after, bytes_after) = world.sent();
    Findings {
        node_seconds: size as u64 * LOAD_FOR.as_secs(),
        datagrams: datagrams_after - datagrams,
        bytes: bytes_after - bytes,
        ..Findings::default()
    }
}
