//! Forgetting a node that is gone.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use hobnob::ForgetError;

use super::AdminState;
use super::error::AdminError;
use super::members::named;
use super::payload;
use crate::api::{ForgetBody, ForgottenBody, set};

/// `POST /forget`: 404 for a node that is not known, 409 for one that has neither left nor failed.
pub(super) async fn forget(
    State(state): State<AdminState>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<ForgottenBody>, AdminError> {
    let ForgetBody { node } = payload::body(body)?;
    let found = named(&state.mesh, &node)?;
    state.mesh.forget(found.address())?;
    Ok(Json(ForgottenBody {
        address: found.address(),
        name: set(found.name()),
        state: found.state().to_string(),
    }))
}

impl From<ForgetError> for AdminError {
    fn from(error: ForgetError) -> Self {
        let (status, kind) = match &error {
            ForgetError::Unknown { .. } => (StatusCode::NOT_FOUND, "no_such_node"),
            ForgetError::NotGone { .. } | ForgetError::Own { .. } => {
                (StatusCode::CONFLICT, "not_gone")
            }
            _ => (StatusCode::BAD_GATEWAY, "other"),
        };
        Self::new(status, kind, error.to_string())
    }
}
