//! Answers that are no success, and which status stands for which error.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hobnob::{RequestError, SendError, USendError};

use crate::api::Problem;

/// A status and the reason for it.
#[derive(Debug)]
pub(super) struct AdminError {
    status: StatusCode,
    problem: Problem,
}

impl AdminError {
    pub(super) fn new(status: StatusCode, kind: &str, error: impl Into<String>) -> Self {
        let problem = Problem {
            error: error.into(),
            kind: kind.to_owned(),
        };
        Self { status, problem }
    }

    /// The body of the request is not what the route takes.
    pub(super) fn bad_request(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", error)
    }

    /// Too much at once; later may do.
    pub(super) fn busy(error: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", error)
    }
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        (self.status, Json(self.problem)).into_response()
    }
}

pub(super) async fn no_such_path() -> AdminError {
    let paths = "/members, /incompatible, /events, /stats, /why, /health, /request, /send, /forget and /leave";
    AdminError::new(
        StatusCode::NOT_FOUND,
        "no_such_path",
        format!("no such path; there are {paths}"),
    )
}

pub(super) async fn wrong_method() -> AdminError {
    AdminError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "wrong_method",
        "this path takes another method: POST for /request, /send, /forget and /leave, GET for the others",
    )
}

impl From<RequestError> for AdminError {
    fn from(error: RequestError) -> Self {
        let (status, kind) = match &error {
            RequestError::Timeout => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
            RequestError::PeerDown => (StatusCode::BAD_GATEWAY, "peer_down"),
            RequestError::PeerRestarted => (StatusCode::BAD_GATEWAY, "peer_restarted"),
            RequestError::NoHandler => (StatusCode::BAD_GATEWAY, "no_handler"),
            RequestError::Handler(_) => (StatusCode::BAD_GATEWAY, "handler"),
            RequestError::AnswerDropped => (StatusCode::BAD_GATEWAY, "answer_dropped"),
            RequestError::AnswerTooLarge => (StatusCode::BAD_GATEWAY, "answer_too_large"),
            RequestError::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            RequestError::TooManyPeers => (StatusCode::SERVICE_UNAVAILABLE, "too_many_peers"),
            RequestError::TooLarge { .. } | RequestError::TooLargeForPeer => {
                (StatusCode::PAYLOAD_TOO_LARGE, "too_large")
            }
            RequestError::Closed => (StatusCode::SERVICE_UNAVAILABLE, "closed"),
            _ => (StatusCode::BAD_GATEWAY, "other"),
        };
        Self::new(status, kind, error.to_string())
    }
}

/// Errors of one delivery, reported beside the results of the others.
pub(super) trait Delivery: std::fmt::Display {
    /// One word for programs.
    fn kind(&self) -> &'static str;
}

impl Delivery for SendError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::PeerDown => "peer_down",
            Self::PeerRestarted => "peer_restarted",
            Self::NoHandler => "no_handler",
            Self::Overloaded => "overloaded",
            Self::TooManyPeers => "too_many_peers",
            Self::TooLarge { .. } | Self::TooLargeForPeer => "too_large",
            Self::Closed => "closed",
            _ => "other",
        }
    }
}

impl Delivery for USendError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::PeerDown => "peer_down",
            Self::PeerRestarted => "peer_restarted",
            Self::TooManyPeers => "too_many_peers",
            Self::TooLarge { .. } => "too_large",
            Self::Closed => "closed",
            _ => "other",
        }
    }
}

/// One delivery's error as a [`Problem`].
pub(super) fn problem(error: &impl Delivery) -> Problem {
    Problem {
        error: error.to_string(),
        kind: error.kind().to_owned(),
    }
}
