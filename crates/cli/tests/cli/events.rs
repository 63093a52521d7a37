//! Following what happens.

use std::process::Stdio;

use rustix::process::Signal;

use crate::support::{Node, eventually, hobnob, next_event, sees_it_leave};

#[test]
fn cli_events_follow() {
    let mut a = Node::start(&["--name=alpha", "--profile=local"]);
    let mut json = a.follow("json");
    let mut table = a.follow("table");
    let present = next_event(&json, &a.mesh, |event| event["event"] == "present");
    assert_eq!(present["me"], true);
    // Who follows from later on is told nothing of who came up before.
    table.line("present", |line| line.starts_with("present ").then_some(()));

    let seed = format!("--seed={}", a.mesh);
    let b = [
        "--type=ws",
        "--name=beta",
        "--value=zone=eu-1",
        "--profile=local",
    ];
    let mut b = Node::start(&[&b[..], &[&seed]].concat());
    let up = next_event(&json, &b.mesh, |event| event["event"] == "up");
    assert_eq!(
        (&up["type"], &up["generation"]),
        (&"ws".into(), &b.generation.into())
    );

    // With the node, or in an event of their own.
    next_event(&json, &b.mesh, |event| event["values"]["zone"] == "eu-1");

    // Who has joined on both sides says goodbye to everyone.
    b.sees(&a.mesh, "online");
    b.process.signal(Signal::TERM);
    sees_it_leave(&json, &b.mesh);
    assert_eq!(b.process.ended().code(), Some(0));

    let told = |event: &str| {
        let line = format!("{event:<9} beta (ws, {})", b.mesh);
        table.line(&line, |seen| {
            seen.starts_with(&line).then(|| seen.to_owned())
        });
    };
    told("up");
    told("state");
    told("left");

    // The node's own leaving ends the stream, in order.
    a.process.signal(Signal::TERM);
    assert_eq!(a.process.ended().code(), Some(0));
    for follower in [&mut json, &mut table] {
        assert_eq!(follower.ended().code(), Some(0));
    }
}

#[test]
fn cli_events_tells_a_lost_connection() {
    let a = Node::start(&[]);
    let mut follower = a.follow("json");
    next_event(&follower, &a.mesh, |event| event["event"] == "present");
    drop(a);
    assert_eq!(follower.ended().code(), Some(1));
}

#[test]
fn cli_output_without_a_reader_is_no_error() {
    let a = Node::start(&[]);
    let mut command = hobnob();
    command.args(["events", "--admin", &a.admin]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let status = eventually("it ends", || child.try_wait().expect("our child"));
    let output = child.wait_with_output().expect("it has ended");
    assert_eq!(
        (status.code(), output.stderr.as_slice()),
        (Some(0), &b""[..])
    );
}
