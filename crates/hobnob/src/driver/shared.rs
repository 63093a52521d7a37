//! What the driver and all handles share.
//!
//! # Who sends
//!
//! A call locks the core, adds its message, and then somebody must send:
//!
//! - The driver is awake: it sends before it sleeps, so the caller leaves it to it. Callers that the driver
//!   woke add their next messages that way, and those to one peer share datagrams.
//! - It sleeps and nothing else is under way: the caller sends at once, in its own task. A lone request pays for no hop.
//! - It sleeps and others are under way: the caller yields once. Everybody who is ready adds theirs meanwhile, and the
//!   first to come back sends them all: messages to one peer share datagrams.
//! - Somebody is sending already: that one looks again before it stops, so the caller leaves it to them.

use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence},
};

use arc_swap::{ArcSwap, ArcSwapOption};
use hobnob_endpoint::{Endpoint, wire::Instant};
use tokio::sync::{Notify, broadcast, watch};

use super::{
    Clock, Socket,
    completions::Completions,
    sender::{Drained, Sender},
};
use crate::{
    admission::Admission,
    builder::Settings,
    calls::Turns,
    dispatch::Handlers,
    events::Event,
    flag::Flag,
    nodes::Snapshot,
    pick::Dice,
    sharing::SharedEvent,
    shutdown::{LeaveOutcome, Shutdown},
    values::Unpacked,
    view::Board,
};

/// What a task is armed for that does not wake by itself.
pub(crate) const NEVER: u64 = u64::MAX;

/// The endpoint and the calls under way: everything behind the one lock of the hot path.
pub(crate) struct Core {
    pub(crate) endpoint: Endpoint,
    pub(crate) calls: Completions,
    pub(crate) unpacked: Unpacked,
}

impl Core {
    /// How the cluster looks now.
    pub(crate) fn snapshot(&mut self) -> Snapshot {
        Snapshot::of(&self.endpoint, &mut self.unpacked)
    }
}

/// Everything a mesh is made of.
pub(crate) struct Shared {
    core: Mutex<Core>,
    sender: Mutex<Sender>,
    socket: ArcSwapOption<Socket>,
    send_errors: Arc<AtomicU64>,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) snapshot: ArcSwap<Snapshot>,
    pub(crate) dice: Arc<Dice>,
    pub(crate) views: Board,
    pub(crate) handlers: Handlers,
    pub(crate) admission: Admission,
    /// `None` once the mesh is closed, so that readers of events learn of it.
    pub(crate) events: Mutex<Option<broadcast::Sender<Event>>>,
    /// As `events`.
    pub(crate) shared_events: Mutex<Option<broadcast::Sender<SharedEvent>>>,
    /// Something was added that nobody has sent yet.
    dirty: AtomicBool,
    /// The driver is at work.
    pub(crate) awake: AtomicBool,
    /// Calls that wait for their end.
    pub(crate) under_way: AtomicUsize,
    /// When the driver will wake by itself, in the cores' nanoseconds.
    pub(crate) armed: AtomicU64,
    /// When the seeds are looked at next, in the same; [`NEVER`] while nobody does.
    pub(crate) greeting: AtomicU64,
    /// Wakes the driver: a deadline moved, or something else than sending is to be done.
    pub(crate) wake: Notify,
    /// A session came about, or an attempt failed.
    pub(crate) connected: Notify,
    /// A full queue has room again.
    pub(crate) writable: Notify,
    /// Who waits for room with a message of a stream.
    pub(crate) turns: Turns,
    pub(crate) closed: Flag,
    /// The driver has ended and the port is free.
    pub(crate) released: Flag,
    pub(crate) left: watch::Sender<Option<LeaveOutcome>>,
    pub(crate) shutdown: Shutdown,
}

impl Shared {
    pub(crate) fn new(
        endpoint: Endpoint,
        socket: Arc<Socket>,
        clock: Clock,
        settings: Settings,
    ) -> Self {
        let mut core = Core {
            endpoint,
            calls: Completions::default(),
            unpacked: Unpacked::default(),
        };
        let snapshot = core.snapshot();
        let send_errors = Arc::new(AtomicU64::new(0));
        let sender = Sender::new(settings.datagram_bytes, socket.clone(), send_errors.clone());
        Self {
            core: Mutex::new(core),
            sender: Mutex::new(sender),
            socket: ArcSwapOption::new(Some(socket)),
            send_errors,
            clock,
            snapshot: ArcSwap::from_pointee(snapshot),
            dice: Arc::new(Dice::new(settings.seed)),
            views: Board::default(),
            settings,
            handlers: Handlers::default(),
            admission: Admission::new(),
            events: Mutex::new(Some(broadcast::Sender::new(crate::events::EVENTS_MAX))),
            shared_events: Mutex::new(Some(Self::new_shared_events())),
            dirty: AtomicBool::new(false),
            awake: AtomicBool::new(false),
            under_way: AtomicUsize::new(0),
            armed: AtomicU64::new(0),
            greeting: AtomicU64::new(NEVER),
            wake: Notify::new(),
            connected: Notify::new(),
            writable: Notify::new(),
            turns: Turns::default(),
            closed: Flag::new(),
            released: Flag::new(),
            left: watch::Sender::new(None),
            shutdown: Shutdown::new(),
        }
    }

    /// Locks the core.
    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().expect("no panic while the core is locked")
    }

    /// Shared data goes by the wall clock, which may be set at any time.
    pub(crate) fn read_wall_clock(&self, core: &mut Core, now: Instant) {
        if let Some(unix_time) = self.clock.unix_time() {
            core.endpoint.set_wall_clock(now, unix_time);
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_set()
    }

    /// Resolves when the kernel may have room again.
    pub(crate) async fn writable(&self) {
        // Not under the lock of the sender: who finds that taken leaves its message to the holder.
        if let Some(socket) = self.socket.load_full() {
            let _ = socket.writable().await;
        }
    }

    /// Lets go of everything that outlives the node: the socket, and handlers that may hold this very mesh.
    pub(crate) fn release(&self) {
        self.sender.lock().expect("no panic while sending").close();
        self.socket.store(None);
        self.handlers.clear();
    }

    /// When the node's own tasks wake by themselves at the latest, and how many there are.
    pub(crate) fn sleeps_until(&self) -> (Instant, usize) {
        let greeting = self.greeting.load(Ordering::Relaxed);
        let (armed, drivers) = if self.released.is_set() {
            (NEVER, 0)
        } else {
            (self.armed.load(Ordering::Acquire), 1)
        };
        let tasks = drivers + usize::from(greeting != NEVER);
        (Instant::from_nanos(armed.min(greeting)), tasks)
    }

    pub(crate) fn send_errors(&self) -> u64 {
        self.send_errors.load(Ordering::Relaxed)
    }

    /// Changes the core and makes sure that what comes of it happens: deadlines, events, datagrams.
    pub(crate) fn command<T>(&self, change: impl FnOnce(&mut Core, Instant) -> T) -> T {
        let now = self.clock.now();
        let mut core = self.core();
        let result = change(&mut core, now);
        self.dirty.store(true, Ordering::SeqCst);
        // Under the lock under which the driver goes to sleep: either it sees what was changed here, or it is
        // seen to sleep.
        let rouse = !self.is_driver_awake() && self.needs_driver(&core);
        drop(core);
        if rouse {
            self.wake.notify_one();
        }
        result
    }

    /// Whether the driver must wake for what stands in the core: it has news, or an earlier deadline.
    fn needs_driver(&self, core: &Core) -> bool {
        let due = core
            .endpoint
            .poll_timeout()
            .map_or(u64::MAX, |deadline| deadline.at.as_nanos());
        core.endpoint.has_events() || due < self.armed.load(Ordering::Acquire)
    }

    /// Whether the driver will look at the core and send before it sleeps.
    pub(crate) fn is_driver_awake(&self) -> bool {
        self.awake.load(Ordering::SeqCst)
    }

    /// Whether something was added that nobody has sent yet.
    pub(crate) fn is_dirty(&self) -> bool {
        self.dirty.load(Ordering::SeqCst)
    }

    /// Sees to it that what was added is sent: see the module's text.
    pub(crate) async fn flush(&self) {
        if self.is_driver_awake() {
            return;
        }
        if self.under_way.load(Ordering::Relaxed) > 1 {
            tokio::task::yield_now().await;
        }
        self.flush_now();
    }

    /// Sends what was added, unless the driver is about to.
    pub(crate) fn flush_unless_awake(&self) {
        if !self.is_driver_awake() {
            self.flush_now();
        }
    }

    /// Sends what was added, unless somebody else is at it.
    pub(crate) fn flush_now(&self) {
        while self.is_dirty() {
            // Pairs with the one after a drain: either this sees the lock free, or the holder sees `dirty`.
            fence(Ordering::SeqCst);
            let Ok(sender) = self.sender.try_lock() else {
                return;
            };
            if self.drain_for_caller(sender) == Drained::Blocked {
                return;
            }
        }
    }

    /// Sends everything that waits, whoever added it; says whether the kernel took it all.
    pub(crate) fn send_now(&self) -> Drained {
        let sender = self.sender.lock().expect("no panic while sending");
        let drained = self.drain_for_caller(sender);
        if drained == Drained::Empty {
            self.flush_now();
        }
        drained
    }

    /// The driver's own way to send: it looks at deadlines, and once more at `dirty`, before it sleeps.
    pub(crate) fn drain(&self) -> Drained {
        let mut sender = self.sender.lock().expect("no panic while sending");
        self.dirty.store(false, Ordering::SeqCst);
        sender.drain(&self.core, &self.clock, |_| {})
    }

    fn drain_for_caller(&self, mut sender: MutexGuard<'_, Sender>) -> Drained {
        self.dirty.store(false, Ordering::SeqCst);
        let mut rouse = false;
        let drained = sender.drain(&self.core, &self.clock, |core| {
            // What was sent set timers, for which the driver must wake in time.
            rouse = !self.is_driver_awake() && self.needs_driver(core);
        });
        drop(sender);
        fence(Ordering::SeqCst);
        if drained == Drained::Blocked {
            // The driver waits for the socket, so that no caller's cancellation can lose the wake-up.
            self.dirty.store(true, Ordering::SeqCst);
            rouse = true;
        }
        if rouse {
            self.wake.notify_one();
        }
        drained
    }
}
