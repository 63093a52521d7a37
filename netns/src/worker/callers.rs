//! Calls whose beginning and end are written down.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hobnob::{Bytes, Mesh, RequestError, SendError, Target, USendError};

use super::payload::{CallNumbers, fill};
use crate::journal::{Aim, Digest, Ending, Entry, Journal, Kind};

/// Whoever calls shares this. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Callers {
    mesh: Mesh,
    journal: Arc<Journal>,
    numbers: Arc<CallNumbers>,
}

/// A call to one node that is about to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) kind: Kind,
    pub(super) command: u16,
    pub(super) to: Whom,
    pub(super) payload_bytes: usize,
    pub(super) timeout: Duration,
    /// When the caller gives up, if it does.
    pub(super) cancel_after: Option<Duration>,
}

/// A node, or the process that is seen there now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whom {
    pub(super) address: SocketAddr,
    pub(super) is_bound: bool,
}

/// How a call ended, and the answer or the error's text.
type End = (Ending, Option<Digest>);

impl Callers {
    pub(super) fn new(mesh: Mesh, journal: Arc<Journal>, numbers: CallNumbers) -> Self {
        Self {
            mesh,
            journal,
            numbers: Arc::new(numbers),
        }
    }

    /// Makes a call and waits for its end.
    pub(super) async fn call(&self, plan: Plan) {
        let (target, to) = self.aim(plan.to);
        let call = self.numbers.next();
        let payload = fill(call, plan.payload_bytes);
        self.journal.write(&Entry::Called {
            call,
            kind: plan.kind,
            to,
            payload: Digest::of(&payload),
            timeout: nanos(plan.timeout),
        });
        let ends = self.make(plan, target, payload);
        let end = match plan.cancel_after {
            // Dropping the call's future is what gives it up.
            Some(patience) => tokio::time::timeout(patience, ends).await.ok(),
            None => Some(ends.await),
        };
        self.journal.write(&match end {
            Some((ending, answer)) => Entry::Ended {
                call,
                ending,
                answer,
            },
            None => Entry::Cancelled { call },
        });
    }

    /// Sends one message to many and waits for the report.
    pub(super) async fn fan_out(
        &self,
        command: u16,
        to: &[Whom],
        payload_bytes: usize,
        limit: usize,
        timeout: Duration,
    ) {
        let (targets, to): (Vec<Target>, Vec<Aim>) = to.iter().map(|&to| self.aim(to)).unzip();
        let call = self.numbers.next();
        let payload = fill(call, payload_bytes);
        self.journal.write(&Entry::FanOutBegun {
            call,
            to,
            limit,
            payload: Digest::of(&payload),
            timeout: nanos(timeout),
        });
        let sending = self.mesh.send_many(command, targets, payload, limit);
        let report = sending.timeout(timeout).await;
        let report = report.iter().map(|(address, result)| {
            let ending = result.map_or_else(of_send, |()| Ending::Fine);
            (address, ending)
        });
        self.journal.write(&Entry::FanOutEnded {
            call,
            report: report.collect(),
        });
    }

    async fn make(&self, plan: Plan, target: Target, payload: Bytes) -> End {
        let (mesh, command, timeout) = (&self.mesh, plan.command, plan.timeout);
        match plan.kind {
            Kind::Send => {
                let result = mesh.send(command, target, payload).timeout(timeout).await;
                (
                    result.map_or_else(|error| of_send(&error), |()| Ending::Fine),
                    None,
                )
            }
            Kind::Usend => {
                let result = mesh.usend(command, target, payload).timeout(timeout).await;
                (
                    result.map_or_else(|error| of_usend(&error), |()| Ending::Fine),
                    None,
                )
            }
            Kind::Request => match mesh
                .request(command, target, payload)
                .timeout(timeout)
                .await
            {
                Ok(answer) => (Ending::Fine, Some(Digest::of(answer.as_ref()))),
                Err(error) => of_request(&error),
            },
        }
    }

    /// Whom the call is for, in the words of the mesh and of the journal. A node that is not seen at all has
    /// no process to be bound to.
    fn aim(&self, to: Whom) -> (Target, Aim) {
        let Whom { address, is_bound } = to;
        let node = self.mesh.node(address).filter(|_| is_bound);
        let generation = node.as_ref().map(hobnob::Node::generation);
        let target = node.map_or_else(|| Target::from(address), Target::from);
        let aim = Aim {
            address,
            generation,
        };
        (target, aim)
    }
}

fn of_send(error: &SendError) -> Ending {
    match error {
        SendError::Timeout => Ending::Timeout,
        SendError::PeerDown => Ending::PeerDown,
        SendError::PeerRestarted => Ending::PeerRestarted,
        SendError::NoHandler => Ending::NoHandler,
        SendError::Overloaded => Ending::Overloaded,
        SendError::TooLarge { .. } | SendError::TooLargeForPeer => Ending::TooLarge,
        _ => Ending::NotTaken,
    }
}

fn of_request(error: &RequestError) -> End {
    let ending = match error {
        RequestError::Handler(text) => {
            return (Ending::HandlerFailed, Some(Digest::of(text.as_bytes())));
        }
        RequestError::AnswerDropped | RequestError::AnswerTooLarge => Ending::AnswerDropped,
        RequestError::Timeout => Ending::Timeout,
        RequestError::PeerDown => Ending::PeerDown,
        RequestError::PeerRestarted => Ending::PeerRestarted,
        RequestError::NoHandler => Ending::NoHandler,
        RequestError::Overloaded => Ending::Overloaded,
        RequestError::TooLarge { .. } | RequestError::TooLargeForPeer => Ending::TooLarge,
        _ => Ending::NotTaken,
    };
    (ending, None)
}

const fn of_usend(error: &USendError) -> Ending {
    match error {
        USendError::Timeout => Ending::Timeout,
        USendError::PeerDown => Ending::PeerDown,
        USendError::PeerRestarted => Ending::PeerRestarted,
        USendError::TooLarge { .. } => Ending::TooLarge,
        _ => Ending::NotTaken,
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
