//! One process: how it is started, and how it is heard.

use std::{
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::mpsc,
};

use crate::{Result, orders::Word, worker::Plant};

/// What a process said; `None` when it will say nothing more.
pub(super) type Said = (u32, Option<Word>);

/// Where and how workers run.
#[derive(Debug)]
pub struct Grounds {
    /// Each node's address.
    pub addresses: Vec<SocketAddr>,
    /// For each node the words that go before the program's name.
    pub enter: Vec<Vec<String>>,
    /// Where the journals are written.
    pub folder: PathBuf,
    /// What the calls are chosen by.
    pub seed: u64,
    /// A fault that all workers have.
    pub plant: Option<Plant>,
}

/// A process of a node, as far as it is known.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) process: u32,
    pub(super) child: Child,
    pub(super) stdin: ChildStdin,
    pub(super) is_ready: bool,
    pub(super) rests: bool,
    pub(super) online: usize,
    pub(super) looked: Option<usize>,
    pub(super) has_ended: bool,
}

impl Worker {
    /// Starts a node's process; what it says goes to `mouth`.
    pub(super) fn spawn(
        grounds: &Grounds,
        node: usize,
        process: u32,
        mouth: mpsc::Sender<Said>,
    ) -> Result<Self> {
        let words = grounds.command(node, process)?;
        // A group of its own: the terminal's Ctrl-C is for the one who tells the workers what to do.
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("`{}`: {error}", words[0]))?;
        let stdin = child.stdin.take().ok_or("a worker without stdin")?;
        let stdout = child.stdout.take().ok_or("a worker without stdout")?;
        tokio::spawn(hear(process, stdout, mouth));
        Ok(Self {
            process,
            child,
            stdin,
            is_ready: false,
            rests: false,
            online: 0,
            looked: None,
            has_ended: false,
        })
    }
}

impl Grounds {
    /// Where a process writes its journal.
    pub(super) fn journal(&self, process: u32) -> PathBuf {
        self.folder.join(format!("process-{process}"))
    }

    /// The words that start a node's process.
    fn command(&self, node: usize, process: u32) -> Result<Vec<String>> {
        let mut words = self.enter[node].clone();
        words.push(program()?);
        words.push("worker".into());
        words.push(format!("--process={process}"));
        words.push(format!("--bind={}", self.addresses[node]));
        words.push(format!("--journal={}", self.journal(process).display()));
        words.push(format!("--seed={}", self.seed ^ u64::from(process)));
        let others = self.addresses.iter().enumerate();
        let others = others.filter(|(other, _)| *other != node);
        words.extend(others.map(|(_, address)| format!("--peer={address}")));
        words.extend(self.plant.map(|plant| format!("--plant={}", plant.name())));
        Ok(words)
    }
}

/// Passes on what a worker says; `None` when it will say nothing more.
async fn hear(process: u32, stdout: ChildStdout, mouth: mpsc::Sender<Said>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(word) = serde_json::from_str(&line) else {
            break;
        };
        if mouth.send((process, Some(word))).await.is_err() {
            return;
        }
    }
    // Nobody listens once the run is over.
    let _ = mouth.send((process, None)).await;
}

fn program() -> Result<String> {
    let path = env::current_exe()?;
    path.into_os_string()
        .into_string()
        .map_err(|path| format!("{}: not UTF-8", Path::new(&path).display()).into())
}
