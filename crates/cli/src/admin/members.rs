//! What the node knows, at this moment.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use hobnob::{Incompatibility, Mesh, Node, NodeState};

use super::AdminState;
use super::error::AdminError;
use crate::api::{HealthBody, IncompatibleBody, Member, StatsBody, set};

/// `GET /members`: every node known, this one included.
pub(super) async fn members(State(state): State<AdminState>) -> Json<Vec<Member>> {
    let me = state.mesh.address();
    let nodes = std::iter::once(state.mesh.me()).chain(state.mesh.nodes());
    Json(nodes.map(|node| Member::new(&node, me)).collect())
}

/// `GET /incompatible`: the nodes this one met or heard of and does not work with.
pub(super) async fn incompatible(State(state): State<AdminState>) -> Json<Vec<IncompatibleBody>> {
    let nodes = state.mesh.incompatible().into_iter();
    Json(nodes.map(IncompatibleBody::from).collect())
}

/// `GET /stats`: counters since the node started.
pub(super) async fn stats(State(state): State<AdminState>) -> Json<StatsBody> {
    let me = state.mesh.me();
    let stats = state.mesh.stats();
    let counters = stats.iter().map(|(name, value)| (name.to_owned(), value));
    Json(StatsBody {
        address: me.address(),
        name: set(me.name()),
        state: me.state().to_string(),
        generation: me.generation(),
        received: state.received.load(Ordering::Relaxed),
        counters: counters.collect(),
    })
}

/// `GET /health`: 200 while the node is there for others, 503 once it is leaving, and while it is refused for its name.
pub(super) async fn health(State(state): State<AdminState>) -> (StatusCode, Json<HealthBody>) {
    let now = state.mesh.me().state();
    let status = match now {
        NodeState::Online | NodeState::Taken => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = HealthBody {
        state: now.to_string(),
    };
    (status, Json(body))
}

/// The node at a mesh address or with a name, this one included; 404 when there is none, with the reason if it is known.
pub(super) fn named(mesh: &Mesh, node: &str) -> Result<Node, AdminError> {
    let found = match node.parse::<SocketAddr>() {
        Ok(address) => mesh.node(address),
        Err(_) => {
            let me = Some(mesh.me()).filter(|me| me.name() == node);
            me.or_else(|| {
                let nodes = mesh.nodes().into_iter();
                // Of several under one name the newest: the others are its past.
                let of_name = nodes.filter(|other| other.name() == node);
                of_name.max_by_key(Node::generation)
            })
        }
    };
    found.ok_or_else(|| {
        let mut error = format!("no node is known at the address or by the name {node:?}");
        if let Some(reason) = reason_against(mesh, node) {
            error.push_str(&format!(": this one does not work with it, as {reason}"));
        }
        AdminError::new(StatusCode::NOT_FOUND, "no_such_node", error)
    })
}

/// Why this node has nothing to do with whoever is at a mesh address.
fn reason_against(mesh: &Mesh, node: &str) -> Option<Incompatibility> {
    let address: SocketAddr = node.parse().ok()?;
    let mut nodes = mesh.incompatible().into_iter();
    nodes.find_map(|(other, reason)| (other == address).then_some(reason))
}
