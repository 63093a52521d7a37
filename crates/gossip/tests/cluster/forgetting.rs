//! Forgetting by hand who is gone.

use std::time::Duration;

use hobnob_gossip::{ForgetError, NodeState};

use crate::net::{Net, Weather, addr};

const SECOND: Duration = Duration::from_secs(1);

/// A cluster of 16, of which 3 has failed and 4 has left.
fn with_gone(seed: u64, loss: u32) -> Net {
    let mut net = Net::joined(seed, Weather::lossy(loss), 16);
    net.leave(4);
    net.run_for(3 * SECOND);
    net.stop(3);
    net.stop(4);
    net.run_until(60 * SECOND, |net| net.all_see(3, NodeState::Failed));
    assert!(net.all_see(4, NodeState::Left));
    net
}

fn forget(net: &mut Net, by: usize, whom: usize) -> Result<(), ForgetError> {
    let forgotten = net.with(by, |gossip, now| gossip.forget(now, addr(whom)));
    forgotten.map(|identity| assert_eq!(identity.addr, addr(whom)))
}

#[test]
fn what_one_node_forgets_all_that_can_be_reached_forget() {
    for loss in [0, 30] {
        for seed in 0..10 {
            let mut net = with_gone(seed, loss);
            let living = || (0..16).filter(|by| ![3, 4].contains(by));
            forget(&mut net, 0, 3).expect("it has failed");
            forget(&mut net, 9, 4).expect("it has left");
            assert_eq!((net.state(0, 3), net.state(9, 4)), (None, None), "at once");
            net.run_for(3 * SECOND);
            for by in living() {
                let seen = (net.state(by, 3), net.state(by, 4));
                assert_eq!(seen, (None, None), "seed {seed}, loss {loss}, at {by}");
            }
            // Nothing that is compared afterwards brings them back.
            net.run_for(30 * SECOND);
            assert!(living().all(|by| net.hosts[by].gossip.nodes().count() == 13));
        }
    }
}

#[test]
fn who_was_cut_off_keeps_it_and_brings_it_back_to_nobody() {
    let mut net = with_gone(1, 0);
    net.partition(|index| u8::from(index == 7));
    forget(&mut net, 0, 3).expect("it has failed");
    net.run_for(8 * SECOND);
    net.partition(|_| 0);
    net.run_for(60 * SECOND);
    assert_eq!(net.state(7, 3), Some(NodeState::Failed));
    let others = (0..16).filter(|by| ![3, 4, 7].contains(by));
    for by in others {
        assert_eq!(net.state(by, 3), None, "at {by}");
    }
}

#[test]
fn only_who_is_gone_can_be_forgotten() {
    let mut net = with_gone(2, 0);
    let refused = forget(&mut net, 0, 5);
    let (addr, state) = (addr(5), NodeState::Online);
    assert_eq!(refused, Err(ForgetError::NotGone { addr, state }));
    let addr = crate::net::addr(0);
    assert_eq!(forget(&mut net, 0, 0), Err(ForgetError::Own { addr }));
    let addr = crate::net::addr(77);
    assert_eq!(forget(&mut net, 0, 77), Err(ForgetError::Unknown { addr }));
    assert_eq!(net.state(0, 5), Some(NodeState::Online));
}

#[test]
fn who_was_forgotten_and_is_there_after_all_is_met_again() {
    let mut net = with_gone(3, 0);
    forget(&mut net, 0, 3).expect("it has failed");
    net.run_for(3 * SECOND);
    net.restart(3, 2_000);
    net.announce(3, 0);
    net.run_until(10 * SECOND, |net| net.all_see(3, NodeState::Online));
}
