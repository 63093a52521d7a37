//! Profiles and their bounds, and what the quiet cluster costs.

use std::time::Duration;

use hobnob_gossip::{ConfigError, GossipConfig, Profile, ValidGossipConfig};

use crate::net::{Net, Weather};

#[test]
fn every_profile_is_within_its_own_bounds() {
    for profile in [Profile::Local, Profile::Lan, Profile::Wan] {
        let checked = GossipConfig::new(profile).validate();
        assert_eq!(checked, Ok(ValidGossipConfig::from(profile)));
    }
}

#[test]
fn values_out_of_bounds_are_refused_by_name() {
    let refused = |change: fn(&mut GossipConfig)| {
        let mut config = GossipConfig::default();
        change(&mut config);
        match config.validate() {
            Err(
                ConfigError::DurationOutOfBounds { field, .. }
                | ConfigError::CountOutOfBounds { field, .. },
            ) => field,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(|c| c.probe_period = Duration::ZERO), "probe_period");
    assert_eq!(
        refused(|c| c.probe_timeout = c.probe_period),
        "probe_timeout"
    );
    assert_eq!(
        refused(|c| c.gossip_interval = c.probe_period * 2),
        "gossip_interval"
    );
    assert_eq!(
        refused(|c| c.sync_interval = Duration::ZERO),
        "sync_interval"
    );
    assert_eq!(
        refused(|c| c.rejoin_interval = Duration::MAX),
        "rejoin_interval"
    );
    assert_eq!(
        refused(|c| c.leave_repeat = c.leave_timeout * 2),
        "leave_repeat"
    );
    assert_eq!(
        refused(|c| c.leave_timeout = Duration::ZERO),
        "leave_timeout"
    );
    assert_eq!(refused(|c| c.indirect_probes = 0), "indirect_probes");
    assert_eq!(
        refused(|c| c.suspicion_multiplier = 21),
        "suspicion_multiplier"
    );
    assert_eq!(refused(|c| c.gossip_fanout = 0), "gossip_fanout");
    assert_eq!(refused(|c| c.forget_after = c.probe_period), "forget_after");
}

/// What a node of a quiet cluster sends each second: a ping, an ack, and now and then a summary of what it knows.
/// It does not grow with the cluster.
#[test]
fn a_quiet_cluster_is_nearly_silent() {
    for size in [16, 64, 160] {
        let mut net = Net::with_config(1, Weather::CALM, Profile::Lan.into());
        for index in 0..size {
            net.add(index, 1_000);
        }
        net.join_all();
        net.run_for(Duration::from_secs(20));
        let (payloads, bytes) = (net.payloads_sent, net.bytes_sent);
        net.run_for(Duration::from_secs(60));
        let in_a_minute = |count: u64| count / size as u64;
        let payloads = in_a_minute(net.payloads_sent - payloads);
        let bytes = in_a_minute(net.bytes_sent - bytes);
        assert!(payloads <= 156, "{size} nodes: {payloads}");
        assert!(bytes <= 6_000, "{size} nodes: {bytes}");
    }
}

#[test]
fn a_crash_is_noticed_under_the_other_profiles_too() {
    for (profile, limit_secs) in [(Profile::Lan, 30), (Profile::Wan, 180)] {
        let mut net = Net::with_config(2, Weather::CALM, profile.into());
        for index in 0..12 {
            net.add(index, 1_000);
        }
        net.join_all();
        net.stop(3);
        net.run_until(Duration::from_secs(limit_secs), |net| {
            net.all_see(3, hobnob_gossip::NodeState::Failed)
        });
    }
}
