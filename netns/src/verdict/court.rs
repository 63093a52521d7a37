//! Tells the model what the journals say, line by line.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use hobnob_sim::model::{self, CallId, Fact, Model, Outcome, ProcessId, Report, Rules, Violation};
use hobnob_wire::{Generation, Instant};

use super::{Line, words::outcome};
use crate::journal::{Ending, Entry, Kind, Sighting};

/// How long after its deadline a call may end, while its process has time to do what is due. Far more than
/// any machine that gets on at all keeps a process waiting: this finds what was forgotten, not what is slow.
const LATENESS: Duration = Duration::from_secs(10);

/// A send is done when the other node has taken the message for its handlers; a process that is killed so
/// soon after may not have come to run them. Far longer than a message waits for its handler.
const LAST_MOMENTS: Duration = Duration::from_secs(5);

/// What is known of a call besides what the model knows.
#[derive(Debug)]
struct Made {
    kind: Option<Kind>,
    to: Vec<SocketAddr>,
    deadline: Instant,
    ended: Option<Instant>,
}

/// Hears the story of a run, from its beginning.
#[derive(Debug)]
pub(super) struct Court {
    model: Model,
    made: BTreeMap<u64, Made>,
    addresses: BTreeMap<ProcessId, SocketAddr>,
    /// When whoever was at an address was killed.
    killed: Vec<(SocketAddr, Instant)>,
    views: BTreeMap<ProcessId, Vec<Sighting>>,
}

impl Default for Court {
    fn default() -> Self {
        Self {
            // A handler may be seen to run after its sender was told that the message was taken.
            model: Model::new(Rules {
                is_order_loose: true,
            }),
            made: BTreeMap::new(),
            addresses: BTreeMap::new(),
            killed: Vec::new(),
            views: BTreeMap::new(),
        }
    }
}

impl Court {
    pub(super) fn hear(&mut self, at: Instant, process: ProcessId, line: Line) {
        match line {
            Line::Killed => {
                let address = self.addresses.get(&process);
                self.killed.extend(address.map(|address| (*address, at)));
                self.views.remove(&process);
                self.model.observe(at, &Fact::Stopped { process });
            }
            Line::Entry(Entry::Panicked { message }) => {
                self.model.blame(Violation::Panic { message });
            }
            Line::Entry(Entry::Sees { nodes }) => {
                self.views.insert(process, nodes);
            }
            Line::Entry(entry) => self.hear_entry(at, process, entry),
        }
    }

    fn hear_entry(&mut self, at: Instant, process: ProcessId, entry: Entry) {
        match entry {
            Entry::Started {
                address,
                generation,
            } => {
                self.addresses.insert(process, address);
                let fact = Fact::Started {
                    process,
                    addr: address,
                    generation: Generation(generation),
                };
                self.model.observe(at, &fact);
            }
            Entry::Renewed { generation } => {
                let generation = Generation(generation);
                let fact = Fact::Renewed {
                    process,
                    generation,
                };
                self.model.observe(at, &fact);
            }
            Entry::Ran => {
                let now = at - LATENESS;
                self.model.observe(at, &Fact::Ran { process, now });
            }
            Entry::Called { .. } | Entry::FanOutBegun { .. } => self.make(at, process, entry),
            Entry::Handled { .. } | Entry::Responded { .. } | Entry::Withdrawn { .. } => {
                self.handle(at, process, &entry);
            }
            _ => self.end(at, entry),
        }
    }

    fn make(&mut self, at: Instant, by: ProcessId, entry: Entry) {
        match entry {
            Entry::Called {
                call,
                kind,
                to,
                payload,
                timeout,
            } => {
                let deadline = at + Duration::from_nanos(timeout);
                let fact = Fact::Called {
                    call: CallId(call),
                    kind: kind.into(),
                    by,
                    to: to.into(),
                    payload: payload.into(),
                    deadline,
                };
                self.model.observe(at, &fact);
                self.note(call, Some(kind), vec![to.address], deadline);
            }
            Entry::FanOutBegun {
                call,
                to,
                limit,
                payload,
                timeout,
            } => {
                let deadline = at + Duration::from_nanos(timeout);
                let aims: Vec<model::Aim> = to.iter().copied().map(Into::into).collect();
                let fact = Fact::FanOutBegun {
                    call: CallId(call),
                    kind: model::Kind::FanOut,
                    by,
                    to: &aims,
                    limit,
                    payload: payload.into(),
                    deadline,
                };
                self.model.observe(at, &fact);
                let to = to.iter().map(|aim| aim.address).collect();
                self.note(call, None, to, deadline);
            }
            _ => {}
        }
    }

    fn handle(&mut self, at: Instant, by: ProcessId, entry: &Entry) {
        let fact = match *entry {
            Entry::Handled {
                call,
                from,
                payload,
                time_left,
            } => Fact::Handled {
                call: CallId(call),
                by,
                from,
                payload: payload.into(),
                until: time_left.map(|left| at + Duration::from_nanos(left)),
            },
            Entry::Responded {
                call,
                is_failure,
                payload,
            } => Fact::Responded {
                call: CallId(call),
                by,
                is_failure,
                payload: payload.into(),
            },
            Entry::Withdrawn { call } => Fact::Withdrawn {
                call: CallId(call),
                by,
            },
            _ => return,
        };
        self.model.observe(at, &fact);
    }

    fn end(&mut self, at: Instant, entry: Entry) {
        match entry {
            Entry::Cancelled { call } => {
                self.close_call(call, at);
                // Whether the driver had sent anything by then, nobody outside can tell.
                let fact = Fact::Cancelled {
                    call: CallId(call),
                    was_sendable: true,
                };
                self.model.observe(at, &fact);
            }
            Entry::Ended {
                call,
                ending,
                answer,
            } => {
                let fact = Fact::Ended {
                    call: CallId(call),
                    outcome: self.outcome(call, ending, at),
                    answer: answer.map(Into::into),
                    now: at,
                };
                self.model.observe(at, &fact);
                self.close_call(call, at);
            }
            Entry::FanOutEnded { call, report } => {
                let report: Vec<(SocketAddr, Outcome)> = report
                    .into_iter()
                    .map(|(address, ending)| (address, self.outcome(call, ending, at)))
                    .collect();
                let fact = Fact::FanOutEnded {
                    call: CallId(call),
                    report: &report,
                    now: at,
                };
                self.model.observe(at, &fact);
                self.close_call(call, at);
            }
            _ => {}
        }
    }

    fn note(&mut self, call: u64, kind: Option<Kind>, to: Vec<SocketAddr>, deadline: Instant) {
        let made = Made {
            kind,
            to,
            deadline,
            ended: None,
        };
        self.made.insert(call, made);
    }

    fn close_call(&mut self, call: u64, at: Instant) {
        if let Some(made) = self.made.get_mut(&call) {
            made.ended = Some(at);
        }
    }

    fn outcome(&self, call: u64, ending: Ending, now: Instant) -> Outcome {
        let made = self.made.get(&call);
        let is_request = made.is_some_and(|made| made.kind == Some(Kind::Request));
        let is_early = made.is_some_and(|made| now < made.deadline);
        outcome(ending, is_request, is_early)
    }

    /// The story is over: what the model says.
    pub(super) fn close(mut self, seed: u64) -> Report {
        for (process, nodes) in std::mem::take(&mut self.views) {
            let view = nodes.into_iter().map(Into::into);
            if let Some(violation) = self.model.wrong_view(process, view) {
                self.model.blame(violation);
            }
        }
        self.model.finish();
        let mut judged = Report::default();
        judged.add_model(seed, &self.model);
        judged.violations.clear();
        for (at, violation) in self.model.violations() {
            match self.died_with_it(violation) {
                true => judged.add_figure("taken by a process in its last moments", 1.0),
                false => judged.add_violation(seed, &format!("at {at}"), violation),
            }
        }
        judged
    }

    /// Whether the message was taken by a process that was killed before it ran the handler.
    fn died_with_it(&self, violation: &Violation) -> bool {
        let Violation::NotHandled {
            call: CallId(call),
            outcome: Outcome::Delivered,
            ..
        } = violation
        else {
            return false;
        };
        let Some((made, ended)) = self
            .made
            .get(call)
            .and_then(|made| Some((made, made.ended?)))
        else {
            return false;
        };
        self.killed.iter().any(|(address, at)| {
            made.to.contains(address) && ended <= *at && ended + LAST_MOMENTS > *at
        })
    }
}
