//! `events`: what happens, as it happens.

use super::Admin;
use crate::api::{EventKind, EventLine};
use crate::args::Target;
use crate::failure::Failure;
use crate::output::{self, Format, printable};

pub(super) async fn follow(target: &Target) -> Result<(), Failure> {
    let mut lines = Admin::new(&target.admin)?.follow("/events").await?;
    while let Some(line) = lines.next().await? {
        match target.output {
            Format::Json => output::line(&line)?,
            Format::Table => output::line(&told(&line))?,
        }
    }
    Ok(())
}

/// An event for people, in one line.
pub(crate) fn describe(event: &EventLine) -> String {
    let name = event.event.name();
    let Some(member) = &event.member else {
        let missed = event.missed.unwrap_or_default();
        return match event.event {
            EventKind::Lagged => format!("{name:<9} {missed} events were missed"),
            EventKind::Conflict | EventKind::Free | EventKind::Incompatible => {
                let other = event.other.map(|other| format!(" {other}:"));
                let reason = event.reason.as_deref().unwrap_or_default();
                let other = other.unwrap_or_default();
                format!("{name:<9}{other} {}", printable(reason))
            }
            _ => name.to_owned(),
        };
    };
    let label = member.label();
    let who = format!(
        "{} ({}, {})",
        printable(&label),
        printable(&member.node_type),
        member.address
    );
    let state = &member.state;
    match (event.event, &event.from, &event.by) {
        (EventKind::State, Some(from), _) => format!("{name:<9} {who} {from} -> {state}"),
        (EventKind::Replaced, _, Some(by)) => {
            format!(
                "{name:<9} {who} by {} generation {}",
                by.address, by.generation
            )
        }
        (EventKind::Present | EventKind::Up, ..) => {
            format!("{name:<9} {who} {state}, generation {}", member.generation)
        }
        (EventKind::Values, ..) => {
            let keys = event.keys.join(", ");
            format!("{name:<9} {who} {}", printable(&keys))
        }
        _ => format!("{name:<9} {who}"),
    }
}

fn told(line: &str) -> String {
    match serde_json::from_str(line) {
        Ok(event) => describe(&event),
        // A newer node may tell what this version cannot read.
        Err(_) => printable(line).into_owned(),
    }
}
