//! Starts a node.

use std::{
    env, io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use hobnob_capsule::Value;
use hobnob_endpoint::{
    ConfigError, Endpoint, EndpointConfig,
    gossip::{GossipConfig, Metadata, MetadataError, MetadataFields, Profile},
    messaging,
    wire::limits::{DATAGRAM_BYTES_DEFAULT, MESSAGE_BYTES_DEFAULT},
};
use thiserror::Error;

use crate::{
    driver::{self, Shared},
    ground::Ground,
    mesh::Mesh,
    peers::{self, Remembered},
    seeds,
    simulation::Machine,
    stats,
    values::{self, SetValueError},
    view::Holding,
};

/// How long a call waits unless it says otherwise.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

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

/// What a running node keeps of its configuration.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) address: SocketAddr,
    pub(crate) datagram_bytes: usize,
    pub(crate) message_bytes_max: usize,
    pub(crate) request_timeout: Duration,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) seeds: Vec<String>,
    /// What random choices among nodes begin with.
    pub(crate) seed: u64,
    pub(crate) holding: Holding,
}

/// Why a node did not start. Nothing is left behind.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The port is taken.
    #[error(
        "{addr} is already in use: stop what uses it, or bind another port (0 picks a free one)"
    )]
    AddressInUse {
        /// What was to be bound.
        addr: SocketAddr,
    },
    /// The address is not this machine's.
    #[error(
        "{addr} is not an address of this machine: bind one of its own, or 0.0.0.0 and advertise one"
    )]
    AddressNotAvailable {
        /// What was to be bound.
        addr: SocketAddr,
    },
    /// The socket could not be made for another reason.
    #[error("cannot bind {addr}: {source}")]
    Bind {
        /// What was to be bound.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Datagrams are not sealed, and the address can be reached from other machines.
    #[error(
        "{addr} can be reached from other machines and datagrams are not sealed: bind a loopback address, or \
         set insecure = true where the network itself keeps strangers out"
    )]
    Unsealed {
        /// What was to be bound or advertised.
        addr: SocketAddr,
    },
    /// A field has a value no node can run with.
    #[error("{field} is {value}: {reason}")]
    Config {
        /// Which field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// What the node says of itself does not fit.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// A value it has from the start does not fit.
    #[error(transparent)]
    Value(#[from] SetValueError),
    /// The endpoint's configuration is wrong.
    #[error(transparent)]
    Endpoint(#[from] ConfigError),
    /// The system gives out no random numbers.
    #[error("the system gives out no random numbers")]
    NoEntropy,
}

/// Sets a node up. Made by [`Mesh::builder`].
#[derive(Clone, Debug)]
#[must_use = "a node does nothing until it is started"]
pub struct MeshBuilder {
    node_type: String,
    bind: SocketAddr,
    advertise: Option<SocketAddr>,
    role: String,
    name: String,
    endpoint: String,
    app: String,
    app_version: String,
    compatible_with: String,
    values: Vec<(String, Value)>,
    seeds: Vec<String>,
    peers_file: Option<PathBuf>,
    profile: Profile,
    forget_after: Option<Duration>,
    view_quiet: Option<Duration>,
    view_held_max: Option<Duration>,
    request_timeout: Duration,
    shutdown_timeout: Option<Duration>,
    datagram_bytes: usize,
    message_bytes_max: usize,
    incoming_max: Option<usize>,
    shared_bytes_max: Option<usize>,
    insecure: bool,
    machine: Option<Machine>,
}

macro_rules! text_setters {
    ($($(#[$doc:meta])* $field:ident;)*) => {
        $($(#[$doc])*
        pub fn $field(mut self, $field: impl Into<String>) -> Self {
            self.$field = $field.into();
            self
        })*
    };
}

impl MeshBuilder {
    pub(crate) const fn new(node_type: String) -> Self {
        Self {
            node_type,
            bind: SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            advertise: None,
            role: String::new(),
            name: String::new(),
            endpoint: String::new(),
            app: String::new(),
            app_version: String::new(),
            compatible_with: String::new(),
            values: Vec::new(),
            seeds: Vec::new(),
            peers_file: None,
            profile: Profile::Lan,
            forget_after: None,
            view_quiet: None,
            view_held_max: None,
            request_timeout: REQUEST_TIMEOUT,
            shutdown_timeout: None,
            datagram_bytes: DATAGRAM_BYTES_DEFAULT,
            message_bytes_max: MESSAGE_BYTES_DEFAULT,
            incoming_max: None,
            shared_bytes_max: None,
            insecure: false,
            machine: None,
        }
    }

    /// The UDP address to bind; port 0 picks a free one. `127.0.0.1:0` unless set.
    pub const fn bind(mut self, addr: SocketAddr) -> Self {
        self.bind = addr;
        self
    }

    /// The address under which the others reach this node: the bound one unless set. Needed when all
    /// addresses are bound. Datagrams must come from it.
    pub const fn advertise(mut self, addr: SocketAddr) -> Self {
        self.advertise = Some(addr);
        self
    }

    text_setters! {
        /// What the node does within its type; any string.
        role;
        /// A name that stays the same over restarts, also at another address: the node then takes the place of its past
        /// self. If a live node has the name already, this one is refused until that one is gone: see
        /// [`Mesh::refusal`].
        name;
        /// Where clients reach the node.
        endpoint;
    }

    /// Name of the application. Nodes of differently named applications never see each other, whatever seeds they have in
    /// common; nodes without one are of one application too.
    pub fn application(mut self, name: impl Into<String>) -> Self {
        self.app = name.into();
        self
    }

    /// Version of the application: any text. For [`compatible_with`](Self::compatible_with) one to three numbers count, as
    /// in `1.4.2`; what comes after them behind a `-` or `+` does not.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.app_version = version.into();
        self
    }

    /// The versions of the application that this node works with: from one on, up to and without another, as in `1.2..2`;
    /// either may be left out. All versions unless set.
    ///
    /// Two nodes of which either excludes the other never see each other, also where a third works with both: each is
    /// listed there, and only there. What is [shared](Mesh::shared) passes by way of such a third. A node that names no
    /// version is in no range. To replace a version by one that does not work with it, give the new one a range without
    /// the old one: old nodes need not know. [`Event::Incompatible`](crate::Event::Incompatible) tells both sides.
    ///
    /// ```
    /// # use hobnob::Mesh;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let rooms = Mesh::builder("rooms").application("game").version("2.1.0").compatible_with("2..3");
    /// let rooms = rooms.start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn compatible_with(mut self, versions: impl Into<String>) -> Self {
        self.compatible_with = versions.into();
        self
    }

    /// A value every other node can read from the start, as by [`Mesh::set_value`].
    pub fn value(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.values.push((key.into(), value.into()));
        self
    }

    /// An address, or a name and port, of a node that may be there already, as in `rooms.local:7400`. The node's
    /// own address among them is fine.
    ///
    /// A name is resolved again at each try, and all the addresses behind it are tried: the name of a headless service
    /// in Kubernetes is a seed for all its pods. A node without company tries its seeds at least every other second,
    /// for as long as it lives; one in company, twice a minute those that are missing.
    pub fn seed(mut self, seed: impl Into<String>) -> Self {
        self.seeds.push(seed.into());
        self
    }

    /// Several seeds.
    pub fn seeds<S: Into<String>>(mut self, seeds: impl IntoIterator<Item = S>) -> Self {
        self.seeds.extend(seeds.into_iter().map(Into::into));
        self
    }

    /// A file in which the node remembers its peers, so that a cluster that is restarted as a whole finds itself again
    /// without its seeds. Each node has its own, which needs not be there yet; its directory must. At most 256 addresses,
    /// written whenever a change of the membership has [settled](Self::view_quiet), by a rename. A damaged file is
    /// reported and written anew. None unless set.
    pub fn peers_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.peers_file = Some(path.into());
        self
    }

    /// How membership is timed: [`Profile::Lan`] unless set.
    pub const fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// How long nodes that left or failed stay listed as such, and are called in case they are back: an hour unless set.
    /// Choose longer than any outage that should heal by itself: whoever is forgotten is found again by seeds only. From
    /// ten times the longest suspicion, 500 s with [`Profile::Lan`], to a year. [`Mesh::forget`] does it by hand.
    pub const fn forget_after(mut self, time: Duration) -> Self {
        self.forget_after = Some(time);
        self
    }

    /// How long no member may have come, gone or been suspected before a change is shown as a new
    /// [`View`](crate::View): five probe periods unless set, which is 5 s with [`Profile::Lan`]. Nodes that crash
    /// together are found out one after the other, so choose longer than the gaps in between: in a probe period each
    /// of them is probed by one node on average. Shorter where a change must be seen soon and may be followed by more.
    pub const fn view_quiet(mut self, quiet: Duration) -> Self {
        self.view_quiet = Some(quiet);
        self
    }

    /// How long a change is held back at most while members keep coming and going, or one stays suspected: thirty
    /// probe periods unless set, and never less than the quiet time. Choose how long shards may lie with a node that
    /// is gone.
    pub const fn view_held_max(mut self, max: Duration) -> Self {
        self.view_held_max = Some(max);
        self
    }

    /// How long a call waits unless it says otherwise: 5 s unless set.
    pub const fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// How long a shutdown waits for permits to come back: `HOBNOB_SHUTDOWN_TIMEOUT` in seconds, else 10 s,
    /// unless set.
    pub const fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = Some(timeout);
        self
    }

    /// Bytes of the largest datagram, 1,200 to 65,000: 1,400 unless set. Choose the path's MTU less 48.
    pub const fn datagram_bytes(mut self, bytes: usize) -> Self {
        self.datagram_bytes = bytes;
        self
    }

    /// Bytes of the largest payload that is sent or accepted, 1 to almost 2^30: 16 MiB unless set. Each end of a
    /// message goes by its own; what is larger is refused as too large. Choose what the handlers really expect:
    /// any peer can make this node hold four such messages, and never less than 64 MiB. What nodes tell each other of
    /// what is shared goes by limits of its own.
    pub const fn message_bytes_max(mut self, bytes: usize) -> Self {
        self.message_bytes_max = bytes;
        self
    }

    /// Reliable messages and requests in the hands of handlers at once, of all peers together, at least 1: 65,536
    /// unless set. One more is refused as overloaded, which its sender is told at once.
    pub const fn incoming_max(mut self, messages: usize) -> Self {
        self.incoming_max = Some(messages);
        self
    }

    /// Bytes of all entries of [`Mesh::shared`] up to which this node writes new ones, each counted with its key and 128
    /// bytes more; at most 32 MiB, 8 MiB unless set. Choose the same on every node: all hold everything, and each refuses by
    /// its own.
    pub const fn shared_bytes_max(mut self, bytes: usize) -> Self {
        self.shared_bytes_max = Some(bytes);
        self
    }

    /// Whether unsealed datagrams may leave this machine. Whoever can send datagrams to the node can then
    /// join and call it.
    pub const fn insecure(mut self, insecure: bool) -> Self {
        self.insecure = insecure;
        self
    }

    /// Starts the node on a simulated machine: its address is the machine's, `bind`, `advertise` and `insecure` count for
    /// nothing.
    #[doc(hidden)]
    pub fn machine(mut self, machine: Machine) -> Self {
        self.machine = Some(machine);
        self
    }

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
