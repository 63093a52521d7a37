//! Findings as a table, and what Hobnob has promised.

use std::{collections::BTreeMap, fmt, time::Duration};

use super::{Engine, Findings, Trial, Trouble};

/// Sizes of the clusters whose crashes and load are measured.
const SIZES: [usize; 5] = [1_000, 512, 128, 64, 32];
/// Nodes that are blocked at once, of [`BLOCKED_SIZE`].
const BLOCKED: [usize; 4] = [1, 4, 8, 16];
const BLOCKED_SIZE: usize = 128;
/// Rounds of 20 s of being blocked.
const BLOCKED_ROUNDS: u32 = 6;
/// The largest cluster of which it is promised how soon a crash is noticed.
const CRASH_MEAN_UP_TO: usize = 128;
/// Crashes in a row in one cluster.
const VICTIMS: usize = 4;
/// The cluster of which one node in a hundred has a bad path.
const BAD_PATHS_SIZE: usize = 1_000;
/// Clusters whose nodes all join at once, and how soon all are to know all.
const JOINS: [(usize, Duration); 2] = [
    (512, Duration::from_secs(10)),
    (1_000, Duration::from_secs(20)),
];
/// From this size on foca runs with one seed: it is there to compare with, and takes longer than all the rest.
const FOCA_ONCE_FROM: usize = 512;
/// Leaves in a row in one cluster.
const LEAVERS: usize = 8;
/// The cluster that shows what the others are not large enough for. Its load has handshakes in it, as not everybody has
/// met everybody, so nothing is promised of that.
const SCALE_SIZE: usize = 2_000;

/// Everything. The largest clusters first: they take longest, and other cores do the rest meanwhile.
pub fn full() -> Vec<Trial> {
    let mut clusters = Vec::new();
    for size in SIZES {
        let mut troubles = vec![Trouble::Load];
        if JOINS.iter().any(|(joining, _)| *joining == size) {
            troubles.insert(0, Trouble::Join);
        }
        if size == BAD_PATHS_SIZE {
            troubles.extend([Trouble::Mute, Trouble::Deaf, Trouble::HearsBadly]);
        }
        troubles.push(Trouble::Crash { victims: VICTIMS });
        clusters.push((size, troubles));
    }
    for nodes in BLOCKED {
        let rounds = BLOCKED_ROUNDS;
        clusters.push((BLOCKED_SIZE, vec![Trouble::Blocked { nodes, rounds }]));
    }
    let leavers = LEAVERS;
    clusters.push((BLOCKED_SIZE, vec![Trouble::Leave { leavers }]));
    let victims = VICTIMS;
    clusters.push((BLOCKED_SIZE, vec![Trouble::CrashWithAccusers { victims }]));
    trials(clusters)
}

/// What takes less than a minute: the same questions, asked of smaller clusters.
pub fn small() -> Vec<Trial> {
    let (rounds, victims) = (3, 2);
    let blocked = |nodes| vec![Trouble::Blocked { nodes, rounds }];
    let crash = Trouble::Crash { victims };
    let bad_paths = vec![Trouble::Mute, Trouble::Deaf, Trouble::HearsBadly];
    let leave = Trouble::Leave { leavers: LEAVERS };
    trials(vec![
        (128, vec![Trouble::Join, Trouble::Load, crash]),
        (128, vec![leave]),
        (128, vec![Trouble::CrashWithAccusers { victims }]),
        (100, bad_paths),
        (64, blocked(1)),
        (64, blocked(8)),
        (32, vec![Trouble::Load, crash]),
    ])
}

/// One large cluster of Hobnob's: foca's takes too long to join.
pub fn scale() -> Vec<Trial> {
    let crash = Trouble::Crash { victims: 1 };
    vec![Trial {
        engine: Engine::Hobnob,
        size: SCALE_SIZE,
        troubles: vec![Trouble::Join, Trouble::Load, crash],
        seeds_max: 1,
    }]
}

fn trials(clusters: Vec<(usize, Vec<Trouble>)>) -> Vec<Trial> {
    let engines = [Engine::Foca, Engine::Hobnob];
    let trials = clusters.into_iter().flat_map(|(size, troubles)| {
        engines.map(|engine| Trial {
            engine,
            size,
            troubles: troubles.clone(),
            seeds_max: match engine {
                Engine::Foca if size >= FOCA_ONCE_FROM => 1,
                _ => u64::MAX,
            },
        })
    });
    trials.collect()
}

/// A row: one kind of trouble in clusters of one size.
pub type Row = (Trouble, usize);

/// What came of all trials.
#[derive(Debug, Default)]
pub struct Table {
    cells: BTreeMap<Row, BTreeMap<Engine, (u64, Findings)>>,
}

impl Table {
    /// Adds what came of one trial with one seed.
    pub fn add(&mut self, trial: &Trial, findings: Vec<Findings>) {
        for (trouble, findings) in trial.troubles.iter().zip(findings) {
            let row = self.cells.entry((*trouble, trial.size)).or_default();
            let (seeds, sum) = row.entry(trial.engine).or_default();
            *seeds += 1;
            *sum += findings;
        }
    }

    /// The promises that Hobnob has not kept, one line each.
    pub fn broken(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for ((trouble, size), row) in &self.cells {
            let hobnob = row.get(&Engine::Hobnob);
            let figures = hobnob.map(|(_, findings)| figures(*trouble, *size, findings));
            for figure in figures.into_iter().flatten().filter(Figure::is_broken) {
                lines.push(format!("N={size}, {trouble}: {figure}"));
            }
        }
        lines
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((trouble, size), row) in &self.cells {
            let seeds_of = |engine| row.get(&engine).map_or(0, |(seeds, _)| *seeds);
            let (foca, hobnob) = (seeds_of(Engine::Foca), seeds_of(Engine::Hobnob));
            let seeds = match foca == hobnob {
                true => format!("{hobnob} seeds"),
                false => format!("{hobnob} seeds; foca {foca}"),
            };
            writeln!(f, "N={size}, {trouble} ({seeds})")?;
            let of = |engine| {
                row.get(&engine)
                    .map(|(_, sum)| figures(*trouble, *size, sum))
            };
            let (foca, hobnob) = (of(Engine::Foca), of(Engine::Hobnob));
            let names = foca.iter().chain(&hobnob).next().into_iter().flatten();
            for (index, named) in names.enumerate() {
                let text = |figures: &Option<Vec<Figure>>| {
                    let figure = figures.as_ref().map(|figures| &figures[index]);
                    figure.map_or_else(|| "–".to_owned(), Figure::value_text)
                };
                let (foca, ours) = (text(&foca), text(&hobnob));
                let missed = hobnob.as_ref().is_some_and(|h| h[index].is_broken());
                let limit = named.limit.map(|limit| format!("at most {limit}"));
                let limit = limit.unwrap_or_default() + if missed { ": MISSED" } else { "" };
                let name = named.name;
                let line = format!("  {name:<46} foca {foca:>8}   hobnob {ours:>8}   {limit}");
                writeln!(f, "{}", line.trim_end())?;
            }
        }
        Ok(())
    }
}

/// One number of a cell, and how much it may be.
struct Figure {
    name: &'static str,
    value: Option<f64>,
    limit: Option<f64>,
    digits: usize,
}

impl Figure {
    fn is_broken(&self) -> bool {
        let too_much = |limit| self.value.is_none_or(|value| value > limit);
        self.limit.is_some_and(too_much)
    }

    fn value_text(&self) -> String {
        let digits = self.digits;
        self.value
            .map_or_else(|| "none".into(), |value| format!("{value:.digits$}"))
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.limit.unwrap_or(f64::INFINITY);
        let (name, value) = (self.name, self.value_text());
        write!(f, "{name} is {value}, and may be {limit}")
    }
}

/// What is read from findings, and what was promised of it.
fn figures(trouble: Trouble, size: usize, findings: &Findings) -> Vec<Figure> {
    match trouble {
        Trouble::Join => {
            let promised = JOINS.iter().find(|(joining, _)| *joining >= size);
            vec![
                figure("all know all, mean (s)", mean(&findings.joined), None, 2),
                figure(
                    "all know all, max (s)",
                    max(&findings.joined),
                    promised.map(|(_, within)| within.as_secs_f64()),
                    2,
                ),
                count("never", findings.never_joined, Some(0)),
                count("nodes reported failed", findings.false_downs, Some(0)),
            ]
        }
        Trouble::Leave { .. } => {
            let known = findings.left.len() as u64;
            let leaves = known + findings.leaves_missed;
            vec![
                count("leaves", leaves, None),
                count(
                    "not known to all within 3 s",
                    findings.leaves_missed,
                    Some(0),
                ),
                figure(
                    "known to all after, mean (s)",
                    mean(&findings.left),
                    None,
                    2,
                ),
                figure("known to all after, max (s)", max(&findings.left), None, 2),
                count("nodes reported failed", findings.false_downs, Some(0)),
            ]
        }
        Trouble::Blocked { nodes, .. } => {
            // The hardest case of all may cost some.
            let limit = if nodes >= 16 { 100 } else { 0 };
            vec![count(
                "healthy nodes reported failed",
                findings.false_downs,
                Some(limit),
            )]
        }
        Trouble::Crash { .. } if size <= CRASH_MEAN_UP_TO => crash(findings, [6.0, f64::INFINITY]),
        Trouble::Crash { .. } => crash(findings, [f64::INFINITY; 2]),
        Trouble::CrashWithAccusers { .. } => crash(findings, [8.0, 12.0]),
        Trouble::Load => {
            let each = |count: u64| Some(count as f64 / findings.node_seconds as f64);
            vec![
                figure(
                    "datagrams a node a second",
                    each(findings.datagrams),
                    Some(2.6).filter(|_| size < SCALE_SIZE),
                    2,
                ),
                figure("bytes a node a second", each(findings.bytes), None, 0),
            ]
        }
        Trouble::HearsBadly | Trouble::Deaf | Trouble::Mute => vec![
            count(
                "healthy nodes reported failed by healthy ones",
                findings.false_downs,
                Some(0),
            ),
            count("bad nodes (each time they were)", findings.bad, None),
            count("bad nodes not removed", findings.not_removed, Some(0)),
            count("reports of bad nodes as back", findings.revived, Some(0)),
            count(
                "nodes not back after they were healthy",
                findings.not_back,
                Some(0),
            ),
        ],
    }
}

fn crash(findings: &Findings, [mean_max, max_max]: [f64; 2]) -> Vec<Figure> {
    let limit = |limit: f64| Some(limit).filter(|limit| limit.is_finite());
    vec![
        figure(
            "first report, mean (s)",
            mean(&findings.first),
            limit(mean_max),
            2,
        ),
        figure(
            "first report, max (s)",
            max(&findings.first),
            limit(max_max),
            2,
        ),
        figure("last after first, mean (s)", mean(&findings.last), None, 2),
        figure(
            "last after first, max (s)",
            max(&findings.last),
            Some(3.0),
            2,
        ),
        count("crashes not known to all", findings.unnoticed, Some(0)),
    ]
}

fn count(name: &'static str, count: u64, limit: Option<u64>) -> Figure {
    figure(name, Some(count as f64), limit.map(|limit| limit as f64), 0)
}

const fn figure(
    name: &'static str,
    value: Option<f64>,
    limit: Option<f64>,
    digits: usize,
) -> Figure {
    Figure {
        name,
        value,
        limit,
        digits,
    }
}

fn mean(times: &[Duration]) -> Option<f64> {
    let sum: Duration = times.iter().sum();
    (!times.is_empty()).then(|| sum.as_secs_f64() / times.len() as f64)
}

fn max(times: &[Duration]) -> Option<f64> {
    times.iter().max().map(Duration::as_secs_f64)
}
