//! Everything at once, at random, and then calm: whatever has happened, all come to know the same.

use std::time::Duration;

use hobnob_gossip::{DeclaredState, NodeState};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use crate::net::{Net, Weather, metadata_with_role};

const SIZE: usize = 10;

/// What is true of a host, whoever knows it.
#[derive(Clone, Copy, PartialEq)]
enum Truth {
    Running,
    /// Crashed or paused.
    Stopped,
    Left,
}

struct Storm {
    net: Net,
    rng: ChaCha8Rng,
    truth: [Truth; SIZE],
    generation: u64,
}

impl Storm {
    fn new(seed: u64) -> Self {
        Self {
            net: Net::joined(seed, Weather::CALM, SIZE),
            rng: ChaCha8Rng::seed_from_u64(seed),
            truth: [Truth::Running; SIZE],
            generation: 2_000,
        }
    }

    fn blow(&mut self) {
        let host = self.rng.random_range(0..SIZE);
        let running = self.truth[host] == Truth::Running;
        match self.rng.random_range(0..10) {
            0 if running => {
                self.net.stop(host);
                self.truth[host] = Truth::Stopped;
            }
            1 if self.truth[host] == Truth::Stopped => {
                self.net.resume(host);
                self.truth[host] = Truth::Running;
            }
            2 => self.restart(host),
            3 if running => {
                self.net.leave(host);
                self.truth[host] = Truth::Left;
            }
            4 if running => {
                let states = [
                    DeclaredState::Online,
                    DeclaredState::Taken,
                    DeclaredState::Offline,
                ];
                let state = states[self.rng.random_range(0..3)];
                self.net.declare(host, state);
            }
            5 if running => {
                let role: u64 = self.rng.random();
                let metadata = metadata_with_role(host, &role.to_string());
                self.net
                    .with(host, |gossip, now| gossip.set_metadata(now, metadata));
            }
            6 => {
                let islands: [u8; SIZE] = std::array::from_fn(|_| self.rng.random_range(0..2));
                self.net.partition(|index| islands[index]);
            }
            7 => self.net.partition(|_| 0),
            8 => self.net.weather = Weather::lossy(self.rng.random_range(0..50)),
            _ => {}
        }
        let pause = Duration::from_millis(self.rng.random_range(0..1_500));
        self.net.run_for(pause);
    }

    /// At a clock that may have been set back.
    fn restart(&mut self, host: usize) {
        self.generation += 10;
        let set_back = self.rng.random_range(0..3) == 0;
        let generation = if set_back { 7 } else { self.generation };
        self.net.restart(host, generation);
        self.truth[host] = Truth::Running;
    }

    /// The weather clears, and whoever is alone looks for company, as its owner would.
    fn calm(&mut self) {
        self.net.partition(|_| 0);
        self.net.weather = Weather::CALM;
        for _ in 0..60 {
            for host in 0..SIZE {
                if self.truth[host] == Truth::Running && self.net.hosts[host].gossip.is_alone() {
                    for other in (0..SIZE).filter(|other| *other != host) {
                        self.net.announce(host, other);
                    }
                }
            }
            self.net.run_for(Duration::from_millis(500));
        }
    }

    fn check(&self, seed: u64) {
        let running = || (0..SIZE).filter(|host| self.truth[*host] == Truth::Running);
        for by in running() {
            for whom in (0..SIZE).filter(|whom| *whom != by) {
                let seen = self.net.seen(by, whom);
                let context = || format!("seed {seed}: {by} sees {whom} as {seen:?}");
                match self.truth[whom] {
                    Truth::Running => {
                        let me = self.net.hosts[whom].gossip.me().as_ref();
                        assert_eq!(seen, Some(me), "{}", context());
                    }
                    // Who left while nobody was in reach has failed, or was never known.
                    Truth::Stopped | Truth::Left => {
                        assert!(
                            seen.is_none_or(|node| node.state.is_gone()),
                            "{}",
                            context()
                        );
                    }
                }
                if self.truth[whom] == Truth::Stopped {
                    let process = self.net.hosts[whom].gossip.me().identity;
                    let left = seen.is_some_and(|node| {
                        node.identity == process && node.state == NodeState::Left
                    });
                    assert!(!left, "{}", context());
                }
            }
        }
    }
}

#[test]
fn after_every_storm_all_know_the_same() {
    for seed in 0..40 {
        let mut storm = Storm::new(seed);
        for _ in 0..30 {
            storm.blow();
        }
        storm.calm();
        storm.check(seed);
    }
}
