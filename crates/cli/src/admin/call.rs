//! Calls that the node makes on behalf of a client.

use std::net::SocketAddr;
use std::time::Instant;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::AdminState;
use super::error::{AdminError, Delivery, problem};
use super::payload;
use crate::api::{RequestBody, SendBody, SendReport, SendResult};

/// Response header with the round trip of a request through the mesh, in
/// seconds, without the way through this endpoint.
pub(crate) const ROUND_TRIP_HEADER: &str = "hobnob-round-trip-seconds";

/// Deliveries in flight at once where the client names no limit: as many as
/// keep a gigabit link busy with small messages, few enough for one socket
/// buffer.
const DEFAULT_LIMIT: usize = 32;

/// Most receivers of one send: the largest cluster that one answer can list
/// within a few hundred KiB.
const MAX_RECEIVERS: usize = 4_096;

/// `POST /request`: one request, answered with the response.
pub(super) async fn request(
    State(state): State<AdminState>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, AdminError> {
    let body: RequestBody = payload::body(body)?;
    let bytes = payload::bytes(body.data)?;
    let mut call = state
        .mesh
        .request(body.command, body.to, bytes)
        .allow_reserved();
    if let Some(seconds) = body.timeout {
        call = call.timeout(payload::timeout(seconds)?);
    }
    let started = Instant::now();
    let response = call.await?;
    let round_trip = started.elapsed().as_secs_f64().to_string();
    let answer = Json(payload::spell(response.bytes()));
    Ok(([(ROUND_TRIP_HEADER, round_trip)], answer).into_response())
}

/// `POST /send`: one message to many nodes, answered with each one's result.
pub(super) async fn send(
    State(state): State<AdminState>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<SendReport>, AdminError> {
    let body: SendBody = payload::body(body)?;
    let nodes = receivers(&state, &body)?;
    let bytes = payload::bytes(body.data)?;
    let limit = body.limit.unwrap_or(DEFAULT_LIMIT);
    if limit == 0 {
        return Err(AdminError::bad_request("limit: must be 1 or more"));
    }
    let timeout = body.timeout.map(payload::timeout).transpose()?;
    let report = if body.unreliable {
        let call = state.mesh.usend_many(body.command, &nodes, bytes, limit);
        let call = call.allow_reserved();
        let call = match timeout {
            Some(timeout) => call.timeout(timeout),
            None => call,
        };
        summary(call.await.iter())
    } else {
        let call = state.mesh.send_many(body.command, &nodes, bytes, limit);
        let call = call.allow_reserved();
        let call = match timeout {
            Some(timeout) => call.timeout(timeout),
            None => call,
        };
        summary(call.await.iter())
    };
    Ok(Json(report))
}

fn receivers(state: &AdminState, body: &SendBody) -> Result<Vec<SocketAddr>, AdminError> {
    let nodes: Vec<SocketAddr> = match &body.to_type {
        Some(_) if !body.to.is_empty() => {
            return Err(AdminError::bad_request("takes to or to_type, not both"));
        }
        Some(node_type) => {
            let nodes = state.mesh.nodes_by_type(node_type).online();
            nodes.iter().map(|node| node.address()).collect()
        }
        None => body.to.clone(),
    };
    if nodes.len() > MAX_RECEIVERS {
        return Err(AdminError::bad_request(format!(
            "{} receivers are more than {MAX_RECEIVERS}",
            nodes.len()
        )));
    }
    match (nodes.is_empty(), &body.to_type) {
        (false, _) => Ok(nodes),
        (true, None) => Err(AdminError::bad_request("needs a receiver: to or to_type")),
        (true, Some(node_type)) => Err(AdminError::new(
            StatusCode::NOT_FOUND,
            "no_nodes",
            format!("no other node of type {node_type:?} is online"),
        )),
    }
}

fn summary<'a, E: Delivery + 'a>(
    results: impl Iterator<Item = (SocketAddr, Result<(), &'a E>)>,
) -> SendReport {
    let results: Vec<_> = results
        .map(|(address, result)| SendResult {
            address,
            ok: result.is_ok(),
            problem: result.err().map(problem),
        })
        .collect();
    let delivered = results.iter().filter(|result| result.ok).count();
    SendReport {
        delivered,
        failed: results.len() - delivered,
        results,
    }
}
