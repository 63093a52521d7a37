//! Greets the seeds until there is company, and afterwards those that are missing.
//!
//! # Phases
//!
//! 1. **Alone.** All seeds are resolved and greeted, again and again with growing pauses, up to [`PAUSE_MAX`]. A node
//!    whose cluster is gone is back here.
//! 2. **In company.** Seeds that are no live members are greeted as well, soon at first and then every
//!    [`REUNION_PAUSE_MAX`]: nodes that started together may have found each other in groups, and after a partition
//!    that lasted until both sides had forgotten each other nobody else would call across.
//!
//! Peers that were [remembered](crate::peers) count as a seed, in company for the first minute only.
//!
//! A name is resolved again at each try, by a lookup at a time: one that hangs holds up neither the other seeds nor
//! this one's other addresses, and the next try waits for it. All the addresses behind a name are greeted, in
//! [turns](turns) where there are many: a headless service in Kubernetes names every pod, dead ones included.

mod resolver;
mod turns;

use std::{
    future::{poll_fn, ready},
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, sleep};

pub(crate) use resolver::Resolver;
use resolver::{Found, Lookup, is_host_and_port};
use turns::Turns;

use crate::{
    builder::StartError,
    driver::{NEVER, Shared},
    peers::Remembered,
};

/// Pause after the first greeting; doubles up to [`PAUSE_MAX`] while nobody answers.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// Longest pause between greetings while alone, and between looks while not.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// How long the resolver may take for one name before its seed counts as not found in this try.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(3);
/// Pause between greetings of missing seeds once there is company; doubles up to [`REUNION_PAUSE_MAX`].
const REUNION_PAUSE_MIN: Duration = Duration::from_secs(2);
/// Longest pause between greetings of missing seeds: a datagram for each in half a minute costs nothing.
const REUNION_PAUSE_MAX: Duration = Duration::from_secs(30);

/// Greetings in company of peers that were remembered and are missing: in a minute the nodes of a restarted cluster are
/// up or are not.
const REUNIONS_WITH_REMEMBERED: u32 = 5;

/// Refuses what no try will ever find.
pub(crate) fn check(seeds: &[String]) -> Result<(), StartError> {
    let wrong = seeds.iter().find(|seed| !is_host_and_port(seed));
    wrong.map_or(Ok(()), |seed| {
        Err(StartError::Config {
            field: "seed",
            value: seed.clone(),
            reason: "give an address or a name, and a port, such as rooms.local:7400".into(),
        })
    })
}

/// Greets until the mesh is closed.
pub(crate) async fn run(
    shared: Arc<Shared>,
    resolver: Resolver,
    remembered: Option<Arc<Remembered>>,
) {
    let names = shared.settings.seeds.iter().cloned().map(Source::Name);
    let sources = names.chain(remembered.map(Source::Remembered));
    let mut seeds: Vec<Seed> = sources.map(Seed::new).collect();
    if !seeds.is_empty() {
        greet_again_and_again(&shared, &resolver, &mut seeds).await;
        shared.greeting.store(NEVER, Ordering::Relaxed);
    }
}

async fn greet_again_and_again(shared: &Shared, resolver: &Resolver, seeds: &mut [Seed]) {
    let mut pause = PAUSE_MIN;
    let mut reunions = 0;
    let mut greeted = Instant::now();
    loop {
        let is_alone = shared.core().endpoint.members().is_alone();
        if is_alone || greeted.elapsed() >= reunion_pause(reunions) {
            reunions = if is_alone { 0 } else { reunions + 1 };
            let wanted = |seed: &Seed| seed.is_wanted(reunions);
            seeds
                .iter_mut()
                .filter(|seed| wanted(seed))
                .for_each(|seed| seed.look_up(resolver));
            tokio::select! {
                biased;
                () = greet(shared, seeds) => greeted = Instant::now(),
                () = shared.closed.wait() => return,
            }
        }
        let pause_now = if is_alone { pause } else { PAUSE_MAX };
        let next = shared.clock.now() + pause_now;
        shared.greeting.store(next.as_nanos(), Ordering::Relaxed);
        tokio::select! {
            biased;
            () = sleep(pause_now) => {}
            () = shared.closed.wait() => return,
        }
        pause = if is_alone {
            (pause * 2).min(PAUSE_MAX)
        } else {
            PAUSE_MIN
        };
    }
}

/// How long after a greeting missing seeds are greeted again, after so many of them in company.
fn reunion_pause(reunions: u32) -> Duration {
    let doubled = REUNION_PAUSE_MIN.saturating_mul(1 << reunions.min(16));
    doubled.min(REUNION_PAUSE_MAX)
}

/// Greets the addresses behind each seed that is looked up, as soon as they are known.
async fn greet(shared: &Shared, seeds: &mut [Seed]) {
    let too_long = sleep(RESOLVE_TIMEOUT);
    tokio::pin!(too_long);
    loop {
        let found = poll_fn(|cx| poll_found(seeds, cx));
        tokio::select! {
            biased;
            found = found => match found {
                Some((index, Ok(addresses))) => seeds[index].greet(shared, addresses),
                Some((index, Err(error))) => seeds[index].complain(&error),
                None => return,
            },
            () = &mut too_long => break,
        }
    }
    for seed in seeds.iter_mut().filter(|seed| seed.lookup.is_some()) {
        seed.complain(&io::ErrorKind::TimedOut.into());
    }
}

/// The next seed whose lookup has ended; `None` when none is under way.
fn poll_found(seeds: &mut [Seed], cx: &mut Context<'_>) -> Poll<Option<(usize, Found)>> {
    let mut are_under_way = false;
    for (index, seed) in seeds.iter_mut().enumerate() {
        if let Some(lookup) = &mut seed.lookup {
            if let Poll::Ready(found) = lookup.as_mut().poll(cx) {
                seed.lookup = None;
                return Poll::Ready(Some((index, found)));
            }
            are_under_way = true;
        }
    }
    if are_under_way {
        Poll::Pending
    } else {
        Poll::Ready(None)
    }
}

/// Where addresses come from.
enum Source {
    Name(String),
    Remembered(Arc<Remembered>),
}

/// A seed and how far it has got.
struct Seed {
    source: Source,
    lookup: Option<Lookup>,
    turns: Turns,
    /// It was not found when it was last looked up, and that was said.
    is_missing: bool,
}

impl Seed {
    const fn new(source: Source) -> Self {
        Self {
            source,
            lookup: None,
            turns: Turns::new(),
            is_missing: false,
        }
    }

    fn look_up(&mut self, resolver: &Resolver) {
        if self.lookup.is_none() {
            self.lookup = Some(match &self.source {
                Source::Name(name) => resolver.look_up(name),
                Source::Remembered(peers) => Box::pin(ready(Ok(peers.get()))),
            });
        }
    }

    /// Whether it is greeted after so many times in company.
    const fn is_wanted(&self, reunions: u32) -> bool {
        matches!(self.source, Source::Name(_)) || reunions <= REUNIONS_WITH_REMEMBERED
    }

    fn greet(&mut self, shared: &Shared, addresses: Vec<SocketAddr>) {
        self.is_missing = false;
        shared.command(|core, now| {
            let is_absent = |address: &SocketAddr| {
                let node = core.endpoint.members().node(*address);
                *address != shared.settings.address && node.is_none_or(|node| node.state.is_gone())
            };
            let absent = addresses.into_iter().filter(is_absent).collect();
            for address in self.turns.next(absent, &shared.dice) {
                core.endpoint.join(now, address);
            }
        });
        shared.flush_now();
    }

    /// Once for each time it goes missing: a lone node tries every other second.
    fn complain(&mut self, error: &io::Error) {
        let Source::Name(name) = &self.source else {
            return;
        };
        if self.is_missing {
            tracing::debug!(seed = name, %error, "still cannot resolve the seed");
        } else {
            tracing::warn!(seed = name, %error, "cannot resolve the seed; will try again");
        }
        self.is_missing = true;
    }
}

#[cfg(test)]
#[path = "../../tests/unit/seeds.rs"]
mod tests;
