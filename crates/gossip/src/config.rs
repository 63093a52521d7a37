//! How fast the cluster notices, and what that costs.

use core::{
    num::{NonZeroU8, NonZeroUsize},
    time::Duration,
};

use thiserror::Error;

use crate::{
    limits::SWIM_PACKET_BYTES_MAX,
    suspicion::{Bounds, CONFIRMATIONS_MAX},
};

/// A set of values that fits a kind of network. Choose by the slowest path between any two nodes: the same profile for
/// all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// One machine, or tests: a crash is known after one to two seconds. Where round trips are well below 50 ms and no
    /// process is kept from running for as long as 100 ms; it costs about four times the datagrams of `Lan`.
    Local,
    /// One data centre: a crash is known after three to five seconds. Where round trips are below 100 ms, and processes
    /// may stand still for some hundred milliseconds, as virtual machines and garbage collectors let them.
    #[default]
    Lan,
    /// Several regions: a crash is known after twenty to forty seconds. Where round trips take some hundred
    /// milliseconds, paths lose datagrams for seconds, or nodes are frozen for as long.
    Wan,
}

/// Every knob of the membership core. Start from a [`Profile`]; each field says what it does and how to
/// choose it.
///
/// All nodes of a cluster should have the same values: nothing breaks when they differ, but the quickest
/// node's suspicion decides for all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GossipConfig {
    /// How often one peer is probed, in turn. The load of probing is one ping each period for each node,
    /// whatever the size of the cluster; detection takes a few periods. Choose a fraction of the time in which
    /// a crash must be known, and not less than processes may stand still without being called dead. At least
    /// twice [`probe_timeout`](Self::probe_timeout), so that the indirect probes have as long. (SWIM, section
    /// 4.3, T'.)
    pub probe_period: Duration,
    /// How long to wait for a direct answer before others are asked to probe. Choose a high quantile of the
    /// round trip, with room for a scheduling delay at both ends: too short only costs needless indirect
    /// probes.
    pub probe_timeout: Duration,
    /// How many others are asked to probe. Three to five get past a bad path; more only costs. (SWIM,
    /// section 4.1, k.)
    pub indirect_probes: u8,
    /// How long a suspect has to show that it lives once others have confirmed the suspicion: this many
    /// probe periods, times log10 of the cluster's size. More forgives longer pauses, less notices crashes
    /// sooner. From 1 to 20. (Lifeguard's α.)
    pub suspicion_multiplier: u8,
    /// How many times as long it has while nobody confirms it. More protects against a node that is itself
    /// cut off or overloaded and suspects everybody; crashes are noticed as soon either way, except by who
    /// is alone in it. From 1 to 20. (Lifeguard's β.)
    pub suspicion_stretch: u8,
    /// How often news is passed on while there is any. News takes about log(size) of these to reach
    /// everybody: choose so that this fits well into the time a suspect has to refute it. Shorter costs
    /// datagrams only while there is news. At most the probe period.
    pub gossip_interval: Duration,
    /// How many peers each round of news goes to. From 1 to 16; three or four reach everybody quickly
    /// without telling everybody everything twice.
    pub gossip_fanout: u8,
    /// How often a random peer's knowledge is compared with our own in clusters of up to 32; more rarely
    /// in larger ones, by the logarithm of the size. What news missed is repaired after a few of these: choose
    /// how long a few nodes may have an old picture after heavy loss.
    pub sync_interval: Duration,
    /// How often a few failed nodes are called, in case they or the network are back. A partition heals
    /// after about one of these, in a large cluster sooner, since one call across is enough. Choose how long
    /// both sides may stay apart once they could meet; it costs a few datagrams while somebody has failed.
    pub rejoin_interval: Duration,
    /// How often a leave is repeated to those that have not confirmed it: choose a few round trips. At most
    /// [`leave_timeout`](Self::leave_timeout).
    pub leave_repeat: Duration,
    /// How long a leave waits to be confirmed. Part of every shutdown while some peer does not answer, so
    /// choose it well below what the service manager grants, and enough for ten repetitions.
    pub leave_timeout: Duration,
    /// How long gone nodes, those that left and those that failed, stay listed and are kept from being taken for alive
    /// by hearsay. Choose longer than any network outage that should heal by itself: whoever is forgotten is called no
    /// more, and found again by seeds only. At least ten times the longest suspicion.
    pub forget_after: Duration,
}

/// A configuration in which every value is within its bounds and fits the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidGossipConfig(GossipConfig);

/// Why a configuration was refused: the caller's values, which can be mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A duration is outside what makes sense.
    #[error("{field} is {value:?}, outside {min:?} to {max:?}")]
    DurationOutOfBounds {
        /// Which field.
        field: &'static str,
        /// Its value.
        value: Duration,
        /// The least it may be.
        min: Duration,
        /// The most it may be.
        max: Duration,
    },
    /// A count is outside what makes sense.
    #[error("{field} is {value}, outside {min} to {max}")]
    CountOutOfBounds {
        /// Which field.
        field: &'static str,
        /// Its value.
        value: u8,
        /// The least it may be.
        min: u8,
        /// The most it may be.
        max: u8,
    },
}

const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// log10 of the largest cluster, rounded up: how far suspicion stretches.
const LOG_MEMBERS_MAX: u32 = 5;
/// How much longer than the longest suspicion a gone node is remembered.
const FORGET_FACTOR: u32 = 10;

impl GossipConfig {
    /// The values of a profile.
    #[must_use]
    pub const fn new(profile: Profile) -> Self {
        match profile {
            Profile::Local => Self {
                probe_period: Duration::from_millis(250),
                probe_timeout: Duration::from_millis(100),
                indirect_probes: 3,
                suspicion_multiplier: 2,
                suspicion_stretch: 8,
                gossip_interval: Duration::from_millis(50),
                gossip_fanout: 3,
                sync_interval: Duration::from_millis(250),
                rejoin_interval: Duration::from_secs(1),
                leave_repeat: Duration::from_millis(25),
                leave_timeout: Duration::from_secs(1),
                forget_after: Duration::from_secs(60 * 60),
            },
            Profile::Lan => Self {
                probe_period: Duration::from_secs(1),
                probe_timeout: Duration::from_millis(500),
                indirect_probes: 3,
                suspicion_multiplier: 1,
                suspicion_stretch: 10,
                gossip_interval: Duration::from_millis(200),
                gossip_fanout: 3,
                sync_interval: Duration::from_secs(2),
                rejoin_interval: Duration::from_secs(10),
                leave_repeat: Duration::from_millis(100),
                leave_timeout: Duration::from_secs(2),
                forget_after: Duration::from_secs(60 * 60),
            },
            Profile::Wan => Self {
                probe_period: Duration::from_secs(5),
                probe_timeout: Duration::from_millis(2_500),
                indirect_probes: 3,
                suspicion_multiplier: 2,
                suspicion_stretch: 6,
                gossip_interval: Duration::from_millis(500),
                gossip_fanout: 4,
                sync_interval: Duration::from_secs(5),
                rejoin_interval: Duration::from_secs(30),
                leave_repeat: Duration::from_millis(400),
                leave_timeout: Duration::from_secs(5),
                forget_after: Duration::from_secs(60 * 60),
            },
        }
    }

    /// Checks every value and how they fit together.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the first field that is out of bounds, its value and the bounds.
    pub fn validate(self) -> Result<ValidGossipConfig, ConfigError> {
        duration("probe_period", self.probe_period, SHORTEST * 2, LONGEST)?;
        duration(
            "probe_timeout",
            self.probe_timeout,
            SHORTEST,
            self.probe_period / 2,
        )?;
        duration(
            "gossip_interval",
            self.gossip_interval,
            SHORTEST,
            self.probe_period,
        )?;
        duration("sync_interval", self.sync_interval, SHORTEST, LONGEST)?;
        duration("rejoin_interval", self.rejoin_interval, SHORTEST, LONGEST)?;
        duration("leave_timeout", self.leave_timeout, SHORTEST, LONGEST)?;
        duration(
            "leave_repeat",
            self.leave_repeat,
            SHORTEST,
            self.leave_timeout,
        )?;
        count("indirect_probes", self.indirect_probes, 1, 16)?;
        count("suspicion_multiplier", self.suspicion_multiplier, 1, 20)?;
        count("suspicion_stretch", self.suspicion_stretch, 1, 20)?;
        count("gossip_fanout", self.gossip_fanout, 1, 16)?;
        let longest_suspicion = self.probe_period
            * u32::from(self.suspicion_multiplier)
            * LOG_MEMBERS_MAX
            * u32::from(self.suspicion_stretch);
        duration(
            "forget_after",
            self.forget_after,
            longest_suspicion * FORGET_FACTOR,
            LONGEST * 365,
        )?;
        Ok(ValidGossipConfig(self))
    }
}

impl Default for GossipConfig {
    fn default() -> Self {
        Self::new(Profile::default())
    }
}

impl From<Profile> for ValidGossipConfig {
    fn from(profile: Profile) -> Self {
        Self(GossipConfig::new(profile))
    }
}

impl ValidGossipConfig {
    /// The values.
    pub const fn get(&self) -> &GossipConfig {
        &self.0
    }

    /// How often a piece of news is sent before it is dropped, for a cluster of `size`.
    ///
    /// Infection is complete with high probability after a multiple of log(size) transmissions by each
    /// infected node (SWIM, section 4.1); four as in memberlist. Five is the least that loss leaves alone.
    pub(crate) fn news_transmissions(&self, size: usize) -> u8 {
        let transmissions = (log10_milli(size + 1) * 4).div_ceil(1_000).max(5);
        u8::try_from(transmissions).unwrap_or(u8::MAX)
    }

    /// How long a suspect has to show that it lives, in a cluster of `size`. (Lifeguard, section III-B.)
    pub(crate) fn suspicion(&self, size: usize) -> Bounds {
        let periods_milli = log10_milli(size).max(1_000) * u32::from(self.0.suspicion_multiplier);
        let min = self.0.probe_period * periods_milli / 1_000;
        Bounds {
            min,
            max: min * u32::from(self.0.suspicion_stretch),
            confirmations: size.saturating_sub(2).min(CONFIRMATIONS_MAX),
        }
    }

    /// How often knowledge is compared in a cluster of `size`, so that the load of it on each node grows
    /// with the logarithm of the size.
    pub(crate) fn sync_interval(&self, size: usize) -> Duration {
        const FULL_RATE_UP_TO: usize = 32;
        let doublings = size.div_ceil(FULL_RATE_UP_TO).max(1).ilog2();
        self.0.sync_interval * (1 + doublings)
    }

    /// How long a node that is shutting down may be unheard of before it counts as failed although its
    /// goodbye may be on its way: two rounds of comparing knowledge.
    pub(crate) fn goodbye_grace(&self, size: usize) -> Duration {
        self.sync_interval(size) * 2
    }

    /// What foca is to do in a cluster of `size`. Announcing to members, gone ones too, is not among it:
    /// anti-entropy does that in full.
    pub(crate) fn for_foca(&self, size: usize) -> foca::Config {
        let fanout = usize::from(self.0.gossip_fanout);
        foca::Config {
            probe_period: self.0.probe_period,
            probe_rtt: self.0.probe_timeout,
            num_indirect_probes: at_least_one(usize::from(self.0.indirect_probes)),
            max_transmissions: NonZeroU8::new(self.news_transmissions(size))
                .unwrap_or(NonZeroU8::MIN),
            suspect_to_down_after: self.suspicion(size).max,
            remove_down_after: Some(self.0.forget_after),
            max_packet_size: at_least_one(SWIM_PACKET_BYTES_MAX),
            notify_down_members: true,
            periodic_announce: None,
            periodic_announce_to_down_members: None,
            periodic_gossip: Some(foca::PeriodicParams {
                frequency: self.0.gossip_interval,
                num_members: at_least_one(fanout),
            }),
        }
    }
}

fn at_least_one(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN)
}

/// log10 in thousandths, at most 26 of them below the true value: exact at powers of two, straight lines
/// between them.
fn log10_milli(number: usize) -> u32 {
    const LOG10_OF_2_IN_100_000THS: usize = 30_103;
    let number = number.max(1);
    let power = number.ilog2();
    let above = ((number - (1 << power)) * 1_000) >> power;
    let log2_milli = power as usize * 1_000 + above;
    u32::try_from(log2_milli * LOG10_OF_2_IN_100_000THS / 100_000).unwrap_or(u32::MAX)
}

fn duration(
    field: &'static str,
    value: Duration,
    min: Duration,
    max: Duration,
) -> Result<(), ConfigError> {
    if (min..=max).contains(&value) {
        Ok(())
    } else {
        Err(ConfigError::DurationOutOfBounds {
            field,
            value,
            min,
            max,
        })
    }
}

fn count(field: &'static str, value: u8, min: u8, max: u8) -> Result<(), ConfigError> {
    if (min..=max).contains(&value) {
        Ok(())
    } else {
        Err(ConfigError::CountOutOfBounds {
            field,
            value,
            min,
            max,
        })
    }
}
