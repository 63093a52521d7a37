//! From what was set to a node that runs.

use std::{env, net::SocketAddr, sync::Arc, time::Duration};

use hobnob_endpoint::{
    Endpoint, EndpointConfig,
    gossip::{GossipConfig, Metadata, MetadataError, MetadataFields},
    messaging,
};

use super::{MeshBuilder, Settings, StartError};
use crate::{
    driver::{self, Shared},
    ground::Ground,
    mesh::Mesh,
    peers::{self, Remembered},
    seeds, stats, values,
    view::Holding,
};

/// How long a shutdown waits for permits unless told otherwise.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// As many of the largest messages find room in the queue to a peer, and where they are put together: one that lost
/// pieces is not dropped for the next.
const LARGEST_MESSAGES: usize = 4;

/// Probe periods in which nothing may have changed before a view does: that none of them has one of the crashed nodes
/// probed, which in each has a chance of 1/e, happens to less than one in a hundred.
const VIEW_QUIET_PERIODS: u32 = 5;

/// Probe periods for which a view's change is held back at most: the suspicions of a large cluster, and one after.
const VIEW_HELD_PERIODS_MAX: u32 = 30;

/// Overrides the shutdown timeout, in seconds.
const SHUTDOWN_TIMEOUT_VARIABLE: &str = "HOBNOB_SHUTDOWN_TIMEOUT";

impl MeshBuilder {
    /// Binds the socket and starts the node as a task of the current tokio runtime.
    ///
    /// # Errors
    ///
    /// [`StartError`], one line that says what is wrong and what to do.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime whose I/O and time drivers are enabled.
    // Async although it waits for nothing yet, so that it may: the system's resolver, a sealed handshake.
    #[allow(clippy::unused_async, reason = "callers already await it")]
    pub async fn start(self) -> Result<Mesh, StartError> {
        let shutdown_timeout = self.checked_shutdown_timeout()?;
        let holding = self.checked_holding()?;
        seeds::check(&self.seeds)?;
        let metadata = self.metadata()?;
        check_release(&metadata)?;
        let ground = match &self.machine {
            Some(machine) => Ground::simulated(machine),
            None => Ground::system(self.bind)?,
        };
        let address = self.checked_address(ground.bound)?;
        let mut config = EndpointConfig {
            cluster: cluster_id(&self.app),
            datagram_bytes: self.datagram_bytes,
            gossip: self.gossip(),
            ..EndpointConfig::new(address, ground.generation, metadata)
        };
        self.set_limits(&mut config.messaging);
        if let Some(bytes_max) = self.shared_bytes_max {
            config.shared.bytes_max = bytes_max;
        }
        if let Some(bytes) = ground.socket.receive_buffer_bytes() {
            config.messaging.receive_buffer_bytes = bytes;
        }
        let now = ground.clock.now();
        let mut endpoint = Endpoint::new(config, ground.seed, now)?;
        for (key, value) in &self.values {
            values::set(&mut endpoint, now, key, value)?;
        }
        let settings = Settings {
            address,
            datagram_bytes: self.datagram_bytes,
            message_bytes_max: self.message_bytes_max,
            request_timeout: self.request_timeout,
            shutdown_timeout,
            seeds: self.seeds,
            seed: ground.seed,
            holding,
        };
        let socket = Arc::new(ground.socket);
        let clock = ground.clock;
        let shared = Arc::new(Shared::new(endpoint, socket.clone(), clock, settings));
        tokio::spawn(driver::run(shared.clone(), socket));
        let remembered = self.peers_file.map(|path| {
            let remembered = Arc::new(Remembered::read(&path));
            tokio::spawn(peers::run(shared.clone(), path, remembered.clone()));
            remembered
        });
        tokio::spawn(seeds::run(shared.clone(), ground.resolver, remembered));
        if self.machine.is_none() {
            // A recorder is the whole process's, and cannot tell several nodes apart.
            tokio::spawn(stats::publish(shared.clone()));
        }
        Ok(Mesh::from_shared(shared))
    }

    fn gossip(&self) -> GossipConfig {
        let mut gossip = GossipConfig::new(self.profile);
        gossip.forget_after = self.forget_after.unwrap_or(gossip.forget_after);
        gossip
    }

    /// What depends on the size of messages grows with it, and never falls below its default.
    fn set_limits(&self, messaging: &mut messaging::Config) {
        let several = self.message_bytes_max.saturating_mul(LARGEST_MESSAGES);
        for bytes in [
            &mut messaging.queue_bytes_peer,
            &mut messaging.reassembly_bytes_peer,
            &mut messaging.reassembly_bytes_node,
        ] {
            *bytes = several.max(*bytes);
        }
        messaging.message_bytes_max = self.message_bytes_max;
        messaging.incoming_max = self.incoming_max.unwrap_or(messaging.incoming_max);
    }

    fn metadata(&self) -> Result<Metadata, MetadataError> {
        Metadata::new(MetadataFields {
            node_type: self.node_type.clone(),
            role: self.role.clone(),
            name: self.name.clone(),
            endpoint: Some(self.endpoint.clone()).filter(|endpoint| !endpoint.is_empty()),
            app: self.app.clone(),
            app_version: self.app_version.clone(),
            compatible_with: self.compatible_with.clone(),
        })
    }

    fn checked_address(&self, bound: SocketAddr) -> Result<SocketAddr, StartError> {
        if self.machine.is_some() {
            return Ok(bound);
        }
        let mut address = self.advertise.unwrap_or(bound);
        if address.port() == 0 {
            address.set_port(bound.port());
        }
        if !self.insecure
            && let Some(addr) = [bound, address]
                .into_iter()
                .find(|addr| !addr.ip().is_loopback())
        {
            return Err(StartError::Unsealed { addr });
        }
        if address.ip().is_unspecified() {
            return Err(StartError::Config {
                field: "advertise",
                value: address.to_string(),
                reason: "other nodes cannot reach it: advertise the address they should use".into(),
            });
        }
        Ok(address)
    }

    fn checked_holding(&self) -> Result<Holding, StartError> {
        let period = GossipConfig::new(self.profile).probe_period;
        let quiet = self.view_quiet.unwrap_or(period * VIEW_QUIET_PERIODS);
        let default = quiet.max(period * VIEW_HELD_PERIODS_MAX);
        let max = self.view_held_max.unwrap_or(default);
        if max < quiet {
            return Err(StartError::Config {
                field: "view_held_max",
                value: format!("{max:?}"),
                reason: format!(
                    "a change is held back for {quiet:?} anyway: give at least view_quiet"
                ),
            });
        }
        Ok(Holding { quiet, max })
    }

    fn checked_shutdown_timeout(&self) -> Result<Duration, StartError> {
        if let Some(timeout) = self.shutdown_timeout {
            return Ok(timeout);
        }
        if self.machine.is_some() {
            return Ok(SHUTDOWN_TIMEOUT);
        }
        let Ok(text) = env::var(SHUTDOWN_TIMEOUT_VARIABLE) else {
            return Ok(SHUTDOWN_TIMEOUT);
        };
        let seconds = text.parse::<f64>().ok();
        seconds
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .ok_or_else(|| StartError::Config {
                field: SHUTDOWN_TIMEOUT_VARIABLE,
                value: text,
                reason: "give a number of seconds, such as 10 or 0.5".into(),
            })
    }
}

/// A node whose own version is not in its own range would not see its likes.
fn check_release(metadata: &Metadata) -> Result<(), StartError> {
    let own = metadata.release();
    if own.is_compatible_with(own) {
        return Ok(());
    }
    let reason = match own.version {
        Some(version) => format!("the node's own version {version} is not among them"),
        None if metadata.app_version().is_empty() => {
            "the node names no version of its own: set one, such as 1.4.2".to_owned()
        }
        None => format!(
            "the node's own version is {:?}, which has no number to compare: set one, such as 1.4.2",
            metadata.app_version()
        ),
    };
    Err(StartError::Config {
        field: "compatible_with",
        value: metadata.compatible_with().to_owned(),
        reason,
    })
}

/// A number for an application's name: FNV-1a, 64 bits. Clusters are kept apart by it, not protected.
fn cluster_id(app: &str) -> u64 {
    app.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
