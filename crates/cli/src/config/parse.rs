//! Texts to values. Each error quotes the text and shows a right one.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hobnob::{Capsule, Profile, Value};

/// Longest time that can be configured: a day. Longer is a slip of the unit.
const MAX_SECONDS: f64 = 86_400.0;

pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not an IP:PORT such as 127.0.0.1:7946"))
}

/// A number of seconds above 0, fractions allowed.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let duration = text.parse().ok().and_then(duration);
    let positive = duration.filter(|duration| !duration.is_zero());
    positive.ok_or_else(|| {
        format!("{text:?} is not a number of seconds above 0 and up to {MAX_SECONDS}, such as 2.5")
    })
}

/// A number of seconds from 0, fractions allowed.
pub(super) fn pause(text: &str) -> Result<Duration, String> {
    let duration = text.parse().ok().and_then(duration);
    duration.ok_or_else(|| {
        format!("{text:?} is not a number of seconds from 0 to {MAX_SECONDS}, such as 2.5")
    })
}

/// A number of seconds from 0 to a day; `None` for any other.
fn duration(seconds: f64) -> Option<Duration> {
    let in_range = seconds <= MAX_SECONDS;
    in_range.then(|| Duration::try_from_secs_f64(seconds).ok())?
}

pub(super) fn host_and_port(text: &str) -> Result<String, String> {
    let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    match port.map(|(_, port)| port.parse::<u16>()) {
        Some(Ok(_)) => Ok(text.to_owned()),
        _ => Err(format!("{text:?} is not a HOST:PORT such as 10.0.0.1:7946")),
    }
}

pub(super) fn file(text: &str) -> Result<PathBuf, String> {
    match Path::new(text).file_name() {
        Some(_) => Ok(text.into()),
        None => Err(format!(
            "{text:?} is no path of a file such as /var/lib/hobnob/peers"
        )),
    }
}

pub(super) fn word(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(char::is_control) {
        return Err(format!("{text:?} is empty or has control characters in it"));
    }
    Ok(text.to_owned())
}

/// A text under a key, or anything else in JSON.
pub(super) fn key_and_value(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').unwrap_or_default();
    let (key, json) = match key.strip_suffix(':') {
        Some(key) => (key, true),
        None => (key, false),
    };
    if key.is_empty() {
        return Err(format!(
            "{text:?} is not a KEY=VALUE such as zone=eu-1 or, with a value in JSON, guests:=12"
        ));
    }
    let value = if json {
        let value = serde_json::from_str(value).map_err(|error| {
            format!("what follows := in {text:?} is no value in JSON such as 12: {error}")
        })?;
        narrowed(value)
    } else {
        Value::from(value)
    };
    Ok((key.to_owned(), value))
}

/// A whole number as the narrowest type that holds it, also within a list or an object: every wider one can be read from that, while
/// JSON says nothing of types.
fn narrowed(value: Value) -> Value {
    match &value {
        Value::I64(number) => narrowest(*number),
        Value::List(items) => Value::List(items.iter().cloned().map(narrowed).collect()),
        Value::Capsule(object) => {
            let fields = object.iter();
            let fields = fields.map(|(name, value)| (name, narrowed(value.clone())));
            Value::from(fields.collect::<Capsule>())
        }
        _ => value,
    }
}

fn narrowest(number: i64) -> Value {
    let unsigned = || {
        let value = u8::try_from(number).map(Value::U8);
        let value = value.or_else(|_| u16::try_from(number).map(Value::U16));
        let value = value.or_else(|_| u32::try_from(number).map(Value::U32));
        value.or_else(|_| u64::try_from(number).map(Value::U64))
    };
    let signed = || {
        let value = i8::try_from(number).map(Value::I8);
        let value = value.or_else(|_| i16::try_from(number).map(Value::I16));
        value.or_else(|_| i32::try_from(number).map(Value::I32))
    };
    unsigned()
        .or_else(|_| signed())
        .unwrap_or(Value::I64(number))
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

pub(super) fn profile(text: &str) -> Result<Profile, String> {
    match text {
        "local" => Ok(Profile::Local),
        "lan" => Ok(Profile::Lan),
        "wan" => Ok(Profile::Wan),
        _ => Err(format!("{text:?} is not one of local, lan and wan")),
    }
}

#[cfg(test)]
#[path = "../../tests/unit/parse.rs"]
mod tests;
