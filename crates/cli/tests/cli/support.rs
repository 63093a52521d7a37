//! Processes that never outlive a test, and patience without fixed sleeps.

use std::fmt::Debug;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long anything may take before a test gives up. Generous: it is only
/// waited for when something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(25);

/// The binary, with none of the variables that this shell may have set.
pub(crate) fn hobnob() -> Command {
    clean(Command::new(env!("CARGO_BIN_EXE_hobnob")))
}

/// A command without the variables that configure nodes.
pub(crate) fn clean(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HOBNOB_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Stdout of a command that must have succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.status, Some(0), "{self:?}");
        self.stdout
    }

    /// Stdout as JSON of a command that must have succeeded.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let stdout = self.ok();
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout:?}"))
    }

    /// The one line on stderr of a command that must have failed so.
    #[track_caller]
    pub(crate) fn failed(self, status: i32) -> String {
        assert_eq!(self.status, Some(status), "{self:?}");
        let lines: Vec<_> = self.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "not one line: {self:?}");
        lines[0].to_owned()
    }
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn finish(mut command: Command) -> Ended {
    let mut process = Process::spawn(&mut command);
    let status = process.ended();
    let rest = |lines: &Receiver<String>| lines.iter().map(|line| line + "\n").collect();
    Ended {
        status: status.code(),
        stdout: rest(&process.stdout),
        stderr: rest(&process.stderr),
    }
}

/// Runs `hobnob` with some arguments to its end.
#[track_caller]
pub(crate) fn run<'a>(args: impl IntoIterator<Item = &'a str>) -> Ended {
    let mut command = hobnob();
    command.args(args);
    finish(command)
}

/// A child process that is killed, and waited for, when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Process {
    #[track_caller]
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the command starts");
        Self {
            stdout: lines(child.stdout.take()),
            stderr: lines(child.stderr.take()),
            child,
        }
    }

    /// The next line on stdout that `wanted` makes something of.
    #[track_caller]
    pub(crate) fn line<T>(&self, what: &str, wanted: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.stdout.recv_timeout(left) {
                Ok(line) => match wanted(&line) {
                    Some(found) => return found,
                    None => seen.push(line),
                },
                Err(error) => {
                    let stderr: Vec<_> = self.stderr.try_iter().collect();
                    panic!("no line with {what} ({error}): {seen:?} {stderr:?}");
                }
            }
        }
    }

    /// What is left on stdout once the process has ended.
    pub(crate) fn remaining(&self) -> Vec<String> {
        self.stdout.iter().collect()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process has an id"), signal).expect("it takes signals");
    }

    /// Waits for the end of the process.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        eventually("the process ends", || {
            self.child.try_wait().expect("it is our child")
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for one that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(pipe: Option<impl std::io::Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let pipe = pipe.expect("it is piped");
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A `hobnob node` that is ready.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) process: Process,
    pub(crate) mesh: String,
    pub(crate) admin: String,
    pub(crate) generation: u64,
}

impl Node {
    /// Starts a node with an admin endpoint.
    #[track_caller]
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut command = hobnob();
        command.args(["node", "--admin=127.0.0.1:0"]);
        command.args(args);
        let process = Process::spawn(&mut command);
        let ready = process.line("the ready event", |line| {
            serde_json::from_str::<Value>(line).ok()
        });
        let text = |key: &str| ready[key].as_str().expect(key).to_owned();
        Self {
            mesh: text("mesh"),
            admin: text("admin"),
            generation: ready["generation"].as_u64().expect("a generation"),
            process,
        }
    }

    /// Starts a node and one more of each type, and waits until all of them
    /// see each other online.
    #[track_caller]
    pub(crate) fn start_mesh(types: &[&str]) -> Vec<Self> {
        Self::start_mesh_of(types, "lan")
    }

    /// The same with a profile other than the default.
    #[track_caller]
    pub(crate) fn start_mesh_of(types: &[&str], profile: &str) -> Vec<Self> {
        let profile = format!("--profile={profile}");
        let mut nodes: Vec<Self> = Vec::new();
        for node_type in types {
            let node_type = format!("--type={node_type}");
            let seed = nodes.first().map(|node| format!("--seed={}", node.mesh));
            let bind = own_address();
            let args = [&node_type, &bind, &profile].into_iter().chain(&seed);
            let args: Vec<&str> = args.map(String::as_str).collect();
            nodes.push(Self::start(&args));
        }
        for node in &nodes {
            for other in &nodes {
                node.sees(&other.mesh, "online");
            }
        }
        nodes
    }

    /// Runs a command against the node's admin endpoint.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        let (verb, args) = args.split_first().expect("a command");
        run([*verb, "--admin", &self.admin]
            .into_iter()
            .chain(args.iter().copied()))
    }

    /// What the node says of the node at an address.
    #[track_caller]
    pub(crate) fn member(&self, address: &str) -> Option<Value> {
        let members = self.run(&["members", "-o", "json"]).json();
        let members = members.as_array().expect("an array").clone();
        members
            .into_iter()
            .find(|member| member["address"] == address)
    }

    /// Waits until the node lists an address in a state.
    #[track_caller]
    pub(crate) fn sees(&self, address: &str, state: &str) -> Value {
        eventually(&format!("{} lists {address} as {state}", self.mesh), || {
            self.member(address)
                .filter(|member| member["state"] == state)
        })
    }

    /// Messages that the counting command has received.
    #[track_caller]
    pub(crate) fn received(&self) -> u64 {
        let stats = self.run(&["stats", "-o", "json"]).json();
        stats["received"].as_u64().expect("a count")
    }

    /// Follows the node's events.
    #[track_caller]
    pub(crate) fn follow(&self, format: &str) -> Process {
        let mut command = hobnob();
        command.args(["events", "--admin", &self.admin, "-o", format]);
        Process::spawn(&mut command)
    }
}

/// What binds a loopback address of its own: the port of a node that was killed is free for the one in its place. On
/// 127.0.0.1 it may have gone to somebody else by then.
pub(crate) fn own_address() -> String {
    static GIVEN: AtomicU8 = AtomicU8::new(2);
    let [.., high, low] = std::process::id().to_be_bytes();
    let host = GIVEN.fetch_add(1, Ordering::Relaxed);
    format!("--bind=127.{high}.{low}.{host}:0")
}

/// The next event of a follower of JSON that is about this node and as wanted.
#[track_caller]
pub(crate) fn next_event(
    follower: &Process,
    address: &str,
    wanted: impl Fn(&Value) -> bool,
) -> Value {
    follower.line(&format!("an event of {address}"), |line| {
        let event: Value = serde_json::from_str(line).expect("a line of JSON");
        (event["address"] == address && wanted(&event)).then_some(event)
    })
}

/// Offline, then left, never failed. On a busy machine a node may be suspected, which hides its offline.
#[track_caller]
pub(crate) fn sees_it_leave(follower: &Process, address: &str) {
    let is_going = |event: &Value| event["to"] == "offline" || event["to"] == "suspect";
    let is_change = |event: &Value| {
        let kind = &event["event"];
        kind == "state" || kind == "left" || kind == "failed"
    };
    let mut last = next_event(follower, address, is_going);
    while last["event"] == "state" {
        assert_eq!(last["state"], last["to"]);
        let before = last;
        last = next_event(follower, address, is_change);
        assert!(
            last["event"] == "state" || is_going(&before),
            "{before} {last}"
        );
    }
    assert_eq!(
        (&last["event"], &last["state"]),
        (&"left".into(), &"left".into())
    );
}

/// Asks until there is an answer.
#[track_caller]
pub(crate) fn eventually<T: Debug>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(PAUSE);
    }
}

/// A directory of its own for a test, removed with it.
#[derive(Debug)]
pub(crate) struct Scratch(std::path::PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("hobnob-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }

    /// The path of a file in it.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }

    /// Writes a file and tells its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).expect("a file in it");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
