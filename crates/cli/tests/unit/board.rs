use std::net::SocketAddr;
use std::time::Duration;

use super::{Board, MAX_NOTES, Round, Row, Sent, Update};
use crate::api::EventLine;

const ADDRESSES: [&str; 2] = ["127.0.0.1:4001", "127.0.0.1:4002"];

fn board() -> Board {
    let rows = ADDRESSES.iter().enumerate().map(|(i, address)| {
        let address: SocketAddr = address.parse().expect("an address");
        Row::new(&format!("node-{i}"), "udp", address)
    });
    Board::new(rows.collect())
}

fn event(event: &str, node: usize, state: &str) -> Update {
    let line = format!(
        r#"{{"event":"{event}","from":"online","address":"{}","type":"udp","state":"{state}",
            "name":null,"generation":1,"me":false}}"#,
        ADDRESSES[node]
    );
    let line: EventLine = serde_json::from_str(&line).expect("an event");
    Update::Event(Box::new(line))
}

#[test]
fn rows_follow_the_events() {
    let mut board = board();
    assert!(!board.everyone_is_online());
    board.apply(event("present", 0, "online"));
    board.apply(event("up", 1, "online"));
    assert!(board.everyone_is_online());
    board.apply(event("state", 1, "offline"));
    assert!(!board.everyone_is_online() && !board.is_gone(1));
    board.apply(event("left", 1, "left"));
    assert!(board.is_gone(1) && !board.is_gone(0));

    let notes: Vec<&str> = board.last_notes(10).collect();
    let told = [
        "up        127.0.0.1:4002 (udp, 127.0.0.1:4002) online, generation 1",
        "state     127.0.0.1:4002 (udp, 127.0.0.1:4002) online -> offline",
        "left      127.0.0.1:4002 (udp, 127.0.0.1:4002)",
    ];
    assert_eq!(notes, told);
}

#[test]
fn only_a_clean_end_counts_as_left() {
    let mut board = board();
    board.apply(event("left", 1, "left"));
    board.ended(1, None);
    assert!(
        board
            .last_notes(1)
            .eq(["node-1 did not leave in time and was killed"])
    );
    assert!(!board.all_left());
    assert!(
        board.summary().starts_with("0 of 2 nodes left"),
        "{}",
        board.summary()
    );
}

#[test]
fn rounds_are_counted_and_told() {
    let mut board = board();
    let sent = Sent {
        node_type: "udp".to_owned(),
        delivered: 1,
        failed: 1,
    };
    board.apply(Update::Round(Round {
        from: 0,
        echoes: vec![
            (1, Ok(Duration::from_micros(250))),
            (1, Err("timed out".to_owned())),
        ],
        sent: Some(sent),
    }));
    board.apply(Update::Received { node: 1, count: 1 });
    let told =
        "node-0 asked node-1 0.25 ms, node-1 failed: timed out, told 1 of type udp, 1 not reached";
    assert!(board.last_notes(1).eq([told]));
    assert_eq!(
        board.summary(),
        "0 of 2 nodes left; 1 echoes (median 0.25 ms), 1 failed, 1 of 1 messages counted"
    );
}

#[test]
fn old_notes_are_forgotten_and_none_is_told_twice() {
    let mut board = board();
    board.note("first".to_owned());
    let (notes, seen) = board.notes_since(0);
    assert!(notes.eq(["first"]));
    let (mut notes, seen) = board.notes_since(seen);
    assert_eq!((notes.next(), seen), (None, 1));
    drop(notes);

    for number in 0..MAX_NOTES + 10 {
        board.note(number.to_string());
    }
    let (notes, seen) = board.notes_since(seen);
    let notes: Vec<&str> = notes.collect();
    assert_eq!((notes.len(), notes[0]), (MAX_NOTES, "10"));
    assert_eq!(seen, 1 + MAX_NOTES + 10);
}
