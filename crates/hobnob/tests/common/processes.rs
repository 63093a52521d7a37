//! Examples as processes, and clients that speak lines with them.

use std::{
    env,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines as TokioLines},
    net::{TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    process::{Child, ChildStdout, Command},
};

use super::ends;

/// The program of an example. `cargo test` builds examples before it runs tests, `cargo test --test NAME`
/// does not: then it is built here.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = env::current_exe().expect("this program has a path");
    // target/PROFILE/deps/TEST-HASH
    let profile = test.ancestors().nth(2).expect("cargo's layout").to_owned();
    let program = profile.join("examples").join(name);
    if !program.exists() {
        build(name, &profile);
    }
    program
}

fn build(name: &str, profile: &Path) {
    let folder = profile.file_name().and_then(|folder| folder.to_str());
    let profile_name = match folder.expect("cargo's layout") {
        "debug" => "dev",
        other => other,
    };
    let target = profile.parent().expect("cargo's layout");
    let status = std::process::Command::new(env!("CARGO"))
        .args(["build", "--locked", "--example", name])
        .args([
            "--manifest-path",
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        ])
        .args(["--profile", profile_name])
        .arg("--target-dir")
        .arg(target)
        .status();
    assert!(
        status.expect("cargo runs").success(),
        "{name} does not build"
    );
}

/// A process and the lines it prints. Killed when dropped.
pub(crate) struct Process {
    child: Child,
    lines: TokioLines<BufReader<ChildStdout>>,
}

impl Process {
    pub(crate) fn start(program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().expect("it is piped");
        Self {
            child,
            lines: BufReader::new(stdout).lines(),
        }
    }

    /// The next line it prints; `None` once it prints nothing any more.
    pub(crate) async fn line(&mut self) -> Option<String> {
        let line = ends("a line of the process", self.lines.next_line()).await;
        line.expect("it prints text")
    }

    pub(crate) fn terminate(&self) {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        let pid = pid.and_then(Pid::from_raw).expect("it runs");
        kill_process(pid, Signal::TERM).expect("it is ours");
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it is ours").is_some()
    }

    pub(crate) async fn end(mut self) -> ExitStatus {
        ends("the process", self.child.wait())
            .await
            .expect("it is ours")
    }
}

/// A TCP connection over which lines are spoken.
pub(crate) struct Lines {
    from: TokioLines<BufReader<OwnedReadHalf>>,
    to: OwnedWriteHalf,
}

impl Lines {
    pub(crate) async fn connect(address: &str) -> Self {
        let stream = ends("a connection", TcpStream::connect(address)).await;
        let (from, to) = stream.expect("somebody listens").into_split();
        Self {
            from: BufReader::new(from).lines(),
            to,
        }
    }

    pub(crate) async fn say(&mut self, line: &str) {
        let line = format!("{line}\n");
        self.to
            .write_all(line.as_bytes())
            .await
            .expect("it is read");
    }

    /// The next line; `None` once the connection has ended.
    pub(crate) async fn hear(&mut self) -> Option<String> {
        ends("a line", self.from.next_line()).await.ok().flatten()
    }

    /// Says a line and returns the one that comes back.
    pub(crate) async fn ask(&mut self, line: &str) -> String {
        self.say(line).await;
        self.hear()
            .await
            .unwrap_or_else(|| panic!("no answer to {line}"))
    }
}
