//! What must hold for whole processes: leaving in order, and dying.

use std::env;
use std::process::Command;
use std::sync::Mutex;

use hobnob::{Bytes, Context, Mesh, Profile};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Node, Process, clean, eventually, hobnob, next_event, sees_it_leave};

/// Names the seed of a server that a test starts by running itself again.
const SEED: &str = "HOBNOB_TEST_SEED";
/// Makes such a server give its permit back.
const RELEASE: u16 = 200;
/// Is answered as long as the server serves.
const PING: u16 = 201;

#[test]
fn row_09_sigterm() {
    if env::var_os(SEED).is_some() {
        return serve_with_a_client();
    }
    let others = Node::start_mesh(&["udp", "udp"]);
    let mut server = Server::start("row_09_sigterm", &others, "600");
    let followers: Vec<_> = others.iter().map(follow).collect();

    server.process.signal(Signal::TERM);
    for other in &others {
        other.sees(&server.mesh, "offline");
    }
    // Its client is still there, and what the client does goes on working.
    let ask = |command: u16| {
        let command = command.to_string();
        others[0].run(&["request", "--command", &command, "--to", &server.mesh])
    };
    assert_eq!(ask(PING).ok(), "served\n");
    assert_eq!(ask(RELEASE).ok(), "released\n");

    assert_eq!(server.process.ended().code(), Some(0));
    assert_eq!(server.report()["permits_outstanding"], 0);
    for (other, follower) in others.iter().zip(&followers) {
        sees_it_leave(follower, &server.mesh);
        other.sees(&server.mesh, "left");
    }
}

#[test]
fn row_09_sigterm_without_clients() {
    // Several, so that they leave at different moments of their gossip rounds.
    let mut leaving = Node::start_mesh(&["udp", "tcp", "tcp", "tcp", "tcp", "tcp"]);
    let observer = leaving.remove(0);
    let followers: Vec<_> = leaving.iter().map(|_| follow(&observer)).collect();
    for node in &leaving {
        node.process.signal(Signal::TERM);
    }
    for (node, follower) in leaving.iter_mut().zip(&followers) {
        assert_eq!(node.process.ended().code(), Some(0));
        sees_it_leave(follower, &node.mesh);
    }
}

#[test]
fn row_09_shutdown_timeout_with_permits_out() {
    if env::var_os(SEED).is_some() {
        return serve_with_a_client();
    }
    let others = Node::start_mesh(&["udp"]);
    let mut server = Server::start("row_09_shutdown_timeout_with_permits_out", &others, "0.5");
    server.process.signal(Signal::TERM);
    assert_eq!(server.process.ended().code(), Some(0));
    let report = server.report();
    assert_eq!(
        (&report["permits_outstanding"], &report["confirmed"]),
        (&json!(1), &json!(1))
    );
    others[0].sees(&server.mesh, "left");
}

#[test]
fn row_09_second_signal() {
    if env::var_os(SEED).is_some() {
        return serve_with_a_client();
    }
    let others = Node::start_mesh(&["udp"]);
    let mut server = Server::start("row_09_second_signal", &others, "600");
    server.process.signal(Signal::TERM);
    others[0].sees(&server.mesh, "offline");
    server.process.signal(Signal::TERM);
    assert_eq!(server.process.ended().code(), Some(128 + 15));
}

#[test]
fn row_10_kill_and_restart() {
    let mut nodes = Node::start_mesh(&["udp", "udp", "udp"]);
    let victim = nodes.pop().expect("three nodes");
    // It takes no more datagrams: the request stays in flight.
    victim.process.signal(Signal::STOP);
    let mut request = in_flight_request(&nodes[0], &victim);
    let (mesh, generation) = (victim.mesh.clone(), victim.generation);
    drop(victim);

    for node in &nodes {
        node.sees(&mesh, "failed");
    }
    assert_eq!(request.ended().code(), Some(1));

    let seed = format!("--seed={}", nodes[0].mesh);
    let again = Node::start(&["--bind", &mesh, &seed]);
    assert!(again.generation > generation);
    for node in &nodes {
        let member = node.sees(&mesh, "online");
        assert!(member["generation"].as_u64() > Some(generation), "{member}");
        let echo = node.run(&["request", "--command=1", "--to", &mesh, "--data=back"]);
        assert_eq!(echo.ok(), "back\n");
    }
}

#[test]
fn row_10_restart_before_it_was_missed() {
    let mut nodes = Node::start_mesh(&["udp", "udp"]);
    let victim = nodes.pop().expect("two nodes");
    victim.process.signal(Signal::STOP);
    let mut request = in_flight_request(&nodes[0], &victim);
    let (mesh, generation) = (victim.mesh.clone(), victim.generation);
    drop(victim);

    let seed = format!("--seed={}", nodes[0].mesh);
    let again = Node::start(&["--bind", &mesh, &seed]);
    assert!(again.generation > generation);
    assert_eq!(
        request.ended().code(),
        Some(1),
        "not handed to the new process"
    );
    eventually("the new process is known", || {
        let member = nodes[0].member(&mesh)?;
        let newer = member["generation"].as_u64() > Some(generation);
        (newer && member["state"] == "online").then_some(())
    });
}

/// Follows a node's events, from before what comes next.
#[track_caller]
fn follow(node: &Node) -> Process {
    let follower = node.follow("json");
    next_event(&follower, &node.mesh, |event| event["event"] == "present");
    follower
}

/// A request that ends by its deadline only after the test has given up.
#[track_caller]
fn in_flight_request(from: &Node, to: &Node) -> Process {
    let sent = |node: &Node| {
        let stats = node.run(&["stats", "-o", "json"]).json();
        stats["counters"]["messages_sent_total"]
            .as_u64()
            .unwrap_or_default()
    };
    let before = sent(from);
    let mut command = hobnob();
    command
        .args(["request", "--admin", &from.admin, "--command=1"])
        .args(["--to", &to.mesh, "--timeout=3600"]);
    let request = Process::spawn(&mut command);
    eventually("the request is under way", || {
        (sent(from) > before).then_some(())
    });
    request
}

/// A server with a client, in a process of its own: this test again, with
/// [`SEED`] set.
#[derive(Debug)]
struct Server {
    process: Process,
    mesh: String,
}

impl Server {
    #[track_caller]
    fn start(test: &str, others: &[Node], shutdown_timeout: &str) -> Self {
        let myself = env::current_exe().expect("tests have a path");
        let mut command = clean(Command::new(myself));
        command
            .args(["--exact", &format!("rows::{test}"), "--nocapture"])
            .env(SEED, &others[0].mesh)
            .env("HOBNOB_SHUTDOWN_TIMEOUT", shutdown_timeout);
        let process = Process::spawn(&mut command);
        let ready = process.line("ready", told);
        let mesh = ready["mesh"].as_str().expect("an address").to_owned();
        for other in others {
            other.sees(&mesh, "online");
        }
        Self { process, mesh }
    }

    /// What it told of its shutdown.
    #[track_caller]
    fn report(&self) -> Value {
        self.process.line("the report", told)
    }
}

/// A line of JSON, whatever the test runner wrote before it.
fn told(line: &str) -> Option<Value> {
    let json = line.get(line.find('{')?..)?;
    serde_json::from_str(json).ok()
}

fn serve_with_a_client() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let seed = env::var(SEED).expect("checked by the caller");
        // Of all profiles it waits longest for who is slow to confirm that it leaves.
        let mesh = Mesh::builder("udp").profile(Profile::Wan).seed(seed);
        let mesh = mesh.start().await.expect("it starts");
        let permit = mesh.admission().client().expect("it is online");
        let permit = std::sync::Arc::new(Mutex::new(Some(permit)));
        mesh.handle(RELEASE, move |_: Context, _: Bytes| {
            drop(permit.lock().expect("no panic while it is held").take());
            async { Ok::<_, String>("released") }
        })
        .expect("a command of ours");
        mesh.handle(PING, async |_: Context, _: Bytes| Ok::<_, String>("served"))
            .expect("a command of ours");
        tell(&json!({"mesh": mesh.address()}));
        let report = mesh.run_until_signal().await.expect("signals are watched");
        tell(&json!({
            "permits_outstanding": report.permits_outstanding,
            "confirmed": report.confirmed,
        }));
    });
}

fn tell(line: &Value) {
    use std::io::Write;
    writeln!(std::io::stdout(), "{line}").expect("the test reads it");
}
