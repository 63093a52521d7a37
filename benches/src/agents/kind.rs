//! The two kinds of agent: how each is started, asked to leave, and read.

use std::{
    net::{Ipv4Addr, TcpListener, UdpSocket},
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use rustix::process::Signal;

use crate::Result;

/// Loopback addresses for agents that have to be told theirs, one after the other.
const FIRST_HOST: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 1);
const HOSTS_MAX: u32 = 1 << 16;

/// Which agent, and where its program is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Hobnob(PathBuf),
    Serf(PathBuf),
}

/// What an agent tells of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sighting {
    Joined,
    Failed,
    Left,
}

/// What a line of an agent's output says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// The agent can be joined, at this address if it says so.
    Ready(Option<String>),
    /// It tells something of the agent of this name.
    Seen(Sighting, String),
    /// Nothing more comes after this last line.
    End(String),
}

impl Kind {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Hobnob(_) => "hobnob",
            Self::Serf(_) => "serf",
        }
    }

    /// The command that starts an agent, and the address where it can be joined if that was chosen for it.
    pub(crate) fn command(
        &self,
        name: &str,
        seed: Option<&str>,
    ) -> Result<(Command, Option<String>)> {
        match self {
            Self::Hobnob(program) => {
                let mut command = Command::new(program);
                command.args([
                    "node",
                    "--bind=127.0.0.1:0",
                    "--profile=lan",
                    "--name",
                    name,
                ]);
                command.args(seed.map(|seed| format!("--seed={seed}")));
                command.env("HOBNOB_LOG", "hobnob=info");
                Ok((command, None))
            }
            Self::Serf(program) => {
                let bind = free_address()?;
                let mut command = Command::new(program);
                command.args([
                    "agent",
                    "-profile=lan",
                    "-rpc-addr=127.0.0.1:0",
                    "-node",
                    name,
                ]);
                command.arg(format!("-bind={bind}"));
                command.args(seed.map(|seed| format!("-join={seed}")));
                Ok((command, Some(bind)))
            }
        }
    }

    /// The signal by which an agent leaves and tells the others.
    pub(crate) const fn leave_signal(&self) -> Signal {
        match self {
            Self::Hobnob(_) => Signal::TERM,
            Self::Serf(_) => Signal::INT,
        }
    }

    pub(crate) fn parse(&self, line: &str) -> Option<Line> {
        match self {
            Self::Hobnob(_) => parse_hobnob(line),
            Self::Serf(_) => parse_serf(line),
        }
    }
}

/// An address that is free for both protocols. Each has an IP address of its own, or the agents' outgoing connections
/// might take the port before it is bound again.
fn free_address() -> Result<String> {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let host = GIVEN.fetch_add(1, Ordering::Relaxed) % HOSTS_MAX;
    let tcp = TcpListener::bind((Ipv4Addr::from_bits(FIRST_HOST.to_bits() + host), 0))?;
    let address = tcp.local_addr()?;
    let _udp = UdpSocket::bind(address)?;
    Ok(address.to_string())
}

fn parse_hobnob(line: &str) -> Option<Line> {
    if line.starts_with('{') {
        let ready: serde_json::Value = serde_json::from_str(line).ok()?;
        return Some(Line::Ready(Some(ready["mesh"].as_str()?.to_owned())));
    }
    let (sighting, rest) = [
        ("node joined ", Sighting::Joined),
        ("node failed ", Sighting::Failed),
        ("node left ", Sighting::Left),
    ]
    .into_iter()
    .find_map(|(text, sighting)| Some((sighting, line.split_once(text)?.1)))?;
    let name = rest.split_once("name=\"")?.1.split_once('"')?.0;
    Some(Line::Seen(sighting, name.to_owned()))
}

fn parse_serf(line: &str) -> Option<Line> {
    if line.starts_with("==> Serf agent running") {
        return Some(Line::Ready(None));
    }
    let (sighting, rest) = [
        ("serf: EventMemberJoin: ", Sighting::Joined),
        ("serf: EventMemberFailed: ", Sighting::Failed),
        ("serf: EventMemberLeave: ", Sighting::Left),
    ]
    .into_iter()
    .find_map(|(text, sighting)| Some((sighting, line.split_once(text)?.1)))?;
    let name = rest.split(' ').next()?;
    Some(Line::Seen(sighting, name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_serf_are_read() {
        let seen = |line| parse_serf(line);
        let joined = "    2026/11/22 06:28:20 [INFO] serf: EventMemberJoin: a7 127.0.0.1";
        assert_eq!(
            seen(joined),
            Some(Line::Seen(Sighting::Joined, "a7".to_owned()))
        );
        assert_eq!(seen("==> Serf agent running!"), Some(Line::Ready(None)));
        assert_eq!(
            seen("    2026/11/22 06:28:21 [INFO] agent: Received event: member-join"),
            None
        );
    }

    #[test]
    fn the_lines_of_hobnob_are_read() {
        let ready =
            r#"{"event":"ready","mesh":"127.0.0.1:53872","admin":null,"name":null,"generation":1}"#;
        let ready_at = Line::Ready(Some("127.0.0.1:53872".to_owned()));
        assert_eq!(parse_hobnob(ready), Some(ready_at));
        let failed =
            "2026-11-22T06:28:34.1Z  INFO hobnob::events: node failed node=127.0.0.1:5 name=\"a7\"";
        let seen = Line::Seen(Sighting::Failed, "a7".to_owned());
        assert_eq!(parse_hobnob(failed), Some(seen));
        assert_eq!(parse_hobnob("anything else"), None);
    }
}
