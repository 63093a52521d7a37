//! What goes to stdout: lines, JSON and plain tables.
//!
//! Names and texts of other nodes are shown with their control characters
//! escaped, so that no peer can drive the terminal.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::failure::Failure;

/// Spaces between two columns of a table.
const GAP: usize = 2;

/// How a command shows its result: for people or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
}

/// Writes one line and flushes it.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    Ok(stdout.flush()?)
}

/// Writes a text that came from another node: as it is, but on a terminal
/// without control characters other than tabs and ends of lines.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    if !io::stdout().is_terminal() {
        return line(text);
    }
    let harmless = text.split('\n').map(|line| {
        let cells = line.split('\t').map(printable);
        cells.collect::<Vec<_>>().join("\t")
    });
    line(&harmless.collect::<Vec<_>>().join("\n"))
}

/// Writes a value as one line of JSON.
pub(crate) fn json_line(value: &impl Serialize) -> Result<(), Failure> {
    line(&to_json(value, false)?)
}

/// Writes a value as indented JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    line(&to_json(value, true)?)
}

fn to_json(value: &impl Serialize, indented: bool) -> Result<String, Failure> {
    let written = if indented {
        serde_json::to_string_pretty(value)
    } else {
        serde_json::to_string(value)
    };
    written.map_err(|error| Failure::runtime(format!("cannot write JSON: {error}")))
}

/// The text with control characters escaped: one line, harmless to a terminal.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let escaped = text.chars().flat_map(|c| {
        let (escape, plain) = match c.is_control() {
            true => (Some(c.escape_default()), None),
            false => (None, Some(c)),
        };
        escape.into_iter().flatten().chain(plain)
    });
    Cow::Owned(escaped.collect())
}

/// Rows under a heading, each column as wide as its widest cell.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<'a>(heading: impl IntoIterator<Item = &'a str>) -> Self {
        let mut table = Self { rows: Vec::new() };
        table.row(heading);
        table
    }

    pub(crate) fn row<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) {
        let cells = cells.into_iter().map(|cell| printable(cell).into_owned());
        self.rows.push(cells.collect());
    }

    /// The table without a newline at its end.
    pub(crate) fn render(&self) -> String {
        let widths = self.widths();
        let lines = self.rows.iter().map(|row| {
            let cells = row.iter().zip(&widths);
            let line: String = cells
                .map(|(cell, width)| format!("{cell:<width$}", width = width + GAP))
                .collect();
            line.trim_end().to_owned()
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell: &String| cell.chars().count()).max()
        };
        (0..columns).map(|c| width(c).unwrap_or(0)).collect()
    }
}
