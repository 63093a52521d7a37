//! Why a node is suspected or counts as failed.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::AdminState;
use super::error::AdminError;
use crate::api::{Reasons, WhyBody, set};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// A mesh address, or the name of one node.
    node: String,
}

/// `GET /why?node=…`: what is held against a node; 404 for one that is not known.
pub(super) async fn why(
    State(state): State<AdminState>,
    question: Result<Query<Question>, QueryRejection>,
) -> Result<Json<WhyBody>, AdminError> {
    let Query(Question { node }) =
        question.map_err(|error| AdminError::bad_request(error.body_text()))?;
    let found = match node.parse::<SocketAddr>() {
        Ok(address) => state.mesh.node(address),
        Err(_) => {
            let mut named = state.mesh.nodes().into_iter();
            // Of several under one name the newest: the others are its past.
            let me = Some(state.mesh.me()).filter(|me| me.name() == node);
            me.or_else(|| {
                let of_name = named.by_ref().filter(|other| other.name() == node);
                of_name.max_by_key(hobnob::Node::generation)
            })
        }
    };
    let Some(found) = found else {
        return Err(AdminError::new(
            StatusCode::NOT_FOUND,
            "no_such_node",
            format!("no node is known at or by the name {node:?}"),
        ));
    };
    Ok(Json(WhyBody {
        address: found.address(),
        name: set(found.name()),
        state: found.state().to_string(),
        why: state.mesh.why(found.address()).as_ref().map(Reasons::new),
    }))
}
