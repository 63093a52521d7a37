//! Versions of an application that do not work together never get a session, whoever greets whom.

mod common;

use common::{FAIR, Node, Weather, World, addr, config, ms};
use hobnob_session::{Dropped, Event, FailedReason, SessionConfig};
use hobnob_wire::{AppRelease, RefuseReason};

fn release(version: &str, compatible_with: &str) -> AppRelease {
    AppRelease {
        version: version.parse().ok(),
        compatible_with: compatible_with.parse().ok(),
    }
}

/// Nodes that declare these.
fn world(releases: &[AppRelease], seed: u64, weather: Weather) -> World {
    let mut world = World::new(0, seed, weather);
    for (number, release) in releases.iter().enumerate() {
        let config = SessionConfig {
            release: *release,
            ..config(1)
        };
        let node = Node::new(number, config, seed + number as u64, world.now);
        world.nodes.push(node);
    }
    world
}

fn is_established(world: &World, by: usize, with: usize) -> bool {
    let sessions = &world.nodes[by].sessions;
    let remote = sessions
        .peer_at(addr(with))
        .and_then(|peer| sessions.remote(peer));
    remote.is_some_and(|remote| remote.is_established)
}

#[test]
fn either_sides_declaration_is_enough_and_the_reason_is_told_to_both() {
    let old = release("1.4", "");
    for (one, other) in [
        (old, release("2.0", "2..3")),
        (release("1.4", "1..2"), release("2.0", "")),
        (release("1.4", "1..2"), release("2.0", "2..3")),
        // Who names no version is in no range.
        (release("", ""), release("2.0", "1..")),
    ] {
        for (greets, greeted) in [(0, 1), (1, 0)] {
            let releases = [one, other];
            let mut world = world(&releases, 3, FAIR);
            let peer = world.connect(greets, addr(greeted));
            world.run_for(ms(10));
            let failed = Event::Failed {
                peer,
                addr: addr(greeted),
                reason: FailedReason::Refused(RefuseReason::Incompatible {
                    release: releases[greeted],
                }),
            };
            let stranger = Event::Stranger {
                addr: addr(greets),
                reason: RefuseReason::Incompatible {
                    release: releases[greets],
                },
            };
            assert_eq!(world.nodes[greets].events, [failed]);
            assert_eq!(world.nodes[greeted].events, [stranger]);
            assert_eq!(world.nodes[greeted].drops, [Dropped::Incompatible]);
            assert_eq!(world.nodes[greeted].sessions.places_taken(), 0);
            assert_eq!(world.sent.len(), 2, "a hello and its refusal");
        }
    }
}

#[test]
fn versions_that_work_together_get_a_session() {
    for (one, other) in [
        (release("", ""), release("", "")),
        (release("1.4", ""), release("2.0", "")),
        (release("1.4", "1..3"), release("2.0", "1.4..3")),
        (
            release("1.4-rc1", "1.4.0.."),
            release("1.4+build", "..1.4.1"),
        ),
    ] {
        let mut world = world(&[one, other], 4, FAIR);
        world.connect(0, addr(1));
        world.run_for(ms(10));
        assert!(is_established(&world, 0, 1), "{one} and {other}");
    }
}

/// Both greet at the same moment, with losses: neither side ever takes the other.
#[test]
fn no_weather_lets_them_in() {
    for seed in 0..200 {
        let weather = Weather {
            loss: 30,
            duplication: 10,
            delay_ms: 40,
        };
        let releases = [release("1.4", ""), release("2.0", "2..")];
        let mut world = world(&releases, seed, weather);
        world.connect(0, addr(1));
        world.connect(1, addr(0));
        for _ in 0..100 {
            world.run_for(ms(100));
            assert!(!is_established(&world, 0, 1), "seed {seed}");
            assert!(!is_established(&world, 1, 0), "seed {seed}");
        }
    }
}
