//! What the others' messages meet: handlers that are quick, slow, or fail.

use std::{
    fmt::Display,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hobnob::{Bytes, Context, HandleError, Mesh};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use tokio::time::{Instant, sleep};

use super::{
    Plant,
    payload::{fill, number},
};
use crate::journal::{Digest, Entry, Journal};

/// Requests; they are answered.
pub(super) const ASK: u16 = 200;

/// One-way messages.
pub(super) const TELL: u16 = 201;

/// What nobody handles.
pub(super) const NOBODY: u16 = 202;

/// A planted fault befalls the first occasion, and each that is so many further.
const PLANT_PERIOD: u64 = 10;

/// The longest time a handler takes.
const SLOWEST: Duration = Duration::from_millis(400);

/// Bytes of the longest answer: several datagrams.
const ANSWER_BYTES_MAX: usize = 6_000;

pub(super) fn register(
    mesh: &Mesh,
    journal: &Arc<Journal>,
    seed: u64,
    plant: Option<Plant>,
) -> Result<(), HandleError> {
    let desk = Arc::new(Desk {
        journal: journal.clone(),
        seed,
        plant,
        occasions: AtomicU64::new(0),
    });
    let asked = desk.clone();
    mesh.handle(ASK, move |context: Context, payload: Bytes| {
        asked.clone().answer(context, payload)
    })?;
    mesh.handle(TELL, move |context: Context, payload: Bytes| {
        desk.clone().listen(context, payload)
    })
}

/// What all handlers of a process share.
struct Desk {
    journal: Arc<Journal>,
    seed: u64,
    plant: Option<Plant>,
    /// Occasions for the planted fault so far.
    occasions: AtomicU64,
}

impl Desk {
    async fn answer(self: Arc<Self>, context: Context, payload: Bytes) -> Result<Bytes, Failed> {
        let work = self.take(&context, &payload);
        let call = number(&payload);
        let Mood {
            pause,
            fails,
            answer_bytes,
        } = self.mood(call);
        if let Some(pause) = pause {
            sleep(pause).await;
        }
        assert!(!self.is_befallen(Plant::Panic), "planted");
        if fails {
            let failed = Failed(call);
            work.done(true, failed.to_string().as_bytes());
            return Err(failed);
        }
        let answer = fill(call, answer_bytes);
        work.done(false, &answer);
        match self.is_befallen(Plant::StrayAnswer) {
            true => Ok(fill(call + 1, answer_bytes)),
            false => Ok(answer),
        }
    }

    async fn listen(self: Arc<Self>, context: Context, payload: Bytes) -> Result<(), Failed> {
        // There is no answer to write down.
        let work = self.take(&context, &payload);
        work.forget();
        if let Some(pause) = self.mood(number(&payload)).pause {
            sleep(pause).await;
        }
        Ok(())
    }

    /// Writes down that a handler runs.
    fn take(&self, context: &Context, payload: &Bytes) -> Work {
        let time_left = context.deadline().map(|deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            u64::try_from(left.as_nanos()).unwrap_or(u64::MAX)
        });
        let work = Work {
            journal: self.journal.clone(),
            call: number(payload),
            is_open: true,
        };
        work.handled(context.sender(), payload, time_left);
        if self.is_befallen(Plant::DoubleHandling) {
            work.handled(context.sender(), payload, time_left);
        }
        work
    }

    /// Whether this occasion for a fault is one that it befalls.
    fn is_befallen(&self, plant: Plant) -> bool {
        self.plant == Some(plant)
            && self
                .occasions
                .fetch_add(1, Ordering::Relaxed)
                .is_multiple_of(PLANT_PERIOD)
    }

    /// How a call is handled: the same call on each run of a seed.
    fn mood(&self, call: u64) -> Mood {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ call);
        Mood {
            pause: rng
                .random_bool(0.2)
                .then(|| SLOWEST.mul_f64(rng.random::<f64>().powi(3))),
            fails: rng.random_bool(0.03),
            answer_bytes: rng.random_range(0..ANSWER_BYTES_MAX),
        }
    }
}

struct Mood {
    pause: Option<Duration>,
    fails: bool,
    answer_bytes: usize,
}

/// A handler's error; its text holds the call's number.
struct Failed(u64);

impl Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(call) = self;
        write!(f, "call {call} is one of those that fail")
    }
}

/// A message at its handler. Dropping it before it is done says that the work was taken away.
struct Work {
    journal: Arc<Journal>,
    call: u64,
    is_open: bool,
}

impl Work {
    fn handled(&self, from: SocketAddr, payload: &[u8], time_left: Option<u64>) {
        self.journal.write(&Entry::Handled {
            call: self.call,
            from,
            payload: Digest::of(payload),
            time_left,
        });
    }

    fn done(mut self, is_failure: bool, answer: &[u8]) {
        self.is_open = false;
        self.journal.write(&Entry::Responded {
            call: self.call,
            is_failure,
            payload: Digest::of(answer),
        });
    }

    fn forget(mut self) {
        self.is_open = false;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if self.is_open {
            self.journal.write(&Entry::Withdrawn { call: self.call });
        }
    }
}
