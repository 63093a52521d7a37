//! Sets a node up.

mod error;
mod start;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use hobnob_capsule::Value;
use hobnob_endpoint::{
    gossip::Profile,
    wire::limits::{DATAGRAM_BYTES_DEFAULT, MESSAGE_BYTES_DEFAULT},
};

pub use self::error::StartError;
#[cfg(doc)]
use crate::mesh::Mesh;
use crate::{simulation::Machine, view::Holding};

/// How long a call waits unless it says otherwise.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

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
        /// What the node does within its type: any text of at most 64 bytes.
        role;
        /// A name that stays the same over restarts, also at another address: the node then takes the place of its past
        /// self. If a live node has the name already, this one is refused until that one is gone: see
        /// [`Mesh::refusal`]. At most 128 bytes.
        name;
        /// Where clients reach the node, in whatever form they understand: at most 272 bytes.
        endpoint;
    }

    /// Name of the application. Nodes of differently named applications never see each other, whatever seeds they have in
    /// common; nodes without one are of one application too. At most 64 bytes.
    pub fn application(mut self, name: impl Into<String>) -> Self {
        self.app = name.into();
        self
    }

    /// Version of the application: any text of at most 64 bytes. For [`compatible_with`](Self::compatible_with) one to three numbers count, as
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

    /// An address, or a name and port, of a node that may be there already: a text such as `rooms.local:7400`, or a
    /// [`SocketAddr`]. The node's own address among them is fine.
    ///
    /// A name is resolved again at each try, and all the addresses behind it are tried: the name of a headless service
    /// in Kubernetes is a seed for all its pods. A node without company tries its seeds at least every other second,
    /// for as long as it lives; one in company, twice a minute those that are missing.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "as every other setter takes it"
    )]
    pub fn seed(mut self, seed: impl ToString) -> Self {
        self.seeds.push(seed.to_string());
        self
    }

    /// Several seeds.
    pub fn seeds<S: ToString>(mut self, seeds: impl IntoIterator<Item = S>) -> Self {
        let seeds = seeds.into_iter();
        self.seeds.extend(seeds.map(|seed| seed.to_string()));
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
}
