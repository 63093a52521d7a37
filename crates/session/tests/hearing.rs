//! How well a node hears, by the gaps in what it gets.

mod common;

use core::time::Duration;

use common::{FAIR, World, addr, craft, craft_data, hello};
use hobnob_wire::{Handshake, SessionId};

/// A node with a session, and its id there.
fn listener() -> (World, SessionId) {
    let mut world = World::new(1, 8, FAIR);
    world.inject(0, addr(1), &craft(Handshake::Hello(hello(0x100, 1))));
    let id = common::as_ack(&world.sent[0].bytes).session;
    (world, id)
}

/// Somebody else begins a session.
fn meet(world: &mut World, caller: usize) -> SessionId {
    let sent = world.sent.len();
    let theirs = hello(0x1000 + caller as u64, 1);
    world.inject(0, addr(caller), &craft(Handshake::Hello(theirs)));
    common::as_ack(&world.sent[sent].bytes).session
}

fn come(world: &mut World, id: SessionId, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        let now = world.now;
        world.nodes[0].take(now, addr(1), &craft_data(id, number, b""));
    }
}

fn hears_badly(world: &World) -> bool {
    world.nodes[0].sessions.hears_badly(world.now)
}

/// One of five comes; after that for some time nothing is judged but what is noted anew.
fn deafen(world: &mut World, id: SessionId) -> u64 {
    come(world, id, (0..60).map(|step| 5 * step));
    world.now = world.now + Duration::from_secs(11);
    assert!(hears_badly(world));
    5 * 60
}

/// Where datagrams are sent at once, those that come may come in any order: that a later one was there already does
/// not make up for those that were lost in between.
#[test]
fn late_ones_in_a_row_are_no_sign_of_hearing_well() {
    let (mut world, id) = listener();
    let next = deafen(&mut world, id);
    come(&mut world, id, (0..10).rev().map(|step| next + 5 * step));
    assert!(hears_badly(&world), "four of five are lost");
}

/// Whoever holds the node for failed begins a session with it now and then, and says little in each. Those of which two
/// datagrams in a row came are no proof, beside those of which only the second one did.
#[test]
fn short_sessions_that_were_heard_in_full_count_with_those_that_were_not() {
    let (mut world, id) = listener();
    deafen(&mut world, id);
    for caller in 2..42 {
        let id = meet(&mut world, caller);
        let numbers = if caller % 5 == 0 { 0..2 } else { 1..2 };
        for number in numbers {
            let data = craft_data(id, number, b"");
            world.nodes[0].take(world.now, addr(caller), &data);
        }
    }
    assert!(hears_badly(&world), "four of five second ones came alone");
}

#[test]
fn twelve_in_a_row_are() {
    let (mut world, id) = listener();
    let next = deafen(&mut world, id);
    come(&mut world, id, next..next + 13);
    assert!(!hears_badly(&world));
}

/// In a large cluster a session may carry nothing for minutes, so what was lost while the node heard badly shows long
/// after it hears well again.
#[test]
fn what_was_lost_before_is_not_held_against_a_node_that_hears_well_again() {
    let (mut world, id) = listener();
    let callers: Vec<usize> = (2..12).collect();
    let ids: Vec<SessionId> = callers.iter().map(|of| meet(&mut world, *of)).collect();
    let say = |world: &mut World, number| {
        for (caller, id) in callers.iter().zip(&ids) {
            let data = craft_data(*id, number, b"");
            world.nodes[0].take(world.now, addr(*caller), &data);
        }
    };
    say(&mut world, 0);
    let next = deafen(&mut world, id);
    come(&mut world, id, next..next + 13);
    say(&mut world, 9);
    world.now = world.now + Duration::from_secs(11);
    assert!(!hears_badly(&world), "eight were lost in each before");

    for number in [18, 27, 36] {
        say(&mut world, number);
    }
    world.now = world.now + Duration::from_secs(11);
    assert!(hears_badly(&world), "and these later");
}

/// However mixed up they are: what comes late was not lost.
#[test]
fn disorder_is_not_loss() {
    let (mut world, id) = listener();
    for burst in 0..20 {
        come(&mut world, id, (10 * burst..10 * (burst + 1)).rev());
    }
    world.now = world.now + Duration::from_secs(11);
    assert!(!hears_badly(&world));
}
