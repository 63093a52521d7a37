//! What the dashboard shows, apart from how.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::process::ExitStatus;
use std::time::Duration;

use crate::api::{EventKind, EventLine, Member};
use crate::client::describe;

/// Notes kept: more than fit on a screen.
const MAX_NOTES: usize = 256;

/// Round trips kept for the median: the last minute or so of a small mesh.
const MAX_ROUND_TRIPS: usize = 512;

/// Something that changes the board.
#[derive(Debug)]
pub(super) enum Update {
    /// The observer saw this.
    Event(Box<EventLine>),
    /// A node asked and told the others.
    Round(Round),
    /// Messages that a node's counting command has received.
    Received { node: usize, count: u64 },
    /// A line for people.
    Note(String),
    /// Somebody wants to stop. Not for the board.
    Stop,
}

/// What one node did in one turn.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) from: usize,
    /// Echoes asked for: of whom, and the round trip or the error.
    pub(super) echoes: Vec<(usize, Result<Duration, String>)>,
    pub(super) sent: Option<Sent>,
}

/// What became of a message to all nodes of a type.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) node_type: String,
    pub(super) delivered: usize,
    pub(super) failed: usize,
}

/// How far the show is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Starting,
    Running,
    Leaving,
}

impl Phase {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Leaving => "leaving",
        }
    }
}

/// One node's line of the table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) node_type: String,
    pub(super) address: String,
    pub(super) state: String,
    /// Requests of others that it answered, and how fast the last one.
    pub(super) echoes: u64,
    pub(super) round_trip: Option<Duration>,
    pub(super) received: u64,
    left_cleanly: bool,
}

impl Row {
    pub(super) fn new(name: &str, node_type: &str, address: SocketAddr) -> Self {
        Self {
            name: name.to_owned(),
            node_type: node_type.to_owned(),
            address: address.to_string(),
            state: "starting".to_owned(),
            echoes: 0,
            round_trip: None,
            received: 0,
            left_cleanly: false,
        }
    }
}

/// Everything that is shown.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) phase: Phase,
    pub(super) rows: Vec<Row>,
    notes: VecDeque<String>,
    /// Notes ever made; the first of `notes` has number `noted - notes.len()`.
    noted: usize,
    failures: u64,
    delivered: usize,
    round_trips: VecDeque<Duration>,
}

impl Board {
    pub(super) fn new(rows: Vec<Row>) -> Self {
        Self {
            phase: Phase::Starting,
            rows,
            notes: VecDeque::new(),
            noted: 0,
            failures: 0,
            delivered: 0,
            round_trips: VecDeque::new(),
        }
    }

    pub(super) fn apply(&mut self, update: Update) {
        match update {
            Update::Event(event) => self.event(&event),
            Update::Round(round) => self.round(round),
            Update::Received { node, count } => {
                if let Some(row) = self.rows.get_mut(node) {
                    row.received = count;
                }
            }
            Update::Note(note) => self.note(note),
            Update::Stop => {}
        }
    }

    pub(super) fn note(&mut self, note: String) {
        if self.notes.len() == MAX_NOTES {
            self.notes.pop_front();
        }
        self.notes.push_back(note);
        self.noted += 1;
    }

    /// The notes made since `seen` notes were, oldest first, and how many there
    /// are now.
    pub(super) fn notes_since(&self, seen: usize) -> (impl Iterator<Item = &str>, usize) {
        let forgotten = self.noted - self.notes.len();
        let new = self.notes.iter().skip(seen.saturating_sub(forgotten));
        (new.map(String::as_str), self.noted)
    }

    /// The last `count` notes, oldest first.
    pub(super) fn last_notes(&self, count: usize) -> impl Iterator<Item = &str> {
        self.notes_since(self.noted.saturating_sub(count)).0
    }

    pub(super) fn everyone_is_online(&self) -> bool {
        self.rows.iter().all(|row| row.state == "online")
    }

    /// Whether the observer has heard how a node went.
    pub(super) fn is_gone(&self, node: usize) -> bool {
        let state = self.rows.get(node).map(|row| row.state.as_str());
        matches!(state, Some("left" | "failed"))
    }

    /// Notes how a node's process ended; `None` for one that had to be killed.
    pub(super) fn ended(&mut self, node: usize, status: Option<ExitStatus>) {
        let Some(row) = self.rows.get_mut(node) else {
            return;
        };
        row.left_cleanly = status.is_some_and(|status| status.success());
        let how = match status {
            // Nobody is left to see the last one go, so its own word counts.
            Some(status) if status.success() => {
                if node == 0 {
                    "left".clone_into(&mut row.state);
                }
                format!("{} left", row.name)
            }
            Some(status) => format!("{} ended with {status}", row.name),
            None => format!("{} did not leave in time and was killed", row.name),
        };
        self.note(how);
    }

    pub(super) fn all_left(&self) -> bool {
        self.rows
            .iter()
            .all(|row| row.left_cleanly && row.state == "left")
    }

    /// One line about the whole show.
    pub(super) fn summary(&self) -> String {
        let left = self.rows.iter().filter(|row| row.left_cleanly).count();
        let received: u64 = self.rows.iter().map(|row| row.received).sum();
        format!(
            "{left} of {} nodes left; {}, {received} of {} messages counted",
            self.rows.len(),
            self.echo_summary(),
            self.delivered,
        )
    }

    pub(super) fn echo_summary(&self) -> String {
        let echoes: u64 = self.rows.iter().map(|row| row.echoes).sum();
        let median = self.median().map(|m| format!(" (median {})", millis(m)));
        let failed = match self.failures {
            0 => String::new(),
            failures => format!(", {failures} failed"),
        };
        format!("{echoes} echoes{}{failed}", median.unwrap_or_default())
    }

    fn median(&self) -> Option<Duration> {
        let mut sorted: Vec<_> = self.round_trips.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }

    fn event(&mut self, event: &EventLine) {
        if let Some(member) = &event.member {
            self.member(member);
        }
        // The observer's first list is in the table already.
        if event.event != EventKind::Present {
            self.note(describe(event));
        }
    }

    fn member(&mut self, member: &Member) {
        let address = member.address.to_string();
        if let Some(row) = self.rows.iter_mut().find(|row| row.address == address) {
            row.state.clone_from(&member.state);
        }
    }

    fn round(&mut self, round: Round) {
        let mut said = Vec::new();
        for (to, result) in round.echoes {
            let Some(row) = self.rows.get_mut(to) else {
                continue;
            };
            match result {
                Ok(round_trip) => {
                    row.echoes += 1;
                    row.round_trip = Some(round_trip);
                    said.push(format!("{} {}", row.name, millis(round_trip)));
                    if self.round_trips.len() == MAX_ROUND_TRIPS {
                        self.round_trips.pop_front();
                    }
                    self.round_trips.push_back(round_trip);
                }
                Err(error) => {
                    self.failures += 1;
                    said.push(format!("{} failed: {error}", row.name));
                }
            }
        }
        if let Some(sent) = round.sent {
            let Sent {
                node_type,
                delivered,
                failed,
            } = sent;
            self.delivered += delivered;
            said.push(format!("told {delivered} of type {node_type}"));
            if failed > 0 {
                said.push(format!("{failed} not reached"));
            }
        }
        // A mesh of one has nobody to talk to.
        if said.is_empty() {
            return;
        }
        let from = self.rows.get(round.from).map_or("?", |row| &row.name);
        let note = format!("{from} asked {}", said.join(", "));
        self.note(note);
    }
}

/// A round trip as people read it.
pub(super) fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
#[path = "../../tests/unit/board.rs"]
mod tests;
