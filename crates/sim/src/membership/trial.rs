//! One cluster under one kind of trouble.

use std::{fmt, ops::AddAssign, time::Duration};

use super::{
    join::join,
    plain::Plain,
    whole::Whole,
    world::{What, World},
};
use hobnob_endpoint::wire::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// How long slow nodes are blocked, and how long they are not.
const BLOCKED_FOR: Duration = Duration::from_secs(16);
const FREE_FOR: Duration = Duration::from_secs(4);

/// How long a crash may take to be noticed by all before it counts as never noticed.
const NOTICED_WITHIN: Duration = Duration::from_secs(90);

/// How exactly crashes are watched: far finer than any bound.
const WATCH_EVERY: Duration = Duration::from_millis(20);

/// Accusers of a crashed node that are killed too.
const ACCUSERS: usize = 3;

/// Share of all datagrams that are lost while nodes leave.
const LOSS_AT_LEAVES: f64 = 0.3;
/// How soon all are to know of a leave.
pub(super) const LEAVE_KNOWN_WITHIN: Duration = Duration::from_secs(3);

/// How long load is measured: several of the longest intervals at which anything happens.
const LOAD_FOR: Duration = Duration::from_secs(60);

/// How long a bad path is bad, and how long it is good after that. A lossy one stays bad.
const BAD_FOR: Duration = Duration::from_secs(20);
/// Times a path turns bad.
const BAD_TIMES: u32 = 3;
/// How long a lossy path has been bad when it must be known, and for how long it is watched then.
const LOSSY_KNOWN_WITHIN: Duration = Duration::from_secs(90);
/// Share of what is sent to a node that hears badly which it does not hear.
const LOSSY: f64 = 0.8;
/// How long a cluster rests after each trouble.
const REST: Duration = Duration::from_secs(10);
/// How long nodes may take to be back after their paths are good.
const BACK_WITHIN: Duration = Duration::from_secs(60);

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Engine {
    /// Whole endpoints.
    Hobnob,
    /// Bare foca 2.0, `new_lan`.
    Foca,
}

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

/// What a cluster lives through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Who it is made of.
    pub engine: Engine,
    /// Of how many.
    pub size: usize,
    /// One after the other, with some rest in between. Those that kill come last.
    pub troubles: Vec<Trouble>,
    /// With so many seeds at most.
    pub seeds_max: u64,
}

/// What came of a trial; those of several seeds add up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// Reports of healthy nodes as failed.
    pub false_downs: u64,
    /// How long it took until all who joined knew all.
    pub joined: Vec<Duration>,
    /// Clusters in which it never came to that.
    pub never_joined: u64,
    /// How long after each leave the last of the others knew of it.
    pub left: Vec<Duration>,
    /// Leaves that were not known to all in time.
    pub leaves_missed: u64,
    /// How long it took from each crash until the first of the others reported it.
    pub first: Vec<Duration>,
    /// How long from there until the last did.
    pub last: Vec<Duration>,
    /// Crashes that were never reported by all.
    pub unnoticed: u64,
    /// Node seconds over which load was measured.
    pub node_seconds: u64,
    /// Datagrams that were sent meanwhile.
    pub datagrams: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bad nodes, each time they turned bad.
    pub bad: u64,
    /// Those of them whom some healthy node held for alive when they had been bad for long.
    pub not_removed: u64,
    /// Reports of bad nodes as back although they still were bad and had been removed.
    pub revived: u64,
    /// Bad nodes that were not back everywhere some time after they were healthy again.
    pub not_back: u64,
}

impl Trial {
    /// Lives through it once; what came of each trouble, in their order.
    pub fn run(&self, seed: u64) -> Vec<Findings> {
        match self.engine {
            Engine::Hobnob => self.run_in(&mut Whole::new(seed, self.size)),
            Engine::Foca => self.run_in(&mut Plain::new(seed, self.size)),
        }
    }

    fn run_in(&self, world: &mut impl World) -> Vec<Findings> {
        if self.troubles.first() != Some(&Trouble::Join) {
            world.assemble();
        }
        let troubles = self.troubles.iter();
        let lived = troubles.map(|trouble| {
            let findings = trouble.happen(world, self.size);
            if self.troubles.len() > 1 {
                if *trouble == Trouble::Join {
                    world.assemble();
                }
                world.run_for(REST);
            }
            findings
        });
        lived.collect()
    }
}

impl Trouble {
    fn happen(self, world: &mut impl World, size: usize) -> Findings {
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

/// Reports of failures since a moment, of those whom it is about.
fn downs_of(world: &impl World, since: usize, is_meant: impl Fn(usize) -> bool) -> u64 {
    let said = &world.said()[since..];
    let downs = said.iter().filter(|said| said.what == What::Down);
    downs.filter(|said| is_meant(said.whom)).count() as u64
}

/// One crash after the other; each may take `accusers` with it.
fn crashes(world: &mut impl World, size: usize, victims: usize, accusers: usize) -> Findings {
    let mut findings = Findings::default();
    let mut is_dead = vec![false; size];
    for victim in (1..size).step_by(size / (victims + 1)).take(victims) {
        if is_dead[victim] {
            continue;
        }
        world.kill(victim);
        is_dead[victim] = true;
        let crashed_at = world.now();
        let before = world.said().len();
        let mut doomed = accusers;
        let mut told = None;
        while told.is_none() && world.now().saturating_since(crashed_at) < NOTICED_WITHIN {
            world.run_for(WATCH_EVERY);
            let is_accuser = |by: &usize| !is_dead[*by] && world.has_accused(*by, victim);
            let found: Vec<usize> = (0..size).filter(is_accuser).take(doomed).collect();
            for by in found {
                world.kill(by);
                is_dead[by] = true;
                doomed -= 1;
            }
            told = told_all(world, before, (victim, What::Down), &is_dead);
        }
        match told {
            Some((first, last)) => {
                findings.first.push(first.saturating_since(crashed_at));
                findings.last.push(last.saturating_since(first));
            }
            None => findings.unnoticed += 1,
        }
        // Until the others that are dead are known too.
        world.run_for(20 * SECOND);
    }
    findings
}

/// When the first and the last of the living reported a crash or a leave, once all have.
fn told_all(
    world: &impl World,
    since: usize,
    (whom, what): (usize, What),
    is_dead: &[bool],
) -> Option<(Instant, Instant)> {
    let said = world.said()[since..].iter();
    let reports = said.filter(|said| said.whom == whom && said.what == what);
    let mut has_told = is_dead.to_vec();
    let (mut first, mut last, mut told) = (None, None, 0);
    // In the order in which they were made.
    for said in reports.filter(|said| !std::mem::replace(&mut has_told[said.by], true)) {
        first = first.or(Some(said.at));
        last = Some(said.at);
        told += 1;
    }
    let living = is_dead.iter().filter(|is_dead| !**is_dead).count();
    if told < living {
        return None;
    }
    first.zip(last)
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

/// The bad ones of a cluster: one of a hundred.
fn bad_ones(size: usize) -> usize {
    (size / 100).max(1)
}

fn hears_badly(world: &mut impl World, size: usize) -> Findings {
    let bad = bad_ones(size);
    let lose = |world: &mut dyn FnMut(usize, usize)| {
        for whom in 0..bad {
            (0..size)
                .filter(|by| *by != whom)
                .for_each(|by| world(by, whom));
        }
    };
    let before = world.said().len();
    lose(&mut |by, whom| world.set_loss(by, whom, LOSSY));
    world.run_for(LOSSY_KNOWN_WITHIN);
    let not_removed = not_removed(world, size, bad);
    let removed = world.said().len();
    world.run_for(LOSSY_KNOWN_WITHIN);
    let mut findings = Findings {
        bad: bad as u64,
        not_removed,
        revived: revived(world, removed, bad),
        false_downs: 0,
        ..Findings::default()
    };
    lose(&mut |by, whom| world.set_loss(by, whom, 0.0));
    world.run_for(BACK_WITHIN);
    findings.not_back = not_back(world, size, bad);
    findings.false_downs = healthy_downs(world, before, size, bad);
    findings
}

/// In which direction nodes are cut off.
#[derive(Clone, Copy)]
enum Cut {
    Inwards,
    Outwards,
}

fn cut_off(world: &mut impl World, size: usize, direction: Cut) -> Findings {
    let bad = bad_ones(size);
    let mut findings = Findings::default();
    let before = world.said().len();
    let set = |world: &mut dyn FnMut(usize, usize)| {
        for whom in 0..bad {
            for other in (0..size).filter(|other| *other != whom) {
                match direction {
                    Cut::Inwards => world(other, whom),
                    Cut::Outwards => world(whom, other),
                }
            }
        }
    };
    for _ in 0..BAD_TIMES {
        set(&mut |from, to| world.set_cut(from, to, true));
        world.run_for(BAD_FOR);
        findings.bad += bad as u64;
        findings.not_removed += not_removed(world, size, bad);
        set(&mut |from, to| world.set_cut(from, to, false));
        world.run_for(BAD_FOR);
    }
    world.run_for(BACK_WITHIN);
    findings.not_back = not_back(world, size, bad);
    findings.false_downs = healthy_downs(world, before, size, bad);
    findings
}

/// Bad nodes that some healthy one holds for alive.
fn not_removed(world: &impl World, size: usize, bad: usize) -> u64 {
    let is_held = |whom: &usize| (bad..size).any(|by| world.holds_alive(by, *whom));
    (0..bad).filter(is_held).count() as u64
}

/// Reports of healthy nodes that a bad one is back.
fn revived(world: &impl World, since: usize, bad: usize) -> u64 {
    let said = world.said()[since..].iter();
    let ups = said.filter(|said| said.what == What::Up && said.whom < bad && said.by >= bad);
    ups.count() as u64
}

fn not_back(world: &impl World, size: usize, bad: usize) -> u64 {
    let is_missed = |whom: &usize| {
        let others = (0..size).filter(|by| by != whom);
        others
            .clone()
            .any(|by| !world.holds_alive(by, *whom) || !world.holds_alive(*whom, by))
    };
    (0..bad).filter(is_missed).count() as u64
}

/// Reports of healthy nodes as failed by healthy ones: a bad node's own view is its own affair.
fn healthy_downs(world: &impl World, since: usize, size: usize, bad: usize) -> u64 {
    let said = world.said()[since..].iter();
    let downs = said.filter(|said| said.what == What::Down && said.by >= bad);
    downs
        .filter(|said| (bad..size).contains(&said.whom))
        .count() as u64
}

impl AddAssign for Findings {
    fn add_assign(&mut self, other: Self) {
        self.false_downs += other.false_downs;
        self.joined.extend(other.joined);
        self.never_joined += other.never_joined;
        self.left.extend(other.left);
        self.leaves_missed += other.leaves_missed;
        self.first.extend(other.first);
        self.last.extend(other.last);
        self.unnoticed += other.unnoticed;
        self.node_seconds += other.node_seconds;
        self.datagrams += other.datagrams;
        self.bytes += other.bytes;
        self.bad += other.bad;
        self.not_removed += other.not_removed;
        self.revived += other.revived;
        self.not_back += other.not_back;
    }
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
