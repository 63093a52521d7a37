//! What an errand tells its parent.

use alloc::{collections::BTreeMap, vec, vec::Vec};
use core::mem;

use bytes::Bytes;
use hobnob_messaging::{Call, Failure, Token};
use hobnob_wire::{Command, Instant, RelayOutcome, RelayReport, RelayRun, Writer};

use super::errand::{Errand, Owner, Parent};
use crate::{calling::Target, endpoint::Endpoint, event::CallError};

/// Results on their way to the parent: told once, and again only when the telling failed.
#[derive(Debug, Default)]
pub(super) struct Upward {
    untold: Vec<(u32, RelayOutcome)>,
    /// By the token of the report they are in.
    telling: BTreeMap<u64, Vec<(u32, RelayOutcome)>>,
}

impl Upward {
    pub(super) fn add(&mut self, place: u32, outcome: RelayOutcome) {
        self.untold.push((place, outcome));
    }

    /// Whether nothing is left to tell, and all that was told has arrived.
    pub(super) fn is_done(&self) -> bool {
        self.untold.is_empty() && self.telling.is_empty()
    }

    pub(super) fn has_news(&self) -> bool {
        !self.untold.is_empty()
    }

    /// Whether a report is under way: that is a sign of life by itself.
    pub(super) fn is_telling(&self) -> bool {
        !self.telling.is_empty()
    }

    pub(super) fn tokens(&self) -> Vec<u64> {
        self.telling.keys().copied().collect()
    }

    fn told(&mut self, token: u64, has_arrived: bool) {
        if let Some(results) = self.telling.remove(&token)
            && !has_arrived
        {
            self.untold.extend(results);
        }
    }
}

/// Whether anybody is left to report to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It was sent, or will be at the next tick.
    Yes,
    /// The parent is gone: whoever sent it will take its work over.
    Orphaned,
}

impl Endpoint {
    /// Tells an errand's parent what is new, or only that this node is still there.
    pub(super) fn tell_parent(&mut self, now: Instant, key: u64, errand: &mut Errand) -> Told {
        let Owner::Parent(parent) = errand.owner else {
            return Told::Yes;
        };
        let mut results = mem::take(&mut errand.upward.untold);
        let report = encode(parent.part, false, &mut results);
        match self.send_report(now, parent, report, errand.deadline) {
            Ok(token) => {
                self.relays.by_report.insert(token, key);
                errand.upward.telling.insert(token, results);
                Told::Yes
            }
            Err(CallError::PeerDown | CallError::PeerRestarted) => Told::Orphaned,
            Err(_) => {
                errand.upward.untold = results;
                Told::Yes
            }
        }
    }

    /// Tells a parent that this node will do no more of its part than what it tells.
    pub(super) fn decline(
        &mut self,
        now: Instant,
        parent: Parent,
        results: &mut [(u32, RelayOutcome)],
        deadline: Instant,
    ) {
        // Silence says the same, only later.
        let _ = self.send_report(now, parent, encode(parent.part, true, results), deadline);
        self.relays.stats.declined += 1;
    }

    /// Declines all that this node does for others: it is about to leave.
    pub(crate) fn decline_all(&mut self, now: Instant) {
        let keys: Vec<u64> = self.relays.by_parent.values().copied().collect();
        for key in keys {
            let Some(mut errand) = self.relays.take(key) else {
                continue;
            };
            match errand.owner {
                Owner::Parent(parent) if !errand.is_complete() => {
                    let mut results = mem::take(&mut errand.upward.untold);
                    self.decline(now, parent, &mut results, errand.deadline);
                    self.drop_errand(now, key, errand);
                }
                _ => self.keep(key, errand),
            }
        }
    }

    /// A report of this node's arrived, or did not.
    pub(super) fn on_report_sent(
        &mut self,
        now: Instant,
        token: Token,
        result: &Result<(), Failure>,
    ) {
        let Some(key) = self.relays.by_report.remove(&token.0) else {
            return;
        };
        let Some(mut errand) = self.relays.take(key) else {
            return;
        };
        errand.upward.told(token.0, result.is_ok());
        match result {
            Err(Failure::PeerDown | Failure::PeerRestarted) => self.give_back(now, key, errand),
            _ => self.advance(now, key, errand),
        }
    }

    fn send_report(
        &mut self,
        now: Instant,
        parent: Parent,
        report: Bytes,
        deadline: Instant,
    ) -> Result<u64, CallError> {
        let to = Target {
            addr: parent.addr,
            generation: Some(parent.generation),
        };
        let peer = self.peer(now, to)?;
        let token = self.relays.next_number();
        let call = Call {
            command: Command::RELAY_REPORT,
            payload: report,
            deadline,
            token: Token(token),
        };
        self.messaging.send(now, peer, call)?;
        Ok(token)
    }
}

pub(super) fn encode(part: u64, is_declined: bool, results: &mut [(u32, RelayOutcome)]) -> Bytes {
    // A node's own word stands before what was said of it meanwhile.
    results.sort_unstable_by_key(|(place, outcome)| (*place, *outcome as u8));
    let mut runs: Vec<RelayRun> = Vec::new();
    for &(place, outcome) in &*results {
        match runs.last_mut() {
            Some(run) if run.outcome == outcome && run.start + run.len == place => run.len += 1,
            // What was said of the same node before it had its say.
            Some(run) if run.start + run.len > place => {}
            _ => runs.push(RelayRun {
                start: place,
                len: 1,
                outcome,
            }),
        }
    }
    let mut bytes = vec![0; RelayReport::HEAD_BYTES_MAX + runs.len() * RelayReport::RUN_BYTES_MAX];
    let mut w = Writer::new(&mut bytes);
    let encoded = RelayReport::encode(part, is_declined, runs.into_iter(), &mut w);
    debug_assert!(encoded.is_ok(), "the longest report fits");
    let len = w.len();
    bytes.truncate(len);
    bytes.into()
}
