//! The examples, run as a user would: as processes.

mod common;

use common::{Lines, NEVER, Process, ends, example};

/// A room server that is ready.
struct Server {
    process: Process,
    tcp: String,
    mesh: String,
}

impl Server {
    async fn start(seed: Option<&Self>, shutdown_timeout: &str) -> Self {
        let arguments = seed.map(|seed| ["--seed", &seed.mesh]);
        let mut process = Process::start(
            &example("rooms"),
            arguments.as_ref().map_or(&[], |arguments| &arguments[..]),
            &[("HOBNOB_SHUTDOWN_TIMEOUT", shutdown_timeout)],
        );
        let ready = process.line().await.expect("it gets ready");
        let words: Vec<&str> = ready.split(' ').collect();
        let ["ready", "tcp", tcp, "mesh", mesh] = words[..] else {
            panic!("{ready}");
        };
        Self {
            tcp: tcp.to_owned(),
            mesh: mesh.to_owned(),
            process,
        }
    }

    /// Connects a client that goes by a name.
    async fn client(&self, name: &str) -> Lines {
        let mut client = Lines::connect(&self.tcp).await;
        assert_eq!(
            client.ask(&format!("name {name}")).await,
            format!("ok {name}")
        );
        client
    }
}

/// Room servers of one room each, all of whom know that.
async fn servers(count: usize, shutdown_timeout: &str) -> Vec<Server> {
    let mut servers: Vec<Server> = Vec::new();
    for number in 0..count {
        let server = Server::start(servers.first(), shutdown_timeout).await;
        let mut client = server.client("probe").await;
        create(&mut client, &format!("room-{number}"), &server).await;
        servers.push(server);
    }
    for server in &servers {
        let mut client = server.client("probe").await;
        for other in &servers {
            until_listed(&mut client, &format!("{} online 1", other.tcp)).await;
        }
    }
    servers
}

/// A shutdown timeout in seconds that no test lives to see.
fn never() -> String {
    NEVER.as_secs().to_string()
}

/// Creates a room, which must come to be on a certain server.
async fn create(client: &mut Lines, room: &str, server: &Server) {
    let answer = client.ask(&format!("create {room}")).await;
    assert_eq!(answer, format!("ok {room} {}", server.tcp));
}

/// Asks for a list.
async fn list(client: &mut Lines, what: &str) -> Vec<String> {
    let answer = client.ask(what).await;
    let count = answer
        .strip_prefix("ok ")
        .and_then(|count| count.parse().ok());
    let mut lines = Vec::new();
    for _ in 0..count.unwrap_or_else(|| panic!("{what}: {answer}")) {
        lines.push(client.hear().await.expect("as many as it said"));
    }
    lines
}

/// Waits until a server is listed as it should be.
async fn until_listed(client: &mut Lines, server: &str) {
    ends(&format!("{server} is listed"), async {
        while !list(client, "servers")
            .await
            .iter()
            .any(|line| line == server)
        {}
    })
    .await;
}

#[tokio::test]
async fn a_schedule_comes_back_with_one_more_appointment() {
    let mut process = Process::start(&example("schedule"), &[], &[]);
    assert_schedule(&mut process).await;
    assert!(process.end().await.success());
}

#[tokio::test]
async fn a_schedule_goes_from_process_to_process() {
    let mut calendar = Process::start(&example("schedule"), &["serve"], &[]);
    let ready = calendar.line().await.unwrap();
    let address = ready.strip_prefix("calendar at ").unwrap();
    for _ in 0..2 {
        let mut desk = Process::start(&example("schedule"), &["add", "--seed", address], &[]);
        assert_schedule(&mut desk).await;
        assert!(desk.end().await.success());
    }
    calendar.terminate();
    assert_eq!(calendar.end().await.code(), Some(0));
}

async fn assert_schedule(process: &mut Process) {
    for line in [
        "sent: 2031-04-01 Dentist",
        "sent: 2031-04-02 Lunch with Tom",
        "back: 2031-04-01 Dentist",
        "back: 2031-04-02 Lunch with Tom",
        "back: 2031-04-03 Piano",
    ] {
        assert_eq!(process.line().await.as_deref(), Some(line));
    }
    assert_eq!(process.line().await, None);
}

#[tokio::test]
async fn wrong_usage_is_an_error() {
    for arguments in [&["dance"][..], &["add"], &["add", "--seed"]] {
        let process = Process::start(&example("schedule"), arguments, &[]);
        assert_eq!(process.end().await.code(), Some(1));
    }
    for arguments in [&["--dance", "x"][..], &["--tcp"], &["--tcp", "nowhere"]] {
        let process = Process::start(&example("rooms"), arguments, &[]);
        assert_eq!(process.end().await.code(), Some(1));
    }
}

#[tokio::test]
async fn clients_talk_in_rooms_and_groups() {
    let servers = servers(2, "60").await;
    let (a, b) = (&servers[0], &servers[1]);
    let (mut ann, mut bob) = (a.client("ann").await, a.client("bob").await);
    let mut cem = b.client("cem").await;

    // A room is on one server.
    for client in [&mut ann, &mut bob] {
        assert_eq!(client.ask("join room-0").await, "ok room-0");
    }
    assert_eq!(cem.ask("join room-0").await, "error room-0 is not here");
    ann.say("say hello bob").await;
    for client in [&mut ann, &mut bob] {
        assert_eq!(client.hear().await.unwrap(), "room room-0 ann: hello bob");
    }
    assert_eq!(bob.ask("leave").await, "ok room-0");
    assert_eq!(bob.ask("say hello").await, "error you are in no room");

    // A group is on all.
    for client in [&mut ann, &mut bob, &mut cem] {
        assert_eq!(client.ask("group friends").await, "ok friends");
    }
    cem.say("tell friends hello all").await;
    for client in [&mut ann, &mut bob, &mut cem] {
        assert_eq!(client.hear().await.unwrap(), "group friends cem: hello all");
    }
    assert_eq!(
        ann.ask("tell strangers hello").await,
        "error you are not in strangers"
    );
    assert!(ann.ask("dance").await.starts_with("error "));
}

#[tokio::test]
async fn a_room_is_made_where_there_are_fewest() {
    let servers = servers(2, "60").await;
    let (a, b) = (&servers[0], &servers[1]);
    let mut client = a.client("ann").await;
    // Both have one: here. Then the other has fewer.
    create(&mut client, "second", a).await;
    create(&mut client, "third", b).await;
    let mut there = b.client("ann").await;
    assert_eq!(there.ask("join third").await, "ok third");
    assert_eq!(
        there.ask("create two words").await.split(':').next(),
        Some("error the handler failed")
    );
}

/// The whole course of a SIGTERM, as its clients see it.
#[tokio::test]
async fn on_sigterm_clients_go_on_and_are_told_to_move() {
    let mut servers = servers(2, "60").await;
    let b = servers.pop().unwrap();
    let mut a = servers.pop().unwrap();
    let (mut ann, mut bob) = (a.client("ann").await, a.client("bob").await);
    let mut cem = b.client("cem").await;
    assert_eq!(ann.ask("join room-0").await, "ok room-0");
    for client in [&mut ann, &mut cem] {
        assert_eq!(client.ask("group friends").await, "ok friends");
    }

    a.process.terminate();

    // Its connected clients are told to reconnect, and where.
    let elsewhere = format!("reconnect {}", b.tcp);
    for client in [&mut ann, &mut bob] {
        assert_eq!(client.hear().await.unwrap(), elsewhere);
    }
    // They go on joining …
    assert_eq!(bob.ask("join room-0").await, "ok room-0");
    assert_eq!(bob.ask("group friends").await, "ok friends");
    // … and talking, in the room and with other servers.
    bob.say("say still here").await;
    for client in [&mut ann, &mut bob] {
        assert_eq!(client.hear().await.unwrap(), "room room-0 bob: still here");
    }
    for (speaker, line) in [(0, "group friends bob: hi"), (1, "group friends cem: hi")] {
        [&mut bob, &mut cem][speaker].say("tell friends hi").await;
        for client in [&mut ann, &mut bob, &mut cem] {
            assert_eq!(client.hear().await.unwrap(), line);
        }
    }
    // They can't make a room or a group.
    let refusal = "error the node is offline: it accepts neither clients nor rooms";
    assert_eq!(ann.ask("create another").await, refusal);
    assert_eq!(ann.ask("group others").await, refusal);
    // New connections are refused, and told where to go.
    let mut late = Lines::connect(&a.tcp).await;
    assert_eq!(late.hear().await.unwrap(), format!("refused {}", b.tcp));
    assert_eq!(late.hear().await, None);

    // The other process finds the only server that is left, although the first has as few rooms.
    for room in ["one", "two"] {
        create(&mut cem, room, &b).await;
    }

    // Its clients move, one by one, and go on there.
    drop(bob);
    assert!(!a.process.has_ended(), "ann is still here");
    let mut ann_there = b.client("ann").await;
    assert_eq!(ann_there.ask("join one").await, "ok one");
    assert_eq!(ann.ask("leave").await, "ok room-0");
    drop(ann);
    assert_eq!(a.process.end().await.code(), Some(0));

    // The other knows, and talks on without it.
    let address = &b.tcp;
    let rooms = ["one", "room-1", "two"].map(|room| format!("{address} {room}"));
    assert_eq!(list(&mut cem, "rooms").await, rooms);
    assert_eq!(
        cem.ask("tell friends alone").await,
        "group friends cem: alone"
    );
}

/// Of three servers one goes offline and another makes a room on the remaining one, over the network.
#[tokio::test]
async fn a_room_is_made_by_request_on_the_server_that_remains() {
    let mut servers = servers(3, "60").await;
    let c = servers.pop().unwrap();
    let b = servers.pop().unwrap();
    let mut a = servers.pop().unwrap();
    let mut stays = a.client("ann").await;
    assert_eq!(stays.ask("join room-0").await, "ok room-0");
    a.process.terminate();
    assert!(stays.hear().await.unwrap().starts_with("reconnect "));

    // The one that goes has fewest rooms, and still gets none.
    let mut client = b.client("bob").await;
    until_listed(&mut client, &format!("{} offline 1", a.tcp)).await;
    create(&mut client, "first", &b).await;
    create(&mut client, "second", &c).await;
    let mut there = c.client("bob").await;
    assert_eq!(there.ask("join second").await, "ok second");
    assert!(!a.process.has_ended());
}

#[tokio::test]
async fn clients_that_stay_do_not_keep_the_process_beyond_the_timeout() {
    let servers = servers(2, "0.3").await;
    let mut iter = servers.into_iter();
    let (a, b) = (iter.next().unwrap(), iter.next().unwrap());
    let mut ann = a.client("ann").await;
    a.process.terminate();
    assert_eq!(ann.hear().await.unwrap(), format!("reconnect {}", b.tcp));
    assert_eq!(a.process.end().await.code(), Some(0));
    assert_eq!(ann.hear().await, None);
}

/// The rooms that `servers` makes have nobody in them: the timeout would hang the test.
#[tokio::test]
async fn a_server_without_clients_ends_at_once() {
    let mut servers = servers(2, &never()).await;
    let mut client = servers[1].client("ann").await;
    create(&mut client, "second", &servers[1]).await;
    // Made by request from elsewhere: no client of its own has ever been near it.
    create(&mut client, "third", &servers[0]).await;
    let a = servers.remove(0);
    a.process.terminate();
    assert_eq!(a.process.end().await.code(), Some(0));
}

#[tokio::test]
async fn the_last_server_has_nowhere_to_send_its_clients() {
    let a = Server::start(None, &never()).await;
    let mut ann = a.client("ann").await;
    a.process.terminate();
    assert_eq!(ann.hear().await.unwrap(), "reconnect");
    let mut late = Lines::connect(&a.tcp).await;
    assert_eq!(late.hear().await.unwrap(), "refused");
    drop((ann, late));
    assert_eq!(a.process.end().await.code(), Some(0));
}
