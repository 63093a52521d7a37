//! The dashboard as lines, for pipes and logs.

use std::time::{Duration, Instant};

use super::board::{Board, Phase, millis};
use crate::failure::Failure;
use crate::output::{self, Table, printable};

/// How often the table is printed while the nodes talk.
const TABLE_EVERY: Duration = Duration::from_secs(5);

/// What was printed already.
#[derive(Debug, Default)]
pub(super) struct Plain {
    notes: usize,
    last_table: Option<Instant>,
}

impl Plain {
    /// Prints what is new.
    pub(super) fn show(&mut self, board: &Board) -> Result<(), Failure> {
        let (notes, seen) = board.notes_since(self.notes);
        for note in notes {
            output::line(&printable(note))?;
        }
        self.notes = seen;
        let due = self
            .last_table
            .is_some_and(|last| last.elapsed() >= TABLE_EVERY);
        if due && board.phase == Phase::Running {
            self.table(board)?;
        }
        Ok(())
    }

    /// Prints the table.
    pub(super) fn table(&mut self, board: &Board) -> Result<(), Failure> {
        self.last_table = Some(Instant::now());
        let mut table = Table::new([
            "NAME",
            "TYPE",
            "ADDRESS",
            "STATE",
            "ECHOES",
            "ROUND TRIP",
            "RECEIVED",
        ]);
        for row in &board.rows {
            table.row([
                row.name.as_str(),
                &row.node_type,
                &row.address,
                &row.state,
                &row.echoes.to_string(),
                &row.round_trip.map_or_else(|| "-".to_owned(), millis),
                &row.received.to_string(),
            ]);
        }
        output::line(&format!("\n{}\n", table.render()))
    }
}
