//! A node's life: ready, listed, counted, gone.

use std::net::SocketAddr;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Node, Process, Scratch, eventually, hobnob, own_address, run};

#[test]
fn cli_node_ready_line() {
    let mut command = hobnob();
    command.args(["node", "--bind", "127.0.0.1:0", "--type", "udp"]);
    let mut bare = Process::spawn(&mut command);
    command.args(["--admin", "127.0.0.1:0", "--name", "one"]);
    let mut full = Process::spawn(&mut command);
    let ready = |process: &Process| -> Value {
        process.line("ready", |line| {
            Some(serde_json::from_str(line).expect("JSON"))
        })
    };

    let line = ready(&bare);
    assert_eq!(line["event"], "ready");
    assert_eq!(
        (&line["admin"], &line["name"]),
        (&Value::Null, &Value::Null)
    );
    let line = ready(&full);
    assert_eq!(line["event"], "ready");
    assert_eq!(line["name"], "one");
    assert!(line["generation"].as_u64().expect("a number") > 0);
    for key in ["mesh", "admin"] {
        let address: SocketAddr = line[key].as_str().expect(key).parse().expect(key);
        assert!(address.ip().is_loopback() && address.port() > 0, "{line}");
    }

    for process in [&mut bare, &mut full] {
        process.signal(Signal::TERM);
        assert_eq!(process.ended().code(), Some(0));
        assert_eq!(process.remaining(), [""; 0], "more than one line on stdout");
    }
}

#[test]
fn cli_nodes_that_were_all_killed_find_each_other_without_seeds() {
    let scratch = Scratch::new("peers");
    let files: Vec<String> = (0..3)
        .map(|number| format!("--peers-file={}", scratch.path(&format!("peers-{number}"))))
        .collect();
    let mut nodes: Vec<Node> = Vec::new();
    for file in &files {
        let seed = nodes.first().map(|node| format!("--seed={}", node.mesh));
        let bind = own_address();
        let args = ["--profile=local", file, &bind].into_iter();
        let args: Vec<&str> = args.chain(seed.as_deref()).collect();
        nodes.push(Node::start(&args));
    }
    let meshes: Vec<String> = nodes.iter().map(|node| node.mesh.clone()).collect();
    for number in 0..3 {
        let path = scratch.path(&format!("peers-{number}"));
        eventually("a file that names both others", || {
            let text = std::fs::read_to_string(&path).ok()?;
            let named = meshes
                .iter()
                .filter(|mesh| text.lines().any(|line| line == *mesh));
            (named.count() == 2).then_some(())
        });
    }
    // Each process is killed where it stands.
    drop(nodes);

    let start =
        |(file, mesh): (&String, &String)| Node::start(&["--profile=local", file, "--bind", mesh]);
    let nodes: Vec<Node> = files.iter().zip(&meshes).map(start).collect();
    for node in &nodes {
        for mesh in &meshes {
            node.sees(mesh, "online");
        }
    }
}

#[test]
fn cli_members_table_and_json() {
    let a = Node::start(&["--type=udp", "--name=alpha"]);
    let seed = format!("--seed={}", a.mesh);
    let b = Node::start(&[
        "--type=tcp",
        "--name=beta",
        "--role=lobby",
        "--endpoint=play.example:4000",
        &seed,
    ]);
    a.sees(&b.mesh, "online");
    b.sees(&a.mesh, "online");

    let me = a.member(&a.mesh).expect("the node lists itself");
    let expected = json!({
        "address": a.mesh, "type": "udp", "state": "online", "name": "alpha",
        "generation": a.generation, "role": null, "endpoint": null,
        "app": null, "version": null, "values": {}, "me": true,
    });
    assert_eq!(me, expected);
    let other = a.member(&b.mesh).expect("the node lists the other");
    let expected = json!({
        "address": b.mesh, "type": "tcp", "state": "online", "name": "beta",
        "generation": b.generation, "role": "lobby", "endpoint": "play.example:4000",
        "app": null, "version": null, "values": {}, "me": false,
    });
    assert_eq!(other, expected);

    let table = a.run(&["members"]).ok();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|l| l.split_whitespace().collect())
        .collect();
    assert_eq!(rows[0][..4], ["ADDRESS", "TYPE", "STATE", "NAME"]);
    assert_eq!(rows.len(), 3, "{table}");
    let row = rows
        .iter()
        .find(|row| row[0] == b.mesh)
        .expect("a row for it");
    assert_eq!(row[1..4], ["tcp", "online", "beta"]);
    assert_eq!(row[5..7], ["lobby", "play.example:4000"]);
}

#[test]
fn cli_members_values() {
    let values = [
        "--value=zone=eu-1",
        "--value=guests:=12",
        "--value=maps:=[1,2]",
    ];
    let a = Node::start(&values);
    let expected = json!({ "zone": "eu-1", "guests": 12, "maps": [1, 2] });
    assert_eq!(a.member(&a.mesh).expect("itself")["values"], expected);
    let seed = format!("--seed={}", a.mesh);
    let b = Node::start(&[&seed]);
    a.sees(&b.mesh, "online");
    let table = a.run(&["members", "--values"]).ok();
    let ends = |mesh: &str, end: &str| {
        let line = table.lines().find(|line| line.starts_with(mesh));
        assert!(line.expect("a row").ends_with(end), "{table}");
    };
    ends("ADDRESS", "VALUES");
    ends(&a.mesh, "guests=12 maps=[1,2] zone=\"eu-1\"");
    ends(&b.mesh, "-");
    assert!(!a.run(&["members"]).ok().contains("zone"));
}

#[test]
fn cli_incompatible() {
    let ours = Node::start(&["--app=game", "--app-version=1.2.0"]);
    assert_eq!(ours.run(&["incompatible"]).ok(), "ADDRESS  WHY\n");
    let seed = format!("--seed={}", ours.mesh);
    let other = Node::start(&["--app=other", &seed]);
    let newer = Node::start(&[
        "--app=game",
        "--app-version=2.0",
        "--compatible-with=2..3",
        &seed,
    ]);
    let listed = eventually("both are listed", || {
        let listed = ours.run(&["incompatible", "-o", "json"]).json();
        (listed.as_array().map(Vec::len) == Some(2)).then_some(listed)
    });
    let kind = |mesh: &str| {
        let mut nodes = listed.as_array().expect("a list").iter();
        let node = nodes.find(|node| node["address"] == mesh);
        node.expect("it is listed")["kind"].clone()
    };
    assert_eq!(kind(&other.mesh), "application");
    assert_eq!(kind(&newer.mesh), "version");
    let table = ours.run(&["incompatible"]).ok();
    assert!(
        table.contains("its version is 2.0.0, and it works with 2.0.0..3.0.0; this node's version is 1.2.0, and it works with all"),
        "{table}"
    );
    let why = ours.run(&["why", &other.mesh]);
    assert!(why.failed(1).contains("it is of another application"));
}

#[test]
fn cli_why_a_node_is_refused() {
    let a = Node::start(&["--name=twin", "--profile=local"]);
    let seed = format!("--seed={}", a.mesh);
    let b = Node::start(&["--name=twin", "--profile=local", &seed]);
    b.sees(&b.mesh, "refused");
    let told = b.run(&["why", &b.mesh]).ok();
    assert!(
        told.contains("is refused\n") && told.contains(&a.mesh),
        "{told}"
    );
    assert!(!told.contains("nothing is held"), "{told}");
    let answer = b.run(&["why", &a.mesh, "-o", "json"]).json();
    assert_eq!(answer.get("refusal"), None);
}

#[test]
fn cli_members_sees_applications_apart() {
    let ours = Node::start(&["--app=game", "--app-version=1.2.0"]);
    let seed = format!("--seed={}", ours.mesh);
    let kin = Node::start(&["--app=game", "--app-version=1.2.0", &seed]);
    let stranger = Node::start(&["--app=other", "--app-version=1.2.0", &seed]);

    let seen = ours.sees(&kin.mesh, "online");
    assert_eq!(
        (&seen["app"], &seen["version"]),
        (&json!("game"), &json!("1.2.0"))
    );
    assert_eq!(ours.member(&stranger.mesh), None);
    assert_eq!(stranger.member(&ours.mesh), None);
}

#[test]
fn cli_stats() {
    let nodes = Node::start_mesh(&["udp", "udp"]);
    let (a, b) = (&nodes[0], &nodes[1]);
    a.run(&["send", "--command=2", "--to", &b.mesh]).ok();

    let stats = b.run(&["stats", "-o", "json"]).json();
    assert_eq!(stats["received"], 1);
    assert_eq!(stats["address"], b.mesh);
    assert_eq!(stats["state"], "online");
    assert_eq!(stats["generation"], b.generation);
    let counters = stats["counters"].as_object().expect("counters by name");
    assert!(
        counters.values().any(|value| value.as_u64() > Some(0)),
        "{stats}"
    );

    let table = b.run(&["stats"]).ok();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|l| l.split_whitespace().collect())
        .collect();
    assert_eq!(rows[0], ["COUNTER", "VALUE"]);
    assert!(rows.contains(&vec!["received", "1"]), "{table}");
}

#[test]
fn cli_leave() {
    // It waits longest for who is slow to confirm.
    let mut nodes = Node::start_mesh_of(&["udp", "tcp", "ws"], "wan");
    let mut last = nodes.pop().expect("three nodes");
    let report = last.run(&["leave", "-o", "json"]).json();
    assert_eq!(
        (&report["confirmed"], &report["peers"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(report["permits_outstanding"], 0);
    assert_eq!(last.process.ended().code(), Some(0));

    let mut next = nodes.pop().expect("two nodes");
    assert_eq!(
        next.run(&["leave"]).ok(),
        "left; 1 of 1 nodes confirmed it\n"
    );
    assert_eq!(next.process.ended().code(), Some(0));
    for gone in [&last.mesh, &next.mesh] {
        nodes[0].sees(gone, "left");
    }
}

#[test]
fn cli_forget() {
    let mut nodes = Node::start_mesh(&["udp", "tcp", "ws"]);
    let mut gone = nodes.pop().expect("three nodes");
    let refused = nodes[0].run(&["forget", &gone.mesh]);
    assert!(refused.failed(1).contains("is online"));
    gone.run(&["leave"]).ok();
    assert_eq!(gone.process.ended().code(), Some(0));
    for node in &nodes {
        node.sees(&gone.mesh, "left");
    }

    let told = nodes[0].run(&["forget", &gone.mesh]).ok();
    assert!(
        told.contains(&gone.mesh) && told.ends_with("which had left\n"),
        "{told}"
    );
    assert_eq!(nodes[0].member(&gone.mesh), None);
    eventually("the other forgets it too", || {
        nodes[1].member(&gone.mesh).is_none().then_some(())
    });
    nodes[0].run(&["forget", &gone.mesh]).failed(1);
}

#[test]
fn cli_why() {
    let a = Node::start(&["--type=udp", "--name=alpha"]);
    let seed = format!("--seed={}", a.mesh);
    let b = Node::start(&["--type=udp", "--name=beta two", &seed]);
    a.sees(&b.mesh, "online");
    let innocent = a.run(&["why", "beta two"]).ok();
    let expected = format!(
        "beta two ({}) is online\nnothing is held against it\n",
        b.mesh
    );
    assert_eq!(innocent, expected);

    b.process.signal(Signal::KILL);
    a.sees(&b.mesh, "failed");
    let answer = a.run(&["why", &b.mesh, "-o", "json"]).json();
    assert_eq!(answer["state"], "failed");
    let why = &answer["why"];
    assert_eq!(why["generation"], b.generation);
    assert_eq!(why["accusers"][0]["address"], a.mesh);
    assert_eq!(why["verdict"]["own"], true);
    let seconds = |value: &Value| value.as_f64().expect("seconds");
    assert!(seconds(&why["verdict"]["reached"]) <= seconds(&why["suspected"]));
    assert!(seconds(&why["probes"][0]["waited"]) > 0.0);

    let told = a.run(&["why", "beta two"]).ok();
    for part in [
        " has failed\n",
        "accused by",
        "probed by this node",
        "there were no others to ask",
        "declared failed",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    a.run(&["why", "nobody"]).failed(1);
    run(["why", "--admin", "127.0.0.1:1"]).failed(2);
}

#[test]
fn cli_exit_statuses() {
    assert!(run(["--help"]).ok().contains("Usage: hobnob"));
    let version = run(["--version"]).ok();
    assert_eq!(version, concat!("hobnob ", env!("CARGO_PKG_VERSION"), "\n"));
    let node = Node::start(&[]);
    node.run(&["members"]).ok();

    // The operation failed.
    let nobody = "127.0.0.1:1";
    run(["members", "--admin", nobody]).failed(1);
    node.run(&["request", "--command=777", "--to", &node.mesh])
        .failed(1);
    node.run(&["send", "--command=2", "--to-type=nothing"])
        .failed(1);

    // Wrong usage.
    run([]).failed(2);
    run(["dance"]).failed(2);
    run(["members"]).failed(2);
    run(["members", "--admin", nobody, "-o", "xml"]).failed(2);
    run(["request", "--admin", nobody, "--command=1"]).failed(2);
    run(["send", "--admin", nobody, "--command=1"]).failed(2);
    run(["send", "--admin", nobody, "--command=1", "--to", "here"]).failed(2);
    run(["node", "--bind", "nowhere"]).failed(2);
}
