//! `members`, `stats` and `leave`.

use super::Admin;
use crate::api::{LeaveBody, Member, StatsBody};
use crate::args::Target;
use crate::failure::Failure;
use crate::output::{self, Format, Table};

/// Stands for a value that a node does not have.
const NONE: &str = "-";

pub(super) async fn members(target: &Target) -> Result<(), Failure> {
    let members: Vec<Member> = Admin::new(&target.admin)?.get("/members").await?;
    match target.output {
        Format::Json => output::json(&members),
        Format::Table => output::line(&table(&members)),
    }
}

pub(super) async fn stats(target: &Target) -> Result<(), Failure> {
    let stats: StatsBody = Admin::new(&target.admin)?.get("/stats").await?;
    if target.output == Format::Json {
        return output::json(&stats);
    }
    let mut table = Table::new(["COUNTER", "VALUE"]);
    table.row(["received", &stats.received.to_string()]);
    for (name, value) in &stats.counters {
        table.row([name.as_str(), &value.to_string()]);
    }
    output::line(&table.render())
}

pub(super) async fn leave(target: &Target) -> Result<(), Failure> {
    let admin = Admin::new(&target.admin)?;
    let nothing = serde_json::Map::new();
    let report = admin.post::<LeaveBody>("/leave", &nothing).await?.value;
    if target.output == Format::Json {
        return output::json_line(&report);
    }
    let LeaveBody {
        confirmed, peers, ..
    } = report;
    output::line(&format!("left; {confirmed} of {peers} nodes confirmed it"))?;
    let outstanding = report.permits_outstanding;
    if outstanding > 0 {
        output::line(&format!(
            "{outstanding} clients or rooms had not moved in time"
        ))?;
    }
    if !report.flushed {
        output::line("some sends had not been delivered in time")?;
    }
    Ok(())
}

fn table(members: &[Member]) -> String {
    let mut table = Table::new([
        "ADDRESS",
        "TYPE",
        "STATE",
        "NAME",
        "GENERATION",
        "ROLE",
        "ENDPOINT",
        "APP",
    ]);
    for member in members {
        let mark = if member.me { " (me)" } else { "" };
        let app = match (&member.app, &member.version) {
            (Some(app), Some(version)) => format!("{app} {version}"),
            (app, _) => app.as_deref().unwrap_or(NONE).to_owned(),
        };
        table.row([
            member.address.to_string().as_str(),
            &member.node_type,
            &member.state,
            &format!("{}{mark}", member.name.as_deref().unwrap_or(NONE)),
            &member.generation.to_string(),
            member.role.as_deref().unwrap_or(NONE),
            member.endpoint.as_deref().unwrap_or(NONE),
            &app,
        ]);
    }
    table.render()
}
