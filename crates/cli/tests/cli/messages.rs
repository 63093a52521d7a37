//! Requests and sends.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hobnob::Capsule;
use serde_json::{Value, json};

use crate::support::{Node, Scratch, eventually};

#[test]
fn cli_request_echo_text_json_base64() {
    let scratch = Scratch::new("echo");
    let nodes = Node::start_mesh(&["udp", "udp"]);
    let (a, b) = (&nodes[0], &nodes[1]);
    let echo = |args: &[&str]| {
        let request = ["request", "--command=1", "--to", &b.mesh];
        a.run(&[&request, args].concat())
    };

    assert_eq!(echo(&["--data", "grüß dich"]).ok(), "grüß dich\n");
    assert_eq!(
        echo(&["--data", "hi", "-o", "json"]).json(),
        json!({"text": "hi"})
    );
    assert_eq!(echo(&["-o", "json"]).json(), json!({"text": ""}));
    assert_eq!(echo(&["--data=-x"]).ok(), "-x\n");

    let binary = scratch.file("binary", [0xff, 0xfe, 0x00]);
    assert_eq!(echo(&["--file", &binary]).json(), json!({"base64": "//4A"}));
    assert_eq!(
        echo(&["--file", &binary, "-o", "json"]).json(),
        json!({"base64": "//4A"})
    );

    let large = "hobnob ".repeat(30_000);
    let file = scratch.file("large", &large);
    assert_eq!(
        echo(&["--file", &file, "-o", "json"]).json(),
        json!({"text": large})
    );

    let answer = echo(&["--json", r#"{"title": "tea", "at": 16}"#, "-o", "json"]).json();
    let capsule = Capsule::unpack(&payload(&answer)).expect("the echo of a capsule");
    assert_eq!(capsule.get::<&str>("title").expect("a title"), "tea");
    assert_eq!(capsule.get::<i64>("at").expect("an hour"), 16);
}

#[test]
fn cli_send_counts_reliable_unreliable_to_type() {
    let nodes = Node::start_mesh(&["udp", "tcp", "tcp"]);
    let [a, b, c] = &nodes[..] else {
        panic!("three nodes");
    };

    // Reliable, to addresses: acknowledged means counted.
    let to_both = ["send", "--command=2", "--to", &b.mesh, "--to", &c.mesh];
    let report = a
        .run(&[&to_both[..], &["--data=x", "--limit=1", "-o", "json"]].concat())
        .json();
    assert_eq!(
        (&report["delivered"], &report["failed"]),
        (&json!(2), &json!(0))
    );
    assert_eq!((b.received(), c.received()), (1, 1));

    // Reliable, to a type.
    let table = a
        .run(&["send", "--command=2", "--to-type=tcp", "--data=x"])
        .ok();
    assert!(
        table.contains(&b.mesh) && table.contains(&c.mesh),
        "{table}"
    );
    assert_eq!(table.lines().count(), 3, "{table}");
    assert_eq!((b.received(), c.received(), a.received()), (2, 2, 0));

    // Unreliable: handed to the kernel, counted a little later.
    let burst = [
        "send",
        "--command=2",
        "--to-type=tcp",
        "--unreliable",
        "-o",
        "json",
    ];
    assert_eq!(a.run(&burst).json()["delivered"], 2);
    for node in [b, c] {
        eventually("the datagram is counted", || {
            (node.received() == 3).then_some(())
        });
    }
}

#[test]
fn cli_send_reports_each_failure() {
    let mut nodes = Node::start_mesh(&["udp", "tcp", "tcp"]);
    let gone = nodes.pop().expect("three nodes").mesh;
    let (a, b) = (&nodes[0], &nodes[1]);
    a.sees(&gone, "failed");

    let send = [
        "send",
        "--command=2",
        "--to",
        &gone,
        "--to",
        &b.mesh,
        "-o",
        "json",
    ];
    let ended = a.run(&send);
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(1), ""));
    let report: Value = serde_json::from_str(&ended.stdout).expect("a report");
    let result = |address: &str| {
        let results = report["results"].as_array().expect("results");
        results
            .iter()
            .find(|result| result["address"] == address)
            .cloned()
    };
    assert_eq!(
        result(&b.mesh),
        Some(json!({"address": b.mesh, "ok": true}))
    );
    let failure = result(&gone).expect("a result for the dead node");
    assert_eq!(
        (&failure["ok"], &failure["kind"]),
        (&json!(false), &json!("peer_down"))
    );
    assert_eq!(b.received(), 1);

    // Only those online are of the type.
    let report = a
        .run(&["send", "--command=2", "--to-type=tcp", "-o", "json"])
        .json();
    assert_eq!(report["results"], json!([{"address": b.mesh, "ok": true}]));

    let told = a.run(&["send", "--command=777", "--to", &b.mesh]);
    assert_eq!(told.status, Some(1));
    assert!(told.stdout.contains("no handler"), "{told:?}");
}

#[test]
fn cli_two_node_processes_exchange_everything() {
    let nodes = Node::start_mesh(&["room", "lobby"]);
    for (here, there, there_type) in [(0, 1, "lobby"), (1, 0, "room")] {
        let (here, there) = (&nodes[here], &nodes[there]);
        let request = ["request", "--to", &there.mesh, "--data=ping"];
        assert_eq!(
            here.run(&[&request[..], &["--command=1"]].concat()).ok(),
            "ping\n"
        );

        here.run(&[
            "send",
            "--command=2",
            "--to",
            &there.mesh,
            "--json={\"n\": 1}",
        ])
        .ok();
        here.run(&["send", "--command=2", "--to-type", there_type])
            .ok();
        here.run(&["send", "--command=2", "--to", &there.mesh, "--unreliable"])
            .ok();
        eventually("all three are counted", || {
            (there.received() == 3).then_some(())
        });
        // A request counts too, and is answered with the count.
        assert_eq!(
            here.run(&[&request[..], &["--command=2"]].concat()).ok(),
            "4\n"
        );
    }
}

fn payload(answer: &Value) -> Vec<u8> {
    match (answer["text"].as_str(), answer["base64"].as_str()) {
        (Some(text), None) => text.as_bytes().to_vec(),
        (None, Some(text)) => BASE64.decode(text).expect("base64"),
        _ => panic!("neither text nor base64: {answer}"),
    }
}
