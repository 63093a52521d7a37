//! The JSON that the admin endpoint and its clients exchange.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use hobnob::{Incompatibility, Node, Why};
use serde::{Deserialize, Serialize};

/// One node as `GET /members` lists it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) address: SocketAddr,
    #[serde(rename = "type")]
    pub(crate) node_type: String,
    pub(crate) state: String,
    pub(crate) name: Option<String>,
    pub(crate) generation: u64,
    pub(crate) role: Option<String>,
    /// Where clients reach the node, as it says itself.
    pub(crate) endpoint: Option<String>,
    pub(crate) app: Option<String>,
    pub(crate) version: Option<String>,
    /// What the node has set for others to read, as far as is known.
    #[serde(default)]
    pub(crate) values: BTreeMap<String, serde_json::Value>,
    /// Whether this is the node that answers.
    pub(crate) me: bool,
}

impl Member {
    pub(crate) fn new(node: &Node, me: SocketAddr) -> Self {
        Self {
            address: node.address(),
            node_type: node.node_type().to_owned(),
            state: node.state().to_string(),
            name: set(node.name()),
            generation: node.generation(),
            role: set(node.role()),
            endpoint: set(node.endpoint()),
            app: set(node.app()),
            version: set(node.app_version()),
            values: values(node),
            me: node.address() == me,
        }
    }

    /// The stable name, or the address of a node that has none.
    pub(crate) fn label(&self) -> String {
        self.name
            .clone()
            .unwrap_or_else(|| self.address.to_string())
    }
}

/// One line of `GET /events`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EventLine {
    pub(crate) event: EventKind,
    /// The state before, for `state`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    /// The state after, for `state`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<String>,
    /// Who took the node's place, for `replaced`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<Successor>,
    /// The keys whose values changed, for `values`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) keys: Vec<String>,
    /// Where the other node is, for `conflict` and `incompatible`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) other: Option<SocketAddr>,
    /// What is the matter, for `conflict`, `free` and `incompatible`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// How many events the reader was too slow for, for `lagged`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) missed: Option<u64>,
    /// The node as it is after the event; absent for `lagged`.
    #[serde(flatten)]
    pub(crate) member: Option<Member>,
}

/// The later process that took a node's place.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Successor {
    pub(crate) address: SocketAddr,
    pub(crate) generation: u64,
}

/// What an [`EventLine`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EventKind {
    /// Known when the stream began.
    Present,
    Up,
    State,
    Metadata,
    Values,
    Left,
    Failed,
    Replaced,
    /// Another live node has this node's name.
    Conflict,
    /// The name this node was refused is its own now.
    Free,
    /// A node that this one has nothing to do with.
    Incompatible,
    Lagged,
    /// An event this version has no name for.
    #[serde(other)]
    Other,
}

impl EventKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Up => "up",
            Self::State => "state",
            Self::Metadata => "metadata",
            Self::Values => "values",
            Self::Left => "left",
            Self::Failed => "failed",
            Self::Replaced => "replaced",
            Self::Conflict => "conflict",
            Self::Free => "free",
            Self::Incompatible => "incompatible",
            Self::Lagged => "lagged",
            Self::Other => "other",
        }
    }
}

/// A payload in one of three spellings; at most one is given, none is empty.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Data {
    /// The bytes of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    /// Any bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) base64: Option<String>,
    /// A JSON object, sent as a packed capsule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) json: Option<serde_json::Value>,
}

/// The body of `POST /request`, answered with a [`Data`] of text or base64.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestBody {
    pub(crate) command: u16,
    pub(crate) to: SocketAddr,
    #[serde(default)]
    pub(crate) data: Data,
    /// Seconds; the node's own default where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<f64>,
}

/// The body of `POST /send`, answered with a [`SendReport`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendBody {
    pub(crate) command: u16,
    /// Either these nodes …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) to: Vec<SocketAddr>,
    /// … or every online node of this type except the one that sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to_type: Option<String>,
    #[serde(default)]
    pub(crate) data: Data,
    /// Deliveries in flight at once; datagrams a burst when unreliable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<usize>,
    #[serde(default)]
    pub(crate) unreliable: bool,
    /// Seconds for each delivery; the node's own default where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<f64>,
}

/// What became of a send, node by node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SendReport {
    pub(crate) delivered: usize,
    pub(crate) failed: usize,
    pub(crate) results: Vec<SendResult>,
}

/// What became of one delivery.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SendResult {
    pub(crate) address: SocketAddr,
    pub(crate) ok: bool,
    #[serde(flatten)]
    pub(crate) problem: Option<Problem>,
}

/// Why an operation failed: every answer of the admin endpoint that is not a
/// success has this body.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Problem {
    pub(crate) error: String,
    /// One word for programs.
    pub(crate) kind: String,
}

/// The answer of `GET /stats`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StatsBody {
    pub(crate) address: SocketAddr,
    pub(crate) name: Option<String>,
    pub(crate) state: String,
    pub(crate) generation: u64,
    /// Messages that reached the counting command, 2.
    pub(crate) received: u64,
    pub(crate) counters: BTreeMap<String, u64>,
}

/// The answer of `GET /why`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WhyBody {
    pub(crate) address: SocketAddr,
    pub(crate) name: Option<String>,
    pub(crate) state: String,
    /// Why the node that answers is in nobody's view, if it is about itself and that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refusal: Option<String>,
    /// `None` when nothing was ever held against the node.
    pub(crate) why: Option<Reasons>,
}

/// A node as `GET /incompatible` lists it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct IncompatibleBody {
    pub(crate) address: SocketAddr,
    /// One word for programs: application, version or format.
    pub(crate) kind: String,
    pub(crate) reason: String,
}

impl From<(SocketAddr, Incompatibility)> for IncompatibleBody {
    fn from((address, why): (SocketAddr, Incompatibility)) -> Self {
        let kind = match why {
            Incompatibility::Application => "application",
            Incompatibility::Version { .. } => "version",
            Incompatibility::Format { .. } => "format",
            _ => "other",
        };
        Self {
            address,
            kind: kind.to_owned(),
            reason: why.to_string(),
        }
    }
}

/// What is held against a node. Times are seconds ago.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Reasons {
    /// Which process it is about: the node may have come back as another one.
    pub(crate) generation: u64,
    pub(crate) suspected: f64,
    /// The health of the node that answers, when it began to suspect: 0 is best, 8 is worst.
    pub(crate) health: u8,
    /// The first is the accuser, the others confirmed it.
    pub(crate) accusers: Vec<AccuserBody>,
    /// Probes of the node that answers.
    pub(crate) probes: Vec<ProbeBody>,
    pub(crate) vouched: Option<f64>,
    pub(crate) verdict: Option<VerdictBody>,
}

/// A node whose probe was not answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AccuserBody {
    pub(crate) address: SocketAddr,
    pub(crate) heard: f64,
}

/// A probe that was not answered.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct ProbeBody {
    pub(crate) began: f64,
    /// Seconds.
    pub(crate) waited: f64,
    pub(crate) helpers: usize,
    pub(crate) nacks: usize,
}

/// The end of a suspicion.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct VerdictBody {
    pub(crate) reached: f64,
    /// Whether the node that answers reached it.
    pub(crate) own: bool,
}

impl Reasons {
    pub(crate) fn new(why: &Why) -> Self {
        let accusers = why.accusers.iter().map(|accuser| AccuserBody {
            address: accuser.address,
            heard: accuser.heard.as_secs_f64(),
        });
        let probes = why.probes.iter().map(|probe| ProbeBody {
            began: probe.began.as_secs_f64(),
            waited: probe.waited.as_secs_f64(),
            helpers: probe.helpers,
            nacks: probe.nacks,
        });
        Self {
            generation: why.generation,
            suspected: why.suspected.as_secs_f64(),
            health: why.health,
            accusers: accusers.collect(),
            probes: probes.collect(),
            vouched: why.vouched.map(|ago| ago.as_secs_f64()),
            verdict: why.verdict.map(|verdict| VerdictBody {
                reached: verdict.reached.as_secs_f64(),
                own: verdict.is_own,
            }),
        }
    }
}

/// The answer of `GET /health`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HealthBody {
    pub(crate) state: String,
}

/// The body of `POST /forget`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForgetBody {
    /// A mesh address, or the name of one node.
    pub(crate) node: String,
}

/// The answer of `POST /forget`: who is forgotten now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ForgottenBody {
    pub(crate) address: SocketAddr,
    pub(crate) name: Option<String>,
    /// What it was: left or failed.
    pub(crate) state: String,
}

/// The answer of `POST /leave`, given when the node has left.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct LeaveBody {
    /// Admission permits that had not come back in time.
    pub(crate) permits_outstanding: usize,
    /// Peers that confirmed the leave.
    pub(crate) confirmed: usize,
    pub(crate) peers: usize,
    /// Whether unfinished reliable sends were all delivered.
    pub(crate) flushed: bool,
}

/// The line a node prints when it is ready.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ReadyLine {
    pub(crate) event: String,
    pub(crate) mesh: SocketAddr,
    pub(crate) admin: Option<SocketAddr>,
    pub(crate) name: Option<String>,
    pub(crate) generation: u64,
}

/// What a node has set, as JSON: bytes in base64, and what it has no numbers for, as `NaN`, is null.
fn values(node: &Node) -> BTreeMap<String, serde_json::Value> {
    let values = node.values().iter();
    let json = |value| serde_json::to_value(value).unwrap_or_default();
    values
        .map(|(key, value)| (key.to_owned(), json(value)))
        .collect()
}

/// A text of a node, or `None` where it is unset.
pub(crate) fn set(text: &str) -> Option<String> {
    Some(text)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}
