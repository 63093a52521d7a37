//! Leaving in good order.
//!
//! 1. Offline at once, here and in the cluster: admission refuses, permits learn of it, calls and handlers go
//!    on.
//! 2. Wait for the permits, at most the shutdown timeout.
//! 3. Let reliable messages that are under way come to their end, for a bounded time.
//! 4. End the calls that are still open with `Closed`, then say goodbye until every live peer has confirmed
//!    it, for a bounded time.
//! 5. Close: handlers are dropped, the port is free.

use std::{
    io, process,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
    time::Duration,
};

use hobnob_endpoint::gossip::DeclaredState;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, sleep, timeout, timeout_at},
};

use crate::{driver::Shared, flag::Flag, mesh::Mesh};

/// How long a node stays after it has gone Offline, at least: the others see that before they see it leave.
const OFFLINE_NOTICE: Duration = Duration::from_millis(150);

/// How long unfinished messages may take once the permits are back.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Pause between two looks at what is unfinished.
const FLUSH_PAUSE: Duration = Duration::from_millis(5);

/// A goodbye is bounded by the membership core; this bounds the wait for its word.
const LEAVE_TIMEOUT_MAX: Duration = Duration::from_secs(10);

/// How a goodbye ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeaveOutcome {
    pub(crate) confirmed: usize,
    pub(crate) peers: usize,
}

/// How a shutdown went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Permits that were still out when the shutdown timeout had passed.
    pub permits_outstanding: usize,
    /// Whether every reliable message and every answer was acknowledged.
    pub flushed: bool,
    /// Live peers that confirmed the goodbye.
    pub confirmed: usize,
    /// Live peers there were.
    pub peers: usize,
}

impl Mesh {
    /// Leaves the cluster in good order and ends this node: Offline at once, then up to the shutdown timeout
    /// for permits to come back, then the goodbye. Calling it again waits for the same shutdown.
    ///
    /// It runs on the runtime it was first called on. When that goes away meanwhile, or the node's has before,
    /// the node ends without a goodbye.
    ///
    /// # Cancel safety
    ///
    /// Once begun, the shutdown goes on when the future is dropped.
    pub async fn shutdown(&self) -> ShutdownReport {
        if self.shared.shutdown.begin() {
            let ending = Ending(self.clone());
            tokio::spawn(async move {
                let report = leave(&ending.0).await;
                ending.0.shared.shutdown.finish(report);
            });
        }
        self.shared.shutdown.ended().await
    }

    /// Serves until SIGTERM or SIGINT comes, then shuts down. A second signal ends the process at once, with
    /// status 128 + its number. Returns early when the mesh is shut down by other means.
    ///
    /// Signals are caught from the call on, not from the first poll: call it, say that the server is ready,
    /// then await it.
    ///
    /// # Errors
    ///
    /// When the system does not let signals be handled; the node goes on.
    ///
    /// # Cancel safety
    ///
    /// Dropping it before a signal came changes nothing, but that the signals stay caught.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime whose I/O driver is enabled.
    pub fn run_until_signal(
        &self,
    ) -> impl Future<Output = io::Result<ShutdownReport>> + Send + use<> {
        let mesh = self.clone();
        // Signals are for the whole process, of which a simulated node has only a part.
        let signals = (!mesh.shared.clock.is_virtual()).then(catch_signals);
        async move {
            let Some(signals) = signals else {
                mesh.closed().await;
                return Ok(mesh.shutdown().await);
            };
            let (mut terminate, mut interrupt) = signals?;
            tokio::select! {
                number = either(&mut terminate, &mut interrupt) => {
                    tracing::info!(number, "signal: shutting down");
                }
                () = mesh.closed() => {}
            }
            tokio::select! {
                report = mesh.shutdown() => Ok(report),
                number = either(&mut terminate, &mut interrupt) => process::exit(128 + number),
            }
        }
    }
}

fn catch_signals() -> io::Result<(Signal, Signal)> {
    Ok((
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    ))
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> i32 {
    tokio::select! {
        _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
        _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
    }
}

/// A shutdown under way. Dropped with the runtime it runs on, it ends the node without a goodbye, and whoever
/// waits for it.
struct Ending(Mesh);

impl Drop for Ending {
    fn drop(&mut self) {
        let shared = &self.0.shared;
        if !shared.is_closed() {
            shared.close();
        }
        shared.shutdown.finish(ShutdownReport::cut_short(shared));
    }
}

impl ShutdownReport {
    /// Of a node that could not say goodbye.
    fn cut_short(shared: &Shared) -> Self {
        Self {
            permits_outstanding: shared.admission.permits(),
            flushed: false,
            confirmed: 0,
            peers: 0,
        }
    }
}

async fn leave(mesh: &Mesh) -> ShutdownReport {
    let shared = &mesh.shared;
    if shared.is_closed() {
        // Its runtime went away.
        return ShutdownReport::cut_short(shared);
    }
    let notice = Instant::now() + OFFLINE_NOTICE;
    mesh.declare(DeclaredState::Offline);
    let _ = timeout(
        shared.settings.shutdown_timeout,
        shared.admission.all_returned(),
    )
    .await;
    let permits_outstanding = shared.admission.permits();
    if !shared.core().endpoint.members().is_alone() {
        tokio::time::sleep_until(notice).await;
    }
    let flushed = flush(shared).await;
    shared.end_calls();
    let LeaveOutcome { confirmed, peers } = say_goodbye(shared).await;
    shared.close();
    shared.released.wait().await;
    ShutdownReport {
        permits_outstanding,
        flushed,
        confirmed,
        peers,
    }
}

async fn flush(shared: &Shared) -> bool {
    let until = Instant::now() + FLUSH_TIMEOUT;
    while shared.core().endpoint.messages().has_unfinished() {
        if Instant::now() >= until {
            return false;
        }
        sleep(FLUSH_PAUSE).await;
    }
    true
}

async fn say_goodbye(shared: &Shared) -> LeaveOutcome {
    let mut left = shared.left.subscribe();
    shared.command(|core, now| core.endpoint.leave(now));
    shared.flush_now();
    let until = Instant::now() + LEAVE_TIMEOUT_MAX;
    match timeout_at(until, left.wait_for(Option::is_some)).await {
        Ok(Ok(outcome)) => outcome.unwrap_or(LeaveOutcome {
            confirmed: 0,
            peers: 0,
        }),
        _ => LeaveOutcome {
            confirmed: 0,
            peers: 0,
        },
    }
}

impl Shared {
    /// Ends the calls that are still open: peers stop listening once they have heard the goodbye.
    fn end_calls(&self) {
        let wakers = self.core().calls.close();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Ends everything that waits for this node, and tells its driver to end.
    pub(crate) fn close(&self) {
        self.end_calls();
        self.events
            .lock()
            .expect("no panic while telling events")
            .take();
        self.shared_events
            .lock()
            .expect("no panic while telling events")
            .take();
        self.closed.set();
        self.connected.notify_waiters();
        self.writable.notify_waiters();
    }
}

/// One shutdown, however many wait for it.
#[derive(Debug)]
pub(crate) struct Shutdown {
    begun: AtomicBool,
    report: OnceLock<ShutdownReport>,
    ended: Flag,
}

impl Shutdown {
    pub(crate) const fn new() -> Self {
        Self {
            begun: AtomicBool::new(false),
            report: OnceLock::new(),
            ended: Flag::new(),
        }
    }

    /// Whether this is the first who asks for it.
    fn begin(&self) -> bool {
        !self.begun.swap(true, Ordering::AcqRel)
    }

    fn finish(&self, report: ShutdownReport) {
        let _ = self.report.set(report);
        self.ended.set();
    }

    async fn ended(&self) -> ShutdownReport {
        self.ended.wait().await;
        *self.report.get().expect("set before the flag")
    }
}
