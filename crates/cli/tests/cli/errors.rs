//! Every mistake is one line that says what, where and what to do.

use std::net::{TcpListener, UdpSocket};

use crate::support::{Node, Scratch, finish, hobnob, run};

/// An address for documentation (RFC 5737): no machine has it.
const FOREIGN: &str = "192.0.2.1:0";

#[test]
fn cli_errors_are_one_line() {
    let scratch = Scratch::new("errors");
    let held = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let taken_udp = held.local_addr().expect("bound").to_string();
    let taken_tcp = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let admin = taken_tcp.local_addr().expect("bound").to_string();
    let missing = scratch.file("gone", "") + "-not";
    let unknown = scratch.file("unknown.toml", "type = \"udp\"\nbnid = \"127.0.0.1:0\"\n");
    let broken = scratch.file("broken.toml", "type = \"udp\"\n\nbind = \n");
    let shape = scratch.file("shape.toml", "seeds = \"127.0.0.1:1\"\n");

    let long = "x".repeat(200);
    let large = format!("key={}", "x".repeat(5_000));
    let cases: &[(&[&str], i32, &[&str])] = &[
        // What the system says no to.
        (
            &["--bind", &taken_udp],
            1,
            &["--bind", &taken_udp, "in use"],
        ),
        (&["--admin", &admin], 1, &["--admin", &admin, "in use"]),
        (
            &["--bind", FOREIGN, "--insecure"],
            1,
            &["--bind", FOREIGN, "not an address of this machine"],
        ),
        (
            &["--admin", FOREIGN, "--insecure"],
            1,
            &["--admin", FOREIGN, "not an address of this machine"],
        ),
        // What cannot be right on any machine.
        (
            &["--config", &missing],
            2,
            &[&missing, "cannot read", "--config"],
        ),
        (
            &["--config", &unknown],
            2,
            &["unknown.toml:2", "unknown key \"bnid\"", "bind"],
        ),
        (&["--config", &broken], 2, &["broken.toml:3"]),
        (
            &["--config", &shape],
            2,
            &["shape.toml:1", "seeds", "array"],
        ),
        (&["--bnid", "x"], 2, &["--bnid", "--bind"]),
        (&["--bind", "x"], 2, &["--bind", "\"x\"", "127.0.0.1:7946"]),
        (&["--seed", "x"], 2, &["--seed", "\"x\"", "HOST:PORT"]),
        (&["--value", "x"], 2, &["--value", "\"x\"", "KEY=VALUE"]),
        (
            &["--value", "zone=a", "--value", "zone:=1"],
            2,
            &["--value: ", "\"zone\"", "twice"],
        ),
        (&["--value", "=x"], 2, &["--value", "\"=x\"", "KEY=VALUE"]),
        (&["--value", "x:=y"], 2, &["--value", "\"x:=y\"", "JSON"]),
        (
            &["--peers-file", "/"],
            2,
            &["--peers-file", "\"/\"", "/var/lib/hobnob/peers"],
        ),
        (
            &["--profile", "x"],
            2,
            &["--profile", "\"x\"", "local, lan and wan"],
        ),
        (
            &["--insecure=maybe"],
            2,
            &["--insecure", "\"maybe\"", "true nor false"],
        ),
        (
            &["--shutdown-timeout", "soon"],
            2,
            &["--shutdown-timeout", "\"soon\"", "seconds"],
        ),
        (
            &["--bind", "0.0.0.0:0"],
            2,
            &["--bind: ", "0.0.0.0", "loopback", "insecure"],
        ),
        // What the node finds wrong is told with its origin too.
        (&["--name", &long], 2, &["--name: ", "200 bytes", "128"]),
        (&["--app-version", &long], 2, &["--app-version: ", "64"]),
        (&["--value", &large], 2, &["--value: ", "\"key\"", "4096"]),
        (
            &["--app-version=2", "--compatible-with=1.x"],
            2,
            &["--compatible-with: ", "\"1.x\"", "1.2..2"],
        ),
        (
            &["--compatible-with=1..2"],
            2,
            &["--compatible-with: ", "names no version", "1.4.2"],
        ),
        (
            &["--forget-after=5"],
            2,
            &["--forget-after: ", "5s", "500s"],
        ),
        (
            &["--admin", "0.0.0.0:0"],
            2,
            &["--admin", "0.0.0.0:0", "loopback", "--insecure"],
        ),
    ];
    for (args, status, words) in cases {
        let args = ["node", "--type=udp"].iter().chain(*args).copied();
        let line = run(args).failed(*status);
        for word in *words {
            assert!(line.contains(word), "{word:?} is not in {line:?}");
        }
        assert!(!line.contains("panicked"), "{line}");
    }
}

#[test]
fn cli_errors_of_commands_are_one_line() {
    let node = Node::start(&[]);
    let line = node
        .run(&["request", "--command=777", "--to", &node.mesh])
        .failed(1);
    assert!(line.contains("no handler"), "{line}");
    let line = node
        .run(&[
            "request",
            "--command=1",
            "--to=127.0.0.1:1",
            "--timeout=0.2",
        ])
        .failed(1);
    assert!(line.contains("timed out"), "{line}");
    let line = node
        .run(&["request", "--command=1", "--to", &node.mesh, "--json=[1]"])
        .failed(2);
    assert!(line.contains("--json") && line.contains("object"), "{line}");
    let line = node
        .run(&[
            "request",
            "--command=1",
            "--to",
            &node.mesh,
            "--file=/does/not/exist",
        ])
        .failed(2);
    assert!(
        line.contains("--file") && line.contains("/does/not/exist"),
        "{line}"
    );
    let line = node
        .run(&[
            "request",
            "--command=1",
            "--to",
            &node.mesh,
            "--json={\"x\": null}",
        ])
        .failed(1);
    assert!(line.contains("capsule"), "{line}");
    let line = run(["members", "--admin", "127.0.0.1:1"]).failed(1);
    assert!(
        line.contains("127.0.0.1:1") && line.contains("--admin"),
        "{line}"
    );

    let mut command = hobnob();
    command.arg("node").env("HOBNOB_LOG", "=x=");
    let line = finish(command).failed(2);
    assert!(line.contains("HOBNOB_LOG"), "{line}");
}
