//! Why a node is suspected, counts as failed or is in nobody's view.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::AdminState;
use super::error::AdminError;
use super::members::named;
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
    let found = named(&state.mesh, &node)?;
    let is_me = found.address() == state.mesh.address();
    let refusal = state.mesh.refusal().filter(|_| is_me);
    Ok(Json(WhyBody {
        address: found.address(),
        refusal: refusal.map(|taken| taken.to_string()),
        name: set(found.name()),
        state: found.state().to_string(),
        why: state.mesh.why(found.address()).as_ref().map(Reasons::new),
    }))
}
