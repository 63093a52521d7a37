//! `why`.

use super::Admin;
use crate::api::{Reasons, WhyBody};
use crate::args::WhyArgs;
use crate::failure::Failure;
use crate::output::{self, Format};

pub(super) async fn why(args: &WhyArgs) -> Result<(), Failure> {
    let admin = Admin::new(&args.target.admin)?;
    let path = format!("/why?node={}", escaped(&args.node));
    let answer: WhyBody = admin.get(&path).await?;
    match args.target.output {
        Format::Json => output::json(&answer),
        Format::Table => output::text(&told(&answer)),
    }
}

/// A text as part of a query: bytes other than letters and digits as %XX (RFC 3986, section 2.1).
fn escaped(text: &str) -> String {
    let bytes = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    bytes.collect()
}

fn told(answer: &WhyBody) -> String {
    let WhyBody {
        address,
        name,
        state,
        refusal,
        why,
    } = answer;
    let who = match name {
        Some(name) => format!("{name} ({address})"),
        None => address.to_string(),
    };
    let mut lines = vec![format!("{who} {} {state}", verb(state))];
    lines.extend(refusal.clone());
    match why {
        Some(why) => lines.extend(reasons(why)),
        None if refusal.is_none() => lines.push("nothing is held against it".to_owned()),
        None => {}
    }
    lines.join("\n")
}

/// A node is what it says of itself; what became of it, it has done.
fn verb(state: &str) -> &'static str {
    match state {
        "left" | "failed" => "has",
        _ => "is",
    }
}

fn reasons(why: &Reasons) -> Vec<String> {
    let Reasons {
        suspected, health, ..
    } = why;
    let mut lines = vec![format!(
        "suspected {suspected:.1} s ago; this node's own health was {health} then (0 is best, 8 is worst)"
    )];
    for (index, accuser) in why.accusers.iter().enumerate() {
        let role = if index == 0 { "accused" } else { "confirmed" };
        let (address, heard) = (accuser.address, accuser.heard);
        lines.push(format!("{role} by {address}, heard of {heard:.1} s ago"));
    }
    if why.accusers.is_empty() {
        lines.push(
            "nobody's probe is known to have failed: it came with another node's view".into(),
        );
    }
    for probe in &why.probes {
        let (began, waited) = (probe.began, probe.waited);
        let (helpers, nacks) = (probe.helpers, probe.nacks);
        let others = match helpers {
            0 => "there were no others to ask".to_owned(),
            _ => format!("of {helpers} others asked to probe, {nacks} had none either"),
        };
        lines.push(format!(
            "probed by this node {began:.1} s ago, no answer in {waited:.1} s; {others}"
        ));
    }
    if let Some(vouched) = why.vouched {
        lines.push(format!(
            "it answered messages, which put off the verdict {vouched:.1} s ago"
        ));
    }
    lines.push(match &why.verdict {
        None => "no verdict yet, or it has refuted the suspicion".to_owned(),
        Some(verdict) => {
            let by = if verdict.own {
                "this node"
            } else {
                "another node"
            };
            format!("declared failed {:.1} s ago, by {by}", verdict.reached)
        }
    });
    lines
}
