//! One node as a child process.

use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::board::Update;
use crate::api::ReadyLine;
use crate::client::Admin;
use crate::failure::Failure;

/// How long a node may take to print its ready line.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// How long the nodes may take to leave when nobody looks any more.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// Longest ready line, and longest text of a node that failed to start.
const MAX_TEXT_BYTES: u64 = 64 << 10;

/// A node that runs.
#[derive(Debug)]
pub(super) struct NodeProcess {
    pub(super) name: String,
    pub(super) node_type: String,
    pub(super) mesh: SocketAddr,
    pub(super) admin: Admin,
    pub(super) pid: u32,
    process: Child,
    /// Its end asks the node to leave, also when this process is killed.
    stdin: Option<ChildStdin>,
}

impl NodeProcess {
    /// Starts a node and waits until it is ready.
    ///
    /// # Errors
    ///
    /// [`Failure::Runtime`] with what the node said.
    pub(super) async fn start(
        name: &str,
        node_type: &str,
        seed: Option<SocketAddr>,
        updates: &mpsc::Sender<Update>,
    ) -> Result<Self, Failure> {
        let failed = |reason: String| Failure::runtime(format!("{name} did not start: {reason}"));
        let mut process = command(name, node_type, seed)
            .and_then(|mut command| command.spawn())
            .map_err(|error| failed(error.to_string()))?;
        let stdin = process.stdin.take();
        let first_line = read_line(process.stdout.take());
        let line = timeout(START_PATIENCE, first_line).await;
        let ready = line.ok().and_then(|line| serde_json::from_str(&line).ok());
        let ready: Option<(ReadyLine, SocketAddr)> =
            ready.and_then(|ready: ReadyLine| Some((ready.clone(), ready.admin?)));
        let Some((ready, admin)) = ready else {
            // It may still run, and must not be waited for then.
            let _ = process.start_kill();
            return Err(failed(read_all(process.stderr.take()).await));
        };
        if let Some(stderr) = process.stderr.take() {
            tokio::spawn(forward(stderr, name.to_owned(), updates.clone()));
        }
        Ok(Self {
            name: name.to_owned(),
            node_type: node_type.to_owned(),
            mesh: ready.mesh,
            admin: Admin::new(&admin.to_string())?,
            pid: process.id().unwrap_or_default(),
            process,
            stdin,
        })
    }

    /// Asks the node to leave, as SIGTERM would.
    pub(super) fn ask_to_leave(&mut self) {
        self.stdin = None;
    }

    /// Resolves when the process has ended; one that takes longer is killed.
    pub(super) async fn ended(&mut self, patience: Duration) -> Option<ExitStatus> {
        if let Ok(status) = timeout(patience, self.process.wait()).await {
            return status.ok();
        }
        self.process.kill().await.ok()?;
        None
    }
}

/// Ends what still runs: politely first, all at once.
pub(super) async fn end_all(mut nodes: Vec<NodeProcess>) {
    for node in &mut nodes {
        node.ask_to_leave();
    }
    let polite = async {
        for node in &mut nodes {
            // The status was told where somebody looked.
            let _ = node.process.wait().await;
        }
    };
    if timeout(END_PATIENCE, polite).await.is_err() {
        for node in &mut nodes {
            let _ = node.process.kill().await;
        }
    }
}

fn command(name: &str, node_type: &str, seed: Option<SocketAddr>) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["node", "--bind=127.0.0.1:0", "--admin=127.0.0.1:0"])
        .args(["--profile=local", "--exit-with-stdin"])
        .arg(format!("--type={node_type}"))
        .arg(format!("--name={name}"));
    if let Some(seed) = seed {
        command.arg(format!("--seed={seed}"));
    }
    // What is set for nodes in this shell is not meant for these.
    let variables = std::env::vars_os().map(|(name, _)| name);
    for name in variables.filter(|name| name.to_string_lossy().starts_with("HOBNOB_")) {
        if name != crate::LOG_VARIABLE {
            command.env_remove(name);
        }
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A Ctrl-C in the terminal reaches `dev` alone, which lets them leave.
        .process_group(0);
    Ok(command)
}

async fn read_line(stdout: Option<impl AsyncRead + Unpin>) -> String {
    let mut line = String::new();
    if let Some(stdout) = stdout {
        let mut reader = BufReader::new(stdout).take(MAX_TEXT_BYTES);
        // What was read before an error is all there is.
        let _ = reader.read_line(&mut line).await;
    }
    line
}

async fn read_all(stderr: Option<impl AsyncRead + Unpin>) -> String {
    let mut text = Vec::new();
    if let Some(stderr) = stderr {
        // What was read before an error is all there is.
        let _ = stderr.take(MAX_TEXT_BYTES).read_to_end(&mut text).await;
    }
    let text = String::from_utf8_lossy(&text);
    let line = text.trim_end();
    line.strip_prefix("hobnob: ").unwrap_or(line).to_owned()
}

async fn forward(stderr: impl AsyncRead + Unpin, name: String, updates: mpsc::Sender<Update>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let note = Update::Note(format!("{name}: {line}"));
        if updates.send(note).await.is_err() {
            return;
        }
    }
}
