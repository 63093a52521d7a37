//! Which process a message reaches, and in which session.

mod common;

use common::{A, B, C, Handled, Mesh, addr, target};
use hobnob_endpoint::{
    CallError,
    messaging::{Event, Failure, Token},
    wire::{Generation, Instant},
};

#[test]
fn the_datagram_that_proves_a_session_is_handled_in_it() {
    let mut mesh = Mesh::new();
    mesh.send(A, target(B, None), 1);
    mesh.pass();
    assert_eq!(mesh.handled, [Handled { by: B, token: 1 }]);
    let sent = Event::Sent {
        token: Token(1),
        result: Ok(()),
    };
    assert_eq!(mesh.ended, [(A, sent)]);
}

#[test]
fn the_first_message_of_a_restarted_node_is_handled_once() {
    let mut mesh = Mesh::new();
    mesh.send(A, target(B, None), 1);
    mesh.pass();
    mesh.restart(B, Generation(2));
    mesh.send(B, target(A, None), 2);
    mesh.pass();
    // Whatever was not acknowledged comes again.
    mesh.wait();
    mesh.wait();
    let from_successor = Handled { by: A, token: 2 };
    assert_eq!(mesh.handled, [Handled { by: B, token: 1 }, from_successor]);
}

#[test]
fn a_call_to_a_successor_reaches_it_although_the_session_is_with_the_one_before() {
    let mut mesh = Mesh::new();
    mesh.join(A, C);
    mesh.join(B, C);
    mesh.send(A, target(B, Some(Generation(1))), 1);
    mesh.pass();
    mesh.is_cut = true;
    mesh.restart(B, Generation(2));
    mesh.join(B, C);
    while mesh.known(A, B) != Some(Generation(2)) {
        mesh.wait();
    }
    mesh.send(A, target(B, None), 2);
    mesh.send(A, target(B, Some(Generation(2))), 3);
    mesh.send(A, target(B, Some(Generation(2))), 4);
    mesh.is_cut = false;
    mesh.pass();
    let first = Handled { by: B, token: 1 };
    let later = [3, 4].map(|token| Handled { by: B, token });
    assert_eq!(mesh.handled, [&[first][..], &later].concat());
    let ended = |token, result| {
        let token = Token(token);
        (A, Event::Sent { token, result })
    };
    assert_eq!(
        mesh.ended,
        [
            ended(1, Ok(())),
            ended(2, Err(Failure::PeerRestarted)),
            ended(3, Ok(())),
            ended(4, Ok(())),
        ]
    );
}

#[test]
fn a_call_is_given_to_no_process_but_the_one_it_is_for() {
    let mut mesh = Mesh::new();
    mesh.send(A, target(B, Some(Generation(5))), 1);
    mesh.pass();
    assert_eq!(mesh.handled, []);
    let sent = Event::Sent {
        token: Token(1),
        // Whoever was met is an earlier one, so nobody has taken that one's place.
        result: Err(Failure::SessionLost),
    };
    assert_eq!(mesh.ended, [(A, sent)]);
}

#[test]
fn calls_to_an_earlier_process_than_others_wait_for_are_refused() {
    let mut mesh = Mesh::new();
    mesh.send(A, target(B, Some(Generation(5))), 1);
    let refused = mesh.try_send(A, target(B, Some(Generation(4))), 2);
    assert_eq!(refused, Err(CallError::PeerRestarted));
}

#[test]
fn what_a_dead_stranger_sent_in_order_is_given_out_without_what_was_lost() {
    let mut mesh = Mesh::new();
    hold(&mut mesh);
    mesh.is_cut = true;
    forget(mesh);
}

#[test]
fn to_who_has_left_a_dead_member_is_a_stranger() {
    let mut mesh = Mesh::new();
    mesh.join(A, B);
    hold(&mut mesh);
    mesh.is_cut = true;
    mesh.nodes[B].leave(mesh.now);
    forget(mesh);
}

/// Messages that come before their turn, as the first of the stream is lost.
fn hold(mesh: &mut Mesh) {
    mesh.send(A, target(B, None), 1);
    mesh.pass();
    mesh.is_cut = true;
    mesh.send_in_order(A, target(B, None), 2);
    mesh.pass();
    mesh.is_cut = false;
    mesh.send_in_order(A, target(B, None), 3);
    mesh.send_in_order(A, target(B, None), 4);
    mesh.pass();
    let first = Handled { by: B, token: 1 };
    assert_eq!(mesh.handled, [first], "what comes first is missing");
}

/// The sender falls silent for good.
fn forget(mut mesh: Mesh) {
    let is_known = |mesh: &Mesh| mesh.nodes[B].sessions().peer_at(addr(A)).is_some();
    while is_known(&mesh) {
        mesh.wait();
        let five_minutes = Instant::from_nanos(300_000_000_000);
        assert!(mesh.now < five_minutes, "it is kept for ever");
    }
    assert_eq!(
        mesh.handled,
        [1, 3, 4].map(|token| Handled { by: B, token })
    );
}

#[test]
fn a_relayed_message_for_whoever_is_there_reaches_the_successor() {
    let mut mesh = Mesh::new();
    mesh.relay(A, &[target(B, None)], 1);
    // A handshake, and the message is lost with the process that it was sent to.
    mesh.pass_from(A);
    mesh.pass_from(B);
    mesh.is_cut = true;
    mesh.pass_from(A);
    mesh.restart(B, Generation(2));
    mesh.is_cut = false;
    while mesh.reports.is_empty() {
        mesh.wait();
    }
    assert_eq!(mesh.handled, [Handled { by: B, token: 1 }]);
    assert_eq!(mesh.reports, [[Ok(())]]);
}
