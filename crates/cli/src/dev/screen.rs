//! The dashboard as a live screen.

use std::io;
use std::thread;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Row, Table};
use ratatui::{DefaultTerminal, Frame};
use tokio::sync::mpsc;

use super::board::{Board, Phase, Update, millis};
use crate::failure::Failure;
use crate::output::printable;

/// Rows of a bordered table beside those of the nodes: borders and heading.
const TABLE_FRAME: u16 = 3;

/// The terminal, taken over until this is dropped.
#[derive(Debug)]
pub(super) struct Screen {
    terminal: DefaultTerminal,
}

impl Screen {
    /// Takes the terminal over. `q`, Esc and Ctrl-C become [`Update::Stop`]; as
    /// the terminal is raw, Ctrl-C is a key here and no signal.
    pub(super) fn open(updates: mpsc::Sender<Update>) -> io::Result<Self> {
        let terminal = ratatui::try_init()?;
        thread::spawn(move || {
            while let Ok(event) = event::read() {
                if means_stop(&event) && updates.blocking_send(Update::Stop).is_err() {
                    return;
                }
            }
        });
        Ok(Self { terminal })
    }

    /// Paints the board.
    pub(super) fn show(&mut self, board: &Board) -> Result<(), Failure> {
        self.terminal.draw(|frame| draw(frame, board))?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

fn means_stop(event: &Event) -> bool {
    let Event::Key(KeyEvent {
        code,
        modifiers,
        kind: KeyEventKind::Press,
        ..
    }) = event
    else {
        return false;
    };
    match code {
        KeyCode::Char('q') | KeyCode::Esc => true,
        KeyCode::Char('c') => modifiers.contains(KeyModifiers::CONTROL),
        _ => false,
    }
}

fn draw(frame: &mut Frame<'_>, board: &Board) {
    let rows = u16::try_from(board.rows.len()).unwrap_or(u16::MAX);
    let heights = [
        Constraint::Length(rows.saturating_add(TABLE_FRAME)),
        Constraint::Min(TABLE_FRAME),
        Constraint::Length(1),
    ];
    let [members, notes, footer] = Layout::vertical(heights).areas(frame.area());
    draw_members(frame, members, board);
    draw_notes(frame, notes, board);
    draw_footer(frame, footer, board);
}

fn draw_members(frame: &mut Frame<'_>, area: Rect, board: &Board) {
    let rows = board.rows.iter().map(|row| {
        Row::new([
            Span::raw(printable(&row.name)),
            Span::raw(printable(&row.node_type)),
            Span::raw(row.address.as_str()),
            Span::styled(row.state.as_str(), state_style(&row.state)),
            Span::raw(row.echoes.to_string()),
            Span::raw(row.round_trip.map_or_else(|| "-".to_owned(), millis)),
            Span::raw(row.received.to_string()),
        ])
    });
    let widths = [
        Constraint::Min(10),
        Constraint::Min(6),
        Constraint::Length(22),
        Constraint::Length(9),
        Constraint::Length(8),
        Constraint::Length(10),
        Constraint::Length(9),
    ];
    let heading = [
        "name",
        "type",
        "address",
        "state",
        "echoes",
        "round trip",
        "received",
    ];
    let heading = Row::new(heading).style(Style::new().add_modifier(Modifier::BOLD));
    let observer = board.rows.first().map_or("", |row| &row.name);
    let title = format!(" members, as {} sees them ", printable(observer));
    let table = Table::new(rows, widths)
        .header(heading)
        .block(Block::bordered().title(title));
    frame.render_widget(table, area);
}

fn draw_notes(frame: &mut Frame<'_>, area: Rect, board: &Board) {
    let height = usize::from(area.height.saturating_sub(2));
    let lines: Vec<Line<'_>> = board
        .last_notes(height)
        .map(|note| Line::raw(printable(note)))
        .collect();
    let block = Block::bordered().title(" what happens ");
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn draw_footer(frame: &mut Frame<'_>, area: Rect, board: &Board) {
    let keys = match board.phase {
        Phase::Leaving => "Ctrl-C: kill at once",
        Phase::Starting | Phase::Running => "Ctrl-C or q: let them leave",
    };
    let text = format!(
        " {} · {} · {keys}",
        board.phase.name(),
        board.echo_summary()
    );
    frame.render_widget(
        Line::styled(text, Style::new().add_modifier(Modifier::DIM)),
        area,
    );
}

fn state_style(state: &str) -> Style {
    let colour = match state {
        "online" => Color::Green,
        "taken" => Color::Cyan,
        "offline" | "suspect" => Color::Yellow,
        "failed" => Color::Red,
        _ => Color::DarkGray,
    };
    Style::new().fg(colour)
}

#[cfg(test)]
#[path = "../../tests/unit/screen.rs"]
mod tests;
