//! The driver's loop.

use std::{
    io,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::Waker,
    time::Duration,
};

use bytes::Bytes;
use hobnob_endpoint::{self as endpoint, gossip, messaging, wire::Instant};
use tokio::time::Sleep;

use super::{
    blocks::Blocks,
    completions::Outcome,
    sender::Drained,
    shared::{Core, Shared},
    socket::{Batch, Socket},
};
use crate::{
    dispatch::{Inbox, Running, copied},
    events::{Event, Incompatibility, from_gossip, from_values},
    mesh::Mesh,
    shutdown::LeaveOutcome,
    view::Settling,
};

/// Longest sleep. Nothing depends on it: every deadline is armed.
const SLEEP_MAX: Duration = Duration::from_secs(3_600);

/// Pause after the socket failed to receive, so that a broken one does not spin.
const RECEIVE_ERROR_PAUSE: Duration = Duration::from_millis(10);

/// A receive that took longer was interrupted: the process was stopped, or its thread not scheduled. As long as the
/// shortest time that timers tell apart.
const INTERRUPTED: Duration = Duration::from_millis(1);

/// Rounds of the loop that timers wait for the socket to be read, at most: what a receive buffer of 4 MiB holds in
/// batches of eight ordinary datagrams, each with the kernel's bookkeeping of about as much again. So a socket that
/// never runs dry delays a timer by some ten milliseconds.
const ROUNDS_OVERDUE_MAX: u32 = 256;

/// Drives the node until it is closed.
pub(crate) async fn run(shared: Arc<Shared>, socket: Arc<Socket>) {
    let now = shared.clock.now();
    let mut settling = Settling::new(shared.settings.holding, now);
    settling.handle_nodes(now, &shared.snapshot.load().everybody);
    let mut driver = Driver {
        mesh: Mesh::from_shared(shared.clone()),
        socket,
        shared: shared.clone(),
        blocks: Blocks::new(),
        inbox: Inbox::default(),
        running: Running::default(),
        wakers: Vec::new(),
        version: (0, 0),
        settling,
        blocked: false,
        rounds_overdue: 0,
    };
    let end = End(shared);
    driver.run().await;
    drop(driver);
    drop(end);
}

/// Whatever ends the driver, a panic or the end of its runtime too, ends all that waits for it.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.close();
        self.0.release();
        self.0.released.set();
    }
}

struct Driver {
    shared: Arc<Shared>,
    socket: Arc<Socket>,
    mesh: Mesh,
    blocks: Blocks,
    /// Messages for handlers, taken out of the core and not dispatched yet.
    inbox: Inbox,
    running: Running,
    wakers: Vec<Waker>,
    /// Versions of the membership and of the values that the published snapshot shows.
    version: (u64, u64),
    settling: Settling,
    /// The kernel has no room for what is to be sent.
    blocked: bool,
    /// Rounds in which something was due and the socket had to be read first.
    rounds_overdue: u32,
}

impl Driver {
    async fn run(&mut self) {
        let shared = self.shared.clone();
        let closed = shared.closed.wait();
        tokio::pin!(closed);
        let sleep = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(sleep);
        while !shared.is_closed() {
            self.shared.awake.store(true, Ordering::SeqCst);
            let more = self.receive().await;
            if self.hand_out() {
                // Callers who got their answer add their next message before everything is sent.
                tokio::task::yield_now().await;
            }
            self.blocked = self.shared.drain() == Drained::Blocked;
            if more {
                // A socket that never runs dry must not keep the other tasks of this thread waiting.
                tokio::task::yield_now().await;
                continue;
            }
            if !self.prepare_to_sleep(sleep.as_mut()) {
                continue;
            }
            // In order, so that a simulated run can be repeated: whatever it was that woke the driver, it looks
            // at everything.
            tokio::select! {
                biased;
                _ = self.socket.readable() => {}
                () = sleep.as_mut() => {}
                () = self.shared.wake.notified() => {}
                _ = self.socket.writable(), if self.blocked => {}
                () = &mut closed => {}
            }
        }
        self.running.abort_all();
    }

    /// Takes in what the socket holds, one batch. Says whether it may hold more.
    async fn receive(&mut self) -> bool {
        let before = self.shared.clock.now();
        match self.socket.receive(&mut self.blocks) {
            Ok(batch) => {
                self.take_in(batch);
                self.let_due_things_happen(before, batch)
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => true,
            Err(error) => {
                tracing::debug!(%error, "cannot receive");
                tokio::time::sleep(RECEIVE_ERROR_PAUSE).await;
                self.let_due_things_happen(self.shared.clock.now(), Batch::NOTHING)
            }
        }
    }

    fn take_in(&mut self, batch: Batch) {
        if batch.received > 0 {
            let now = self.shared.clock.now();
            let mut core = self.shared.core();
            for index in 0..batch.received {
                let block = self.blocks.take(index);
                // Nobody can be answered at port 0: the kernel would refuse it.
                let datagrams = block.datagrams().filter(|_| block.from().port() != 0);
                for datagram in datagrams {
                    core.endpoint.handle_datagram(now, block.from(), &datagram);
                }
                // Given back once its payloads were dispatched: see `hand_out`.
                self.inbox.hold(index, block);
            }
        }
    }

    /// Lets happen what is due, once the socket is read: a process that was paused finds all its timers overdue,
    /// and in its socket the answers that make them needless. Without these it would send again what arrived
    /// long ago. `batch` is what was received since `before`. Says whether the socket may hold more.
    fn let_due_things_happen(&mut self, before: Instant, batch: Batch) -> bool {
        // From before a further look into the socket, so that a pause behind it makes nothing due.
        let now = self.shared.clock.now();
        let is_due = {
            let core = self.shared.core();
            let next = core.endpoint.poll_timeout();
            next.is_some_and(|deadline| deadline.at <= now)
        };
        if !is_due {
            self.rounds_overdue = 0;
            return batch.more;
        }
        let was_interrupted = now.saturating_since(before) >= INTERRUPTED;
        // A batch that came back short has emptied the socket; where none came, nobody may have asked the kernel.
        let may_hold_more = batch.more || was_interrupted || batch.received == 0 && self.has_news();
        if may_hold_more && self.rounds_overdue < ROUNDS_OVERDUE_MAX {
            self.rounds_overdue += 1;
            return true;
        }
        self.rounds_overdue = 0;
        let mut core = self.shared.core();
        self.shared.read_wall_clock(&mut core, now);
        core.endpoint.handle_timeout(now);
        batch.more
    }

    /// Takes in what the kernel holds, whether the runtime knows of it or not: right after a pause it does not.
    fn has_news(&mut self) -> bool {
        match self.socket.receive_unannounced(&mut self.blocks) {
            Ok(batch) => {
                self.take_in(batch);
                batch.received > 0
            }
            Err(_) => false,
        }
    }

    /// Hands out everything the endpoint has to tell. Says whether callers were woken whose next messages are
    /// worth waiting for: a lone one sends for itself, and yielding to it would move this task to another
    /// thread (twice the time of a request, measured).
    fn hand_out(&mut self) -> bool {
        let shared = self.shared.clone();
        let mut core = shared.core();
        // The snapshot first: who hears of a change finds it there.
        self.publish(&mut core);
        self.settle();
        while let Some(event) = core.endpoint.poll_event() {
            self.sort(&mut core, event);
        }
        drop(core);
        let several_woke = self.wakers.len() > 1;
        self.wakers.drain(..).for_each(Waker::wake);
        self.inbox.dispatch(&self.mesh, &mut self.running);
        self.inbox.give_back(&mut self.blocks);
        several_woke
    }

    fn sort(&mut self, core: &mut Core, event: endpoint::Event) {
        match event {
            endpoint::Event::Message(messaging::Event::Writable { .. }) => {
                self.shared.writable.notify_waiters();
            }
            endpoint::Event::Message(message) => self.sort_message(core, message),
            endpoint::Event::Relayed {
                origin,
                command,
                payload,
                is_reliable,
            } => {
                let payload = if self.blocks.are_scarce() {
                    Bytes::copy_from_slice(&payload)
                } else {
                    payload
                };
                self.inbox
                    .push_relayed(origin, command.0, payload, is_reliable);
            }
            endpoint::Event::RelayEnded { token, report } => {
                let outcome = Outcome::Relayed(report);
                self.wakers.extend(core.calls.file(token, outcome));
            }
            endpoint::Event::Member(gossip::Event::LeaveFinished { confirmed, total }) => {
                self.shared.left.send_replace(Some(LeaveOutcome {
                    confirmed,
                    peers: total,
                }));
            }
            endpoint::Event::Member(change) => {
                if matches!(change, gossip::Event::Failed(_) | gossip::Event::Left(_)) {
                    self.shared.connected.notify_waiters();
                }
                if let Some(event) = from_gossip(&change, core) {
                    self.tell(event);
                }
            }
            endpoint::Event::Stranger { addr, reason } => {
                if let Some(reason) = Incompatibility::of(reason, &core.endpoint) {
                    self.tell(Event::Incompatible {
                        address: addr,
                        reason,
                    });
                }
            }
            endpoint::Event::Shared(change) => self.shared.tell_shared(change),
            endpoint::Event::Values(change) => {
                if let Some(event) = from_values(change, core) {
                    self.tell(event);
                }
            }
            endpoint::Event::Connected { .. } => self.shared.connected.notify_waiters(),
            endpoint::Event::Unreachable { addr, reason } => {
                tracing::debug!(%addr, ?reason, "no session");
                self.shared.connected.notify_waiters();
            }
            _ => {}
        }
    }

    fn sort_message(&mut self, core: &mut Core, message: messaging::Event) {
        let message = if self.blocks.are_scarce() {
            copied(message)
        } else {
            message
        };
        match core.calls.complete(message) {
            Ok(waker) => self.wakers.extend(waker),
            Err(arrived) => {
                let holds_place = matches!(arrived, messaging::Event::Message { .. });
                if !self.inbox.push(arrived, core.endpoint.sessions()) && holds_place {
                    core.endpoint.handled(1);
                }
            }
        }
    }

    fn tell(&self, event: Event) {
        event.log();
        let events = self
            .shared
            .events
            .lock()
            .expect("no panic while telling events");
        if let Some(events) = &*events {
            // Nobody listening is fine.
            let _ = events.send(event);
        }
    }

    fn publish(&mut self, core: &mut Core) {
        let endpoint = &core.endpoint;
        let version = (endpoint.members().version(), endpoint.values().changes());
        if version != self.version {
            self.version = version;
            let snapshot = Arc::new(core.snapshot());
            let now = self.shared.clock.now();
            self.settling.handle_nodes(now, &snapshot.everybody);
            self.shared.snapshot.store(snapshot);
        }
    }

    fn settle(&mut self) {
        if let Some(version) = self.settling.handle_timeout(self.shared.clock.now()) {
            self.shared.views.put(version);
        }
    }

    /// Sets the alarm for the next deadline. Says whether there is nothing left to do until then.
    ///
    /// An alarm that is already set for earlier stays: under load deadlines move on with every datagram,
    /// and one spurious wake-up costs less than moving the alarm each time.
    fn prepare_to_sleep(&self, mut sleep: Pin<&mut Sleep>) -> bool {
        let now = self.shared.clock.now();
        let core = self.shared.core();
        self.shared.awake.store(false, Ordering::SeqCst);
        if core.endpoint.has_events() || self.shared.is_dirty() && !self.blocked {
            return false;
        }
        let due = core
            .endpoint
            .poll_timeout()
            .map_or(now + SLEEP_MAX, |deadline| deadline.at);
        let due = due.min(now + SLEEP_MAX);
        let due = self.settling.poll_timeout().map_or(due, |at| at.min(due));
        let armed = Instant::from_nanos(self.shared.armed.load(Ordering::Acquire));
        // One that went off without time having passed was set by another clock: tests can stop the runtime's.
        let moves = armed <= now || due < armed || sleep.is_elapsed();
        if moves {
            self.shared.armed.store(due.as_nanos(), Ordering::Release);
        }
        drop(core);
        if moves {
            sleep.as_mut().reset(self.shared.clock.to_tokio(due));
        }
        true
    }
}
