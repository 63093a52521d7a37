//! One process of a simulated cluster: a tokio runtime of its own, whose clock the world moves.

use std::{
    future::{Future, poll_fn},
    panic::resume_unwind,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use hobnob::{
    Mesh, MeshBuilder, StartError,
    simulation::{Machine, VirtualClock},
};
use hobnob_endpoint::wire::Instant;
use tokio::{
    runtime::{Builder, Runtime},
    sync::Notify,
    task::JoinHandle,
    time::advance,
};

use super::member::{Set, SetUp};

/// tokio's timers go off at whole milliseconds after the start of their runtime, rounded up.
const TICK: Duration = Duration::from_millis(1);

/// Times a task may be polled at one moment: beyond it counts as one that never waits. With each poll it may do a
/// hundred things.
const POLLS_AT_ONCE_MAX: u32 = 1_000_000;

/// A process. Dropped, it is gone: its tasks with it, and what they send on their way out reaches nobody.
pub(super) struct Process {
    /// `None` only while it is being dropped.
    runtime: Option<Runtime>,
    /// Told whenever none of the runtime's tasks has anything to do.
    idle: Arc<Notify>,
    machine: Machine,
    mesh: Mesh,
    set_up: Option<JoinHandle<Set>>,
    born: Instant,
    /// What the runtime's clock shows.
    now: Instant,
}

impl Process {
    /// Starts a node as `builder` says, and its set-up.
    pub(super) fn start(
        builder: MeshBuilder,
        machine: Machine,
        set_up: &SetUp,
    ) -> Result<Self, StartError> {
        let idle = Arc::new(Notify::new());
        let parked = idle.clone();
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .on_thread_park(move || parked.notify_waiters())
            .build()
            .expect("a runtime without input and output needs nothing of the system");
        let now = machine.clock.now();
        let mesh = runtime.block_on(builder.machine(machine.clone()).start())?;
        let entered = runtime.enter();
        let set_up = runtime.spawn(watched(&machine.clock, set_up(mesh.clone())));
        drop(entered);
        Ok(Self {
            runtime: Some(runtime),
            idle,
            machine,
            mesh,
            set_up: Some(set_up),
            born: now,
            now,
        })
    }

    pub(super) const fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// Lets it be the world's time here, and everything happen that happens by then: until all tasks wait for
    /// something that is still to come.
    pub(super) fn run(&mut self) {
        let now = self.machine.clock.now();
        let passed = now.saturating_since(self.now);
        self.now = now;
        let idle = self.idle.clone();
        self.runtime().block_on(async move {
            if !passed.is_zero() {
                advance(passed).await;
            }
            // Woken before the runtime would sleep, and so before its paused clock would move by itself.
            idle.notified().await;
        });
    }

    /// When it runs by itself at the latest; never, if it has ended.
    ///
    /// Its own timers are known. As long as there are other tasks, which may have timers too, it is the next
    /// moment at which any can go off.
    pub(super) fn due(&self) -> Option<Instant> {
        let next = self.now + Duration::from_nanos(1);
        let (wakes, own) = self.mesh.sleeps_until();
        let due = match self.runtime().metrics().num_alive_tasks() {
            0 => return None,
            tasks if tasks > own => next,
            _ => wakes.max(next),
        };
        let ticks = due
            .saturating_since(self.born)
            .as_nanos()
            .div_ceil(TICK.as_nanos());
        let ticks = u32::try_from(ticks).ok()?;
        Some(self.born + TICK * ticks)
    }

    /// Takes a datagram in; false when its socket is full.
    pub(super) fn deliver(&self, arrival: &super::Arrival) -> bool {
        self.machine
            .socket
            .deliver(arrival.from, arrival.bytes.clone())
    }

    /// The next datagram it has sent.
    pub(super) fn take_sent(&self) -> Option<(std::net::SocketAddr, Bytes)> {
        self.machine.socket.take_sent()
    }

    /// Starts another task.
    pub(super) fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.runtime().spawn(watched(&self.machine.clock, task))
    }

    /// How the set-up ended, told once.
    pub(super) fn take_set(&mut self) -> Option<Set> {
        // Taken out first: it may go on with a panic.
        let mut set_up = self.set_up.take()?;
        let set = poll(&mut set_up);
        if set.is_none() {
            self.set_up = Some(set_up);
        }
        set?
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("taken by drop alone")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.machine.socket.unplug();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The task, which panics when it never waits: the runtime would go on with it for ever, and the clock never.
fn watched<F: Future>(
    clock: &Arc<VirtualClock>,
    task: F,
) -> impl Future<Output = F::Output> + use<F> {
    let clock = clock.clone();
    async move {
        let mut task = pin!(task);
        let (mut moment, mut polls) = (clock.now(), 0);
        poll_fn(|cx| {
            let now = clock.now();
            polls = if now > moment { 0 } else { polls + 1 };
            moment = now;
            assert!(
                polls < POLLS_AT_ONCE_MAX,
                "time does not go on at {now}: this task never waits"
            );
            task.as_mut().poll(cx)
        })
        .await
    }
}

/// How a task ended, if it did: `Some(None)` when its process did before it. A task's panic goes on here.
pub(super) fn poll<T>(task: &mut JoinHandle<T>) -> Option<Option<T>> {
    match Pin::new(task).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => None,
        Poll::Ready(Ok(output)) => Some(Some(output)),
        Poll::Ready(Err(error)) if error.is_panic() => resume_unwind(error.into_panic()),
        Poll::Ready(Err(_)) => Some(None),
    }
}
