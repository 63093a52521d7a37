//! Payloads as JSON spells them.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hobnob::Capsule;
use serde::de::DeserializeOwned;

use super::error::AdminError;
use crate::api::Data;
use crate::config;

/// Parses the body of a request.
///
/// # Errors
///
/// 413 for a body over the limit, 400 for one of another shape.
pub(super) fn body<T: DeserializeOwned>(
    body: Result<Bytes, BytesRejection>,
) -> Result<T, AdminError> {
    let bytes = body
        .map_err(|rejection| AdminError::new(rejection.status(), "body", rejection.body_text()))?;
    serde_json::from_slice(&bytes).map_err(|error| AdminError::bad_request(error.to_string()))
}

/// The bytes to send.
pub(super) fn bytes(data: Data) -> Result<Bytes, AdminError> {
    let given = [
        data.text.is_some(),
        data.base64.is_some(),
        data.json.is_some(),
    ];
    if given.iter().filter(|given| **given).count() > 1 {
        return Err(AdminError::bad_request(
            "data takes one of text, base64 and json",
        ));
    }
    if let Some(text) = data.text {
        return Ok(text.into_bytes().into());
    }
    if let Some(text) = data.base64 {
        let decoded = BASE64.decode(text);
        let decoded =
            decoded.map_err(|error| AdminError::bad_request(format!("base64: {error}")))?;
        return Ok(decoded.into());
    }
    data.json.map_or(Ok(Bytes::new()), capsule)
}

fn capsule(json: serde_json::Value) -> Result<Bytes, AdminError> {
    let capsule: Capsule = serde_json::from_value(json)
        .map_err(|error| AdminError::bad_request(format!("json is no capsule: {error}")))?;
    let packed = capsule.pack();
    let packed =
        packed.map_err(|error| AdminError::bad_request(format!("json is no capsule: {error}")))?;
    Ok(packed.into())
}

/// A received payload: text where it is UTF-8, else base64.
pub(super) fn spell(payload: &[u8]) -> Data {
    match std::str::from_utf8(payload) {
        Ok(text) => Data {
            text: Some(text.to_owned()),
            ..Data::default()
        },
        Err(_) => Data {
            base64: Some(BASE64.encode(payload)),
            ..Data::default()
        },
    }
}

/// A time given in seconds.
pub(super) fn timeout(seconds: f64) -> Result<Duration, AdminError> {
    let timeout = config::seconds(&seconds.to_string());
    timeout.map_err(|reason| AdminError::bad_request(format!("timeout: {reason}")))
}
