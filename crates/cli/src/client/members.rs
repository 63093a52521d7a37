//! `members`, `incompatible`, `stats` and `leave`.

use super::Admin;
use crate::api::{IncompatibleBody, LeaveBody, Member, StatsBody};
use crate::args::{MembersArgs, Target};
use crate::failure::Failure;
use crate::output::{self, Format, Table};

/// Stands for a value that a node does not have.
const NONE: &str = "-";

pub(super) async fn members(args: &MembersArgs) -> Result<(), Failure> {
    let members: Vec<Member> = Admin::new(&args.target.admin)?.get("/members").await?;
    match args.target.output {
        Format::Json => output::json(&members),
        Format::Table => output::line(&table(&members, args.values)),
    }
}

pub(super) async fn incompatible(target: &Target) -> Result<(), Failure> {
    let nodes: Vec<IncompatibleBody> = Admin::new(&target.admin)?.get("/incompatible").await?;
    if target.output == Format::Json {
        return output::json(&nodes);
    }
    let mut table = Table::new(["ADDRESS", "WHY"]);
    for node in &nodes {
        table.row([node.address.to_string().as_str(), &node.reason]);
    }
    output::line(&table.render())
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

fn table(members: &[Member], with_values: bool) -> String {
    let values = with_values.then_some("VALUES");
    let heading = [
        "ADDRESS",
        "TYPE",
        "STATE",
        "NAME",
        "GENERATION",
        "ROLE",
        "ENDPOINT",
        "APP",
    ];
    let mut table = Table::new(heading.into_iter().chain(values));
    for member in members {
        let mark = if member.me { " (me)" } else { "" };
        let app = match (&member.app, &member.version) {
            (Some(app), Some(version)) => format!("{app} {version}"),
            (app, _) => app.as_deref().unwrap_or(NONE).to_owned(),
        };
        let values = with_values.then(|| values_of(member));
        let address = member.address.to_string();
        let name = format!("{}{mark}", member.name.as_deref().unwrap_or(NONE));
        let generation = member.generation.to_string();
        let cells = [
            address.as_str(),
            &member.node_type,
            &member.state,
            &name,
            &generation,
            member.role.as_deref().unwrap_or(NONE),
            member.endpoint.as_deref().unwrap_or(NONE),
            &app,
        ];
        table.row(cells.into_iter().chain(values.as_deref()));
    }
    table.render()
}

/// Each value in JSON, so that a number can be told from a text.
fn values_of(member: &Member) -> String {
    if member.values.is_empty() {
        return NONE.to_owned();
    }
    let values = member.values.iter();
    let values = values.map(|(key, value)| format!("{key}={value}"));
    values.collect::<Vec<_>>().join(" ")
}
