//! Messages of streams: the handlers of one sender's stream run one after the other, each to its end.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{Mutex, MutexGuard},
};

use bytes::Bytes;
use hobnob_endpoint::wire::StreamId;

use super::{
    chain::{Work, poll_once, run_all},
    inbox::Ended,
    registry::{Chain, Place},
};
use crate::{handler::Context, mesh::Mesh};

/// Whose stream, and which. A process that took another's place at its address goes on behind it.
pub(super) type Key = (SocketAddr, StreamId);

/// The streams with a message at its handlers, and those that wait behind it.
///
/// Each message holds the place it was taken into, so that there are no more than
/// [`incoming_max`](hobnob_endpoint::messaging::Config::incoming_max), and as many of the node to itself.
#[derive(Default)]
pub(crate) struct Streams {
    busy: Mutex<HashMap<Key, VecDeque<Job>>>,
}

/// A message and the handlers it is for.
pub(super) struct Job {
    pub(super) chain: Chain,
    pub(super) context: Context,
    pub(super) payload: Bytes,
    pub(super) place: Held,
}

/// The place a message holds until its handlers came to their end.
pub(super) enum Held {
    Incoming(Ended),
    Local(#[expect(dead_code, reason = "held for its drop")] Place),
}

impl Streams {
    /// How many streams have a message at their handlers.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// The job, if its turn is now; otherwise it waits.
    fn begin(&self, key: Key, job: Job) -> Option<Job> {
        let mut busy = self.lock();
        match busy.get_mut(&key) {
            Some(waiting) => {
                waiting.push_back(job);
                None
            }
            None => {
                busy.insert(key, VecDeque::new());
                Some(job)
            }
        }
    }

    /// The job behind one that came to its end; without one, the stream is free.
    fn next(&self, key: &Key) -> Option<Job> {
        let mut busy = self.lock();
        let next = busy.get_mut(key).and_then(VecDeque::pop_front);
        if next.is_none() {
            busy.remove(key);
        }
        next
    }

    fn abandon(&self, key: &Key) {
        let waiting = self.lock().remove(key);
        // Not under the lock: what the jobs hold may do anything when it is dropped.
        drop(waiting);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, VecDeque<Job>>> {
        self.busy
            .lock()
            .expect("no panic while the table is locked")
    }
}

/// Runs a message's handlers when its turn comes, at once until they wait for something. Says how many messages
/// came to their end at once, whose places are to be given back.
pub(super) fn run_inline(mesh: &Mesh, key: Key, job: Job) -> usize {
    let mut handled = 0;
    let mut next = mesh.shared.handlers.streams.begin(key, job);
    while let Some(job) = next {
        let (mut work, place) = job.start();
        if poll_once(&mut work).is_none() {
            tokio::spawn(go_on(mesh.clone(), key, work, place));
            break;
        }
        handled += usize::from(place.leave_to_caller());
        next = mesh.shared.handlers.streams.next(&key);
    }
    handled
}

/// Runs a message's handlers when its turn comes, in a task.
pub(super) fn run_in_task(mesh: &Mesh, key: Key, job: Job) {
    if let Some(job) = mesh.shared.handlers.streams.begin(key, job) {
        let (work, place) = job.start();
        tokio::spawn(go_on(mesh.clone(), key, work, place));
    }
}

/// Runs handlers to their end, then those of the messages behind.
async fn go_on(mesh: Mesh, key: Key, work: Work<()>, place: Held) {
    let mut busy = Busy {
        mesh,
        key: Some(key),
    };
    work.await;
    drop(place);
    while let Some(job) = busy.mesh.shared.handlers.streams.next(&key) {
        // Handlers that never wait must not keep the other tasks of this thread waiting.
        tokio::task::yield_now().await;
        let (work, place) = job.start();
        work.await;
        drop(place);
    }
    busy.key = None;
}

/// Frees a stream whose task ended before its time, with its runtime.
struct Busy {
    mesh: Mesh,
    key: Option<Key>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.mesh.shared.handlers.streams.abandon(key);
        }
    }
}

impl Job {
    fn start(self) -> (Work<()>, Held) {
        let Self {
            chain,
            context,
            payload,
            place,
        } = self;
        (run_all(chain, 0, context, payload), place)
    }
}

impl Held {
    /// Says whether the caller must give the place back, as it does for several messages at once.
    fn leave_to_caller(self) -> bool {
        match self {
            Self::Incoming(ended) => {
                ended.disarm();
                true
            }
            Self::Local(_) => false,
        }
    }
}
