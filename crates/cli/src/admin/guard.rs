//! Keeps out what is not meant for the endpoint, before any route is asked.
//!
//! A page in a browser on this machine can send requests to loopback. Two rules
//! make them useless to it. The `Host` must be an IP address or `localhost`: a
//! page that had its own name resolve to 127.0.0.1 (DNS rebinding) still sends
//! that name. What changes something must be `application/json`, which a page
//! of another origin may not send without asking first, and the endpoint never
//! consents.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::AdminState;
use super::error::AdminError;

const JSON: &str = "application/json";

/// Lets a request in, or refuses it, by where it comes from.
pub(super) async fn origin(request: Request, next: Next) -> Response {
    match check(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// Bounds the calls that are under way at once, before their bodies are read.
pub(super) async fn calls(
    State(state): State<AdminState>,
    request: Request,
    next: Next,
) -> Response {
    match state.calls.try_acquire() {
        Ok(_slot) => next.run(request).await,
        Err(_) => AdminError::busy("too many calls at once; try again").into_response(),
    }
}

fn check(request: &Request) -> Result<(), AdminError> {
    let headers = request.headers();
    if !host(headers).is_some_and(names_no_domain) {
        return Err(AdminError::new(
            StatusCode::FORBIDDEN,
            "host",
            "the Host header must be an IP address or localhost",
        ));
    }
    if request.method() == Method::POST && !has_json(headers) {
        return Err(AdminError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content_type",
            format!("the Content-Type must be {JSON}"),
        ));
    }
    Ok(())
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

fn names_no_domain(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next(),
        None => host.split(':').next(),
    };
    name.is_some_and(|name| {
        name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
    })
}

fn has_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(JSON))
}
