//! What the node knows, at this moment.

use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use hobnob::NodeState;

use super::AdminState;
use crate::api::{HealthBody, Member, StatsBody, set};

/// `GET /members`: every node known, this one included.
pub(super) async fn members(State(state): State<AdminState>) -> Json<Vec<Member>> {
    let me = state.mesh.address();
    let nodes = std::iter::once(state.mesh.me()).chain(state.mesh.nodes());
    Json(nodes.map(|node| Member::new(&node, me)).collect())
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

/// `GET /health`: 200 while the node takes new work, 503 once it is leaving.
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
