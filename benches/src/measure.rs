//! Makes callers call, and takes the time.

use std::{
    future::Future,
    process,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tokio::{task::JoinSet, time::sleep_until};

use crate::{Result, process::cpu_time};

/// Latencies a caller gathers before it files them: rare enough that callers don't meet at the lock.
const LATENCIES_AT_ONCE: usize = 256;

/// Significant digits of latencies: a thousandth is finer than any two rounds agree.
const DIGITS: u8 = 3;

/// Something one task does over and over.
pub(crate) trait Caller: Send + 'static {
    /// Does it once and waits for its end.
    fn call(&mut self) -> impl Future<Output = Tally> + Send;
}

/// How one call went.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) done: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// One operation, which went well or didn't.
    pub(crate) const fn one(ok: bool) -> Self {
        Self {
            done: ok as u64,
            failed: !ok as u64,
        }
    }

    /// Takes another one in.
    pub(crate) const fn add(&mut self, other: Self) {
        self.done += other.done;
        self.failed += other.failed;
    }
}

/// What one measurement brought.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Sample {
    pub(crate) per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// Of both processes together.
    pub(crate) cpu_us_per_operation: f64,
    /// Operations that ended badly, at any time.
    pub(crate) failed: u64,
    /// Operations that ended well, those before and after the measured time included.
    pub(crate) done_in_all: u64,
}

/// Lets every caller call until the time is over.
///
/// Each calls once before the time begins: connections are there, buffers have grown.
pub(crate) async fn measure<C: Caller>(
    callers: Vec<C>,
    server: u32,
    length: Duration,
) -> Result<Sample> {
    let log = Arc::new(Mutex::new(Log::new()?));
    let callers = call_once(callers, &log).await?;
    let window = Window::after_warm_up(length);
    let mut tasks = JoinSet::new();
    for caller in callers {
        tasks.spawn(call_until_the_end(caller, window, log.clone()));
    }
    let cpu = window.cpu_time(server).await?;
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    let log = log.lock().unwrap_or_else(PoisonError::into_inner);
    log.sample(length, cpu)
}

async fn call_once<C: Caller>(callers: Vec<C>, log: &Mutex<Log>) -> Result<Vec<C>> {
    let mut first = JoinSet::new();
    for mut caller in callers {
        first.spawn(async move { (caller.call().await, caller) });
    }
    let mut callers = Vec::new();
    for ended in first.join_all().await {
        let (tally, caller) = ended;
        log.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .in_all
            .add(tally);
        callers.push(caller);
    }
    Ok(callers)
}

async fn call_until_the_end<C: Caller>(mut caller: C, window: Window, log: Arc<Mutex<Log>>) {
    let mut batch = Batch::new();
    let mut began = Instant::now();
    while began < window.end {
        let tally = caller.call().await;
        let ended = Instant::now();
        batch.in_all.add(tally);
        // The rate counts ends; a call that began before the window is as good as the one it will not see end.
        if ended >= window.start && ended < window.end {
            batch.measured.add(tally);
            batch.latencies.push(ended - began);
        }
        if batch.latencies.len() == LATENCIES_AT_ONCE {
            batch.file(&log);
        }
        began = ended;
    }
    batch.file(&log);
}

/// The measured time.
#[derive(Clone, Copy, Debug)]
struct Window {
    start: Instant,
    end: Instant,
}

impl Window {
    fn after_warm_up(length: Duration) -> Self {
        let start = Instant::now() + length / 5;
        Self {
            start,
            end: start + length,
        }
    }

    /// The CPU time this process and the server use within the window.
    async fn cpu_time(&self, server: u32) -> Result<Duration> {
        let both = || Ok::<_, crate::Failure>(cpu_time(process::id())? + cpu_time(server)?);
        sleep_until(self.start.into()).await;
        let before = both()?;
        sleep_until(self.end.into()).await;
        Ok(both()?.saturating_sub(before))
    }
}

/// What one caller has gathered.
struct Batch {
    in_all: Tally,
    measured: Tally,
    latencies: Vec<Duration>,
}

impl Batch {
    fn new() -> Self {
        Self {
            in_all: Tally::default(),
            measured: Tally::default(),
            latencies: Vec::with_capacity(LATENCIES_AT_ONCE),
        }
    }

    fn file(&mut self, log: &Mutex<Log>) {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.in_all.add(std::mem::take(&mut self.in_all));
        log.measured.add(std::mem::take(&mut self.measured));
        for latency in self.latencies.drain(..) {
            log.nanos
                .saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
        }
    }
}

/// What all callers have filed.
struct Log {
    in_all: Tally,
    measured: Tally,
    nanos: Histogram<u64>,
}

impl Log {
    fn new() -> Result<Self> {
        // No call is timed beyond a minute: calls have deadlines of a few seconds.
        const LONGEST_NANOS: u64 = 60_000_000_000;
        Ok(Self {
            in_all: Tally::default(),
            measured: Tally::default(),
            nanos: Histogram::new_with_max(LONGEST_NANOS, DIGITS)?,
        })
    }

    #[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    fn sample(&self, length: Duration, cpu: Duration) -> Result<Sample> {
        let done = self.measured.done;
        if done == 0 {
            let failed = self.in_all.failed;
            return Err(
                format!("no operation went well within {length:?}, {failed} failed").into(),
            );
        }
        let micros = |quantile| self.nanos.value_at_quantile(quantile) as f64 / 1e3;
        Ok(Sample {
            per_second: done as f64 / length.as_secs_f64(),
            p50_us: micros(0.5),
            p99_us: micros(0.99),
            cpu_us_per_operation: cpu.as_secs_f64() * 1e6 / done as f64,
            failed: self.in_all.failed,
            done_in_all: self.in_all.done,
        })
    }
}
