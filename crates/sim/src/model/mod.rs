//! The reference model: what must hold for calls and views, whatever happens to the cluster.
//!
//! It knows nothing of how messages travel. It is told what could be seen from outside (a call was made, a
//! handler ran, a call ended, a process died), in the order of time, and judges each of these [`Fact`]s by
//! those before. Simulated processes tell it directly; real ones write journals that are merged.
//!
//! # What it holds the implementation to
//!
//! - A handler runs at most once for a message, with the very bytes that were sent, and is told the true
//!   sender. A message for one process is handled by no other.
//! - What ends as delivered or answered was handled; an answer is the one that was given to that request.
//! - What ends as refused was not handled and never will be. What ends because of a restart is not handled
//!   by the process after it, and there was one.
//! - A call ends once. It has ended by the first moment after its deadline at which its process has run: a
//!   process that was stopped, or whose clock has jumped, may be late by just that. [`TIMER_SLACK`] is added,
//!   as timers are not exact. It never times out before the deadline.
//! - A handler is told by the same rule when its request's time is up.
//! - A fan-out never has more deliveries in flight than its limit, and its report names each target once.
//! - Messages of one stream are handled in their order.
//! - What a node reports of the others comes in its order: up, changes, gone or replaced. No generation of an
//!   address is reported after a later one; who is said to have left has said goodbye, and is not reported as
//!   failed afterwards; what is shown is what was reported.
//! - In the end, when the faults are over: every call of a living process has ended, and every living
//!   process sees each other one, in the state that it declared, and none that is gone.
//!
//! - Of shared data every copy has only what was written, and what it reported; no key of a copy goes back to an
//!   earlier write, nor does a removed value return; a write is later than what its writer had seen; a comparison
//!   tells the truth about its copy. A counter is never more or less than what processes have added. In the end all
//!   copies of living processes that are in the others' views are equal, and what these have added counts.
//! - What is read of a process' values is what that process has said, all of it at one moment, and for one reader never
//!   earlier than what it has read before; what changed was reported. In the end everybody who is in the
//!   others' views reads what everybody said last. Of whom it does not list nothing is held.
//! - Of the processes of one name nobody shows two at once. Only one that has a namesake who lives is refused, it is told
//!   so, and so is the other one; whoever was replaced elsewhere was replaced by its namesake. One that is
//!   established does not yield to one that came later. In the end one that lives has the name, unless all shut down, and
//!   neither the others nor those of its name that are gone are in any view.
//! - Processes of which one does not work with the other report nothing of each other but that, and nothing is delivered
//!   from one to the other. What is shared passes from one to the other by way of those who work with both only.
//!
//! # What it leaves open
//!
//! Which of several writes wins, unless one had seen the other; what of a process's writes others learn that dies.
//! Whether a call that ended as timed out, peer down or session lost was handled; when a message is handled;
//! whether an unreliable one is. Being slow is no violation, losing nothing is the point.

mod calls;
mod copies;
mod ending;
mod fact;
mod names;
mod notices;
mod processes;
mod release;
mod report;
mod sayings;
mod view;
mod violation;

use std::{collections::BTreeMap, time::Duration};

use hobnob_endpoint::wire::{Generation, Instant};

pub use copies::{Misshare, Sharing, Value};
pub use fact::{Aim, CallId, Declared, Digest, Fact, Kind, Outcome, ProcessId};
pub use names::{ESTABLISHED_AFTER, Misname, Naming};
pub use notices::{Misreport, Notice};
pub use release::Release;
pub use report::{Broken, Report};
pub use sayings::{Missaid, Saying};
pub use view::{Seen, Sighting};
pub use violation::Violation;

use calls::Call;
use copies::Shared;
use notices::Noticed;
use processes::Processes;
use sayings::Sayings;

/// How much later than its deadline a timer may fire: timers are kept in steps of a quarter of this.
pub const TIMER_SLACK: Duration = Duration::from_millis(1);

/// Violations that are kept; one bug tends to cause many, and the first says most.
const VIOLATIONS_MAX: usize = 64;

/// How the facts are gathered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whether the order of facts of different processes is not exact. What is told of one process by
    /// another's outcome, such as that it handled a message, is then judged by [`Model::finish`] only.
    pub is_order_loose: bool,
}

/// Judges what is observed. See the [module](self).
#[derive(Debug)]
pub struct Model {
    rules: Rules,
    now: Instant,
    processes: Processes,
    calls: BTreeMap<CallId, Call>,
    /// What each running process has reported of the others.
    noticed: BTreeMap<ProcessId, Noticed>,
    shared: Shared,
    sayings: Sayings,
    /// Deliveries whose outcome is judged in the end.
    unsettled: Vec<(CallId, usize)>,
    endings: BTreeMap<(&'static str, &'static str), u64>,
    violations: Vec<(Instant, Violation)>,
}

impl Model {
    /// A model of a cluster without processes.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            now: Instant::ZERO,
            processes: Processes::default(),
            calls: BTreeMap::new(),
            noticed: BTreeMap::new(),
            shared: Shared::default(),
            sayings: Sayings::default(),
            unsettled: Vec::new(),
            endings: BTreeMap::new(),
            violations: Vec::new(),
        }
    }

    /// Takes note of a fact that came about at `at`, by one clock for all. Says whether it broke nothing.
    pub fn observe(&mut self, at: Instant, fact: &Fact<'_>) -> bool {
        let before = self.violations.len();
        self.now = self.now.max(at);
        match *fact {
            Fact::Started {
                process,
                addr,
                generation,
            } => self.processes.start(self.now, process, addr, generation),
            Fact::Introduced {
                process,
                name,
                release,
            } => self.processes.introduce(process, name, release),
            Fact::Renewed {
                process,
                generation,
            } => self.renew(process, generation),
            Fact::Stopped { process } => self.stop(process),
            Fact::Ran { process, now } => self.check_due(process, now),
            Fact::Declared { process, state } => self.processes.declare(process, state),
            Fact::Leaving { process } => self.processes.leave(process, 0, 0),
            Fact::LeaveEnded {
                process,
                confirmed,
                total,
            } => self.processes.leave(process, confirmed, total),
            Fact::Noticed {
                by,
                addr,
                generation,
                notice,
            } => self.judge_notice(by, addr, generation, notice),
            Fact::Shared { by, what } => self.judge_sharing(by, what),
            Fact::Said { by, what } => self.judge_saying(by, what),
            Fact::Named { by, what } => self.judge_naming(by, what),
            Fact::Excluded {
                by,
                addr,
                generation,
            } => self.judge_exclusion(by, addr, generation),
            Fact::Company { by, is_alone } => self.judge_company(by, is_alone),
            _ => self.observe_call(fact),
        }
        self.violations.len() == before
    }

    /// Notes a violation that was found elsewhere.
    pub fn blame(&mut self, violation: Violation) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push((self.now, violation));
        }
    }

    /// What was broken so far, with the times.
    pub fn violations(&self) -> &[(Instant, Violation)] {
        &self.violations
    }

    /// How often calls of each kind came to each end.
    pub fn endings(&self) -> impl Iterator<Item = ((&'static str, &'static str), u64)> + '_ {
        self.endings.iter().map(|(key, count)| (*key, *count))
    }

    /// A call of a running process that has neither ended nor been cancelled, or a handler at work: as the
    /// violation it is when nothing more will come.
    pub fn first_open(&self) -> Option<Violation> {
        let work = |(by, it): (ProcessId, &processes::Process)| {
            it.work
                .first()
                .map(|&(until, call)| Violation::WorkOverdue {
                    call,
                    by,
                    until,
                    now: self.now,
                })
        };
        let running = || self.processes.running();
        let call = running().find_map(|(_, it)| it.due.first());
        let call = call.map(|&(_, call)| Violation::NeverEnded {
            call,
            kind: self.calls[&call].kind,
        });
        call.or_else(|| running().find_map(work))
    }

    /// The run is over, and nothing more will come: what is still open will stay so.
    pub fn finish(&mut self) {
        for (call, place) in std::mem::take(&mut self.unsettled) {
            self.judge_ending(call, place);
        }
        let open: Vec<CallId> = self
            .processes
            .running()
            .flat_map(|(_, it)| it.due.iter().map(|(_, call)| *call))
            .collect();
        for call in open {
            let kind = self.calls[&call].kind;
            self.blame(Violation::NeverEnded { call, kind });
        }
    }

    fn count(&mut self, kind: Kind, ending: &'static str) {
        *self.endings.entry((kind.name(), ending)).or_default() += 1;
    }

    fn renew(&mut self, process: ProcessId, generation: Generation) {
        if let Some(earlier) = self.processes.renew(process, generation) {
            self.blame(Violation::RenewedBack {
                process,
                earlier,
                generation,
            });
        }
    }

    /// Calls of a process that is no more never end, and its handlers answer nobody.
    fn stop(&mut self, process: ProcessId) {
        self.noticed.remove(&process);
        self.shared.stop(process);
        self.sayings.stop(process);
        let Some(stopped) = self.processes.stop(self.now, process) else {
            return;
        };
        for (_, call) in stopped {
            if let Some(call) = self.calls.get_mut(&call) {
                let open = call.abandon();
                let kind = call.kind;
                for _ in 0..open {
                    self.count(kind, "caller died");
                }
            }
        }
    }

    /// A process has run: what was due is done.
    fn check_due(&mut self, process: ProcessId, now: Instant) {
        let Some((overdue, overdue_work)) = self.processes.take_overdue(process, now) else {
            return;
        };
        for (deadline, call) in overdue {
            let kind = self.calls[&call].kind;
            self.blame(Violation::Overdue {
                call,
                kind,
                deadline,
                now,
            });
        }
        for (until, call) in overdue_work {
            self.blame(Violation::WorkOverdue {
                call,
                by: process,
                until,
                now,
            });
        }
    }
}
