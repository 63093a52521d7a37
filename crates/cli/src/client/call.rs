//! `request` and `send`.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::Admin;
use crate::api::{Data, RequestBody, SendBody, SendReport};
use crate::args::{DataArgs, RequestArgs, SendArgs};
use crate::failure::Failure;
use crate::output::{self, Format, Table};

/// Largest file that is sent: the mesh's own default maximum of a message.
const MAX_FILE_BYTES: u64 = 16 << 20;

pub(super) async fn request(args: RequestArgs) -> Result<(), Failure> {
    let admin = Admin::new(&args.target.admin)?;
    let body = RequestBody {
        command: args.command,
        to: args.to,
        data: data(args.data)?,
        timeout: args.timeout.map(|timeout| timeout.as_secs_f64()),
    };
    let response = admin.post::<Data>("/request", &body).await?.value;
    match (args.target.output, &response.text) {
        (Format::Table, Some(text)) => output::text(text),
        _ => output::json_line(&response),
    }
}

pub(super) async fn send(args: SendArgs) -> Result<(), Failure> {
    let admin = Admin::new(&args.target.admin)?;
    let body = SendBody {
        command: args.command,
        to: args.receivers.to,
        to_type: args.receivers.to_type,
        data: data(args.data)?,
        limit: args.limit.map(usize::from),
        unreliable: args.unreliable,
        timeout: args.timeout.map(|timeout| timeout.as_secs_f64()),
    };
    let report = admin.post::<SendReport>("/send", &body).await?.value;
    match args.target.output {
        Format::Json => output::json(&report)?,
        Format::Table => output::line(&table(&report))?,
    }
    if report.failed == 0 {
        Ok(())
    } else {
        Err(Failure::Reported)
    }
}

fn data(args: DataArgs) -> Result<Data, Failure> {
    let mut data = Data {
        text: args.data,
        ..Data::default()
    };
    if let Some(json) = args.json {
        data.json = Some(object(&json)?);
    }
    if let Some(path) = args.file {
        let bytes = read(&path).map_err(|reason| {
            Failure::usage(format!("--file: cannot read {}: {reason}", path.display()))
        })?;
        data.base64 = Some(BASE64.encode(bytes));
    }
    Ok(data)
}

fn object(json: &str) -> Result<serde_json::Value, Failure> {
    let reason = match serde_json::from_str(json) {
        Ok(value @ serde_json::Value::Object(_)) => return Ok(value),
        Ok(_) => "not an object".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Failure::usage(format!(
        "--json: expected an object such as {{\"title\": \"tea\"}}: {reason}"
    )))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > MAX_FILE_BYTES {
        return Err(format!("it has {size} bytes, more than {MAX_FILE_BYTES}"));
    }
    std::fs::read(path).map_err(|e| e.to_string())
}

fn table(report: &SendReport) -> String {
    let mut table = Table::new(["ADDRESS", "RESULT"]);
    for result in &report.results {
        let outcome = match &result.problem {
            Some(problem) => &problem.error,
            None => "ok",
        };
        table.row([result.address.to_string().as_str(), outcome]);
    }
    table.render()
}
