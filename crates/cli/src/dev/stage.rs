//! Shows the board while something else happens.

use std::process::ExitStatus;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use super::board::{Board, Phase, Update};
use super::plain::Plain;
use super::screen::Screen;
use crate::failure::Failure;

/// How often the board is shown even if nothing changed: a resized terminal is
/// painted anew soon enough.
const REFRESH: Duration = Duration::from_millis(200);

/// How the board is shown.
#[derive(Debug)]
pub(super) enum View {
    Screen(Screen),
    Plain(Plain),
}

/// Why [`Stage::until`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    Happened,
    TimedOut,
    Stopped,
}

/// The board, its view, and the queue of what changes it.
#[derive(Debug)]
pub(super) struct Stage {
    board: Board,
    view: View,
    updates: mpsc::Receiver<Update>,
    refresh: Interval,
}

impl Stage {
    pub(super) fn new(board: Board, view: View, updates: mpsc::Receiver<Update>) -> Self {
        let mut refresh = interval(REFRESH);
        refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            board,
            view,
            updates,
            refresh,
        }
    }

    pub(super) fn enter(&mut self, phase: Phase) {
        self.board.phase = phase;
    }

    pub(super) fn note(&mut self, note: String) {
        self.board.note(note);
    }

    pub(super) fn ended(&mut self, node: usize, status: Option<ExitStatus>) {
        self.board.ended(node, status);
    }

    /// Whether a person looks at a live screen.
    pub(super) fn is_watched(&self) -> bool {
        matches!(self.view, View::Screen(_))
    }

    /// Prints the whole table where it is not on show anyway.
    pub(super) fn table(&mut self) -> Result<(), Failure> {
        self.show()?;
        match &mut self.view {
            View::Screen(_) => Ok(()),
            View::Plain(plain) => plain.table(&self.board),
        }
    }

    /// Shows the board while `work` goes on. `None` where somebody wanted to
    /// stop before its end.
    pub(super) async fn during<T>(
        &mut self,
        work: impl Future<Output = T>,
    ) -> Result<Option<T>, Failure> {
        tokio::pin!(work);
        loop {
            self.show()?;
            tokio::select! {
                done = &mut work => return Ok(Some(done)),
                update = self.updates.recv() => match update {
                    Some(Update::Stop) | None => return Ok(None),
                    Some(update) => self.board.apply(update),
                },
                _ = self.refresh.tick() => {}
            }
        }
    }

    /// Shows the board until it is as wanted, for at most `patience`.
    pub(super) async fn until(
        &mut self,
        patience: Duration,
        wanted: impl Fn(&Board) -> bool,
    ) -> Result<Until, Failure> {
        let patience = sleep(patience);
        tokio::pin!(patience);
        loop {
            self.show()?;
            if wanted(&self.board) {
                return Ok(Until::Happened);
            }
            tokio::select! {
                () = &mut patience => return Ok(Until::TimedOut),
                update = self.updates.recv() => match update {
                    Some(Update::Stop) | None => return Ok(Until::Stopped),
                    Some(update) => self.board.apply(update),
                },
                _ = self.refresh.tick() => {}
            }
        }
    }

    /// Ends the show. A screen is given back to the shell, with the table left
    /// behind on it.
    pub(super) fn end(self) -> Result<Board, Failure> {
        let Self { board, view, .. } = self;
        if let View::Screen(screen) = view {
            drop(screen);
            Plain::default().table(&board)?;
        }
        Ok(board)
    }

    fn show(&mut self) -> Result<(), Failure> {
        match &mut self.view {
            View::Screen(screen) => screen.show(&self.board),
            View::Plain(plain) => plain.show(&self.board),
        }
    }
}
