//! Who calls whom, when, with how much: chosen by the seed.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinHandle,
    time::sleep,
};

use super::{
    callers::{Callers, Plan, Whom},
    handlers::{ASK, NOBODY, TELL},
};
use crate::journal::Kind;

/// The longest pause between two calls of a process: 25 calls a second on average.
const PAUSE_MAX: Duration = Duration::from_millis(80);

/// How long a call may take, at least and at most.
const TIMEOUTS: [Duration; 2] = [Duration::from_millis(300), Duration::from_secs(6)];

/// Calls of a process that may be under way: 25 a second for the longest time-out, and a third more. Beyond
/// that the next one waits.
const CALLS_MAX: usize = 200;

/// Bytes of a flood's message: a few dozen datagrams.
const FLOOD_BYTES: usize = 48 * 1024;

/// Messages of a flood under way, so that the next follows without a pause.
const FLOOD_DEPTH: usize = 3;

/// How long a message of a flood may take: over a slow link they wait for one another.
const FLOOD_TIMEOUT: Duration = Duration::from_secs(8);

/// A process's calls.
#[derive(Debug)]
pub(super) struct Workload {
    callers: Callers,
    others: Vec<SocketAddr>,
    seed: u64,
    is_over: watch::Sender<bool>,
    flooded: watch::Sender<Option<SocketAddr>>,
    loops: Vec<JoinHandle<()>>,
    places: Arc<Semaphore>,
}

impl Workload {
    pub(super) fn new(callers: Callers, others: Vec<SocketAddr>, seed: u64) -> Self {
        Self {
            callers,
            others,
            seed,
            is_over: watch::Sender::new(false),
            flooded: watch::Sender::new(None),
            loops: Vec::new(),
            places: Arc::new(Semaphore::new(CALLS_MAX)),
        }
    }

    /// Begins to call.
    pub(super) fn begin(&mut self) {
        let chooser = Chooser {
            others: self.others.clone(),
            rng: ChaCha8Rng::seed_from_u64(self.seed),
        };
        let calls = call_around(
            self.callers.clone(),
            chooser,
            self.is_over.subscribe(),
            self.places.clone(),
        );
        self.loops.push(tokio::spawn(calls));
        for _ in 0..FLOOD_DEPTH {
            let flood = flood(self.callers.clone(), self.flooded.subscribe());
            self.loops.push(tokio::spawn(flood));
        }
    }

    /// Sends as much as goes to one node, or no longer does.
    pub(super) fn flood(&self, target: Option<SocketAddr>) {
        self.flooded.send_replace(target);
    }

    /// Begins no more calls, and waits until all have ended.
    pub(super) async fn end(&mut self) {
        self.is_over.send_replace(true);
        // The floods see that nobody is flooded, and that nobody will tell them otherwise.
        self.flooded.send_replace(None);
        self.flooded = watch::Sender::new(None);
        for ended in self.loops.drain(..) {
            // A panic has ended the process.
            let _ = ended.await;
        }
        // All places are free when the last call has ended; nobody closes them.
        let all = u32::try_from(CALLS_MAX).unwrap_or(u32::MAX);
        let _ = self.places.acquire_many(all).await;
    }
}

async fn call_around(
    callers: Callers,
    mut chooser: Chooser,
    mut is_over: watch::Receiver<bool>,
    places: Arc<Semaphore>,
) {
    loop {
        let pause = PAUSE_MAX.mul_f64(chooser.rng.random());
        tokio::select! {
            () = sleep(pause) => {}
            _ = is_over.wait_for(|over| *over) => return,
        }
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let callers = callers.clone();
        let choice = chooser.choose();
        tokio::spawn(async move {
            choice.make(&callers).await;
            drop(place);
        });
    }
}

/// Sends to whoever is to be flooded, one message after the other, until nobody can be named any more.
async fn flood(callers: Callers, mut flooded: watch::Receiver<Option<SocketAddr>>) {
    while let Ok(target) = flooded
        .wait_for(Option::is_some)
        .await
        .map(|target| *target)
    {
        let Some(address) = target else { return };
        let plan = Plan {
            kind: Kind::Send,
            command: TELL,
            to: Whom {
                address,
                is_bound: false,
            },
            payload_bytes: FLOOD_BYTES,
            timeout: FLOOD_TIMEOUT,
            cancel_after: None,
        };
        callers.call(plan).await;
    }
}

enum Choice {
    One(Plan),
    Many {
        command: u16,
        to: Vec<Whom>,
        payload_bytes: usize,
        limit: usize,
        timeout: Duration,
    },
}

impl Choice {
    async fn make(self, callers: &Callers) {
        match self {
            Self::One(plan) => callers.call(plan).await,
            Self::Many {
                command,
                to,
                payload_bytes,
                limit,
                timeout,
            } => {
                callers
                    .fan_out(command, &to, payload_bytes, limit, timeout)
                    .await;
            }
        }
    }
}

struct Chooser {
    others: Vec<SocketAddr>,
    rng: ChaCha8Rng,
}

impl Chooser {
    fn choose(&mut self) -> Choice {
        let [least, most] = TIMEOUTS;
        let timeout = self.rng.random_range(least..most);
        let kind = match self.rng.random_range(0..100) {
            0..45 => Kind::Request,
            45..75 => Kind::Send,
            75..92 => Kind::Usend,
            _ => return self.choose_many(timeout),
        };
        let command = match kind {
            _ if self.rng.random_bool(0.02) => NOBODY,
            Kind::Request => ASK,
            Kind::Send | Kind::Usend => TELL,
        };
        let place = self.rng.random_range(0..self.others.len());
        let gives_up = kind != Kind::Usend && self.rng.random_bool(0.05);
        Choice::One(Plan {
            kind,
            command,
            to: self.whom(place),
            payload_bytes: match kind {
                Kind::Usend => self.rng.random_range(0..1_200),
                Kind::Send | Kind::Request => self.payload_bytes(),
            },
            timeout,
            cancel_after: gives_up.then(|| timeout.mul_f64(self.rng.random::<f64>().powi(4))),
        })
    }

    fn choose_many(&mut self, timeout: Duration) -> Choice {
        let places = 0..self.others.len();
        Choice::Many {
            command: TELL,
            to: places.map(|place| self.whom(place)).collect(),
            payload_bytes: self.payload_bytes(),
            limit: self.rng.random_range(1..=self.others.len()),
            timeout,
        }
    }

    fn whom(&mut self, place: usize) -> Whom {
        Whom {
            address: self.others[place],
            is_bound: self.rng.random(),
        }
    }

    /// Mostly one datagram, sometimes several, seldom a few hundred.
    fn payload_bytes(&mut self) -> usize {
        match self.rng.random_range(0..100) {
            0..88 => self.rng.random_range(0..1_000),
            88..99 => self.rng.random_range(1_000..20_000),
            _ => self.rng.random_range(20_000..256_000),
        }
    }
}
