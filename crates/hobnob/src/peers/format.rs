//! The file of known peers: lines of text.
//!
//! ```text
//! hobnob peers 1
//! 10.0.0.1:7946
//! [2001:db8::1]:7946
//! sum 1f6c9a70e3d2b485
//! ```
//!
//! The sum is the XXH3-64 of everything before its line.

use std::{fmt::Write as _, net::SocketAddr};

use thiserror::Error;
use twox_hash::XxHash3_64;

use super::PEERS_MAX;

const HEAD: &str = "hobnob peers 1\n";
const SUM: &str = "sum ";
/// The word, sixteen digits, and the end of the line.
const SUM_BYTES: usize = SUM.len() + 16 + 1;
/// The longest address: eight groups of four digits and what is between and around them, a port, the end of the line.
const LINE_BYTES_MAX: usize = 8 * 4 + 7 + 2 + 1 + 5 + 1;
/// The longest file.
pub(super) const FILE_BYTES_MAX: usize = HEAD.len() + PEERS_MAX * LINE_BYTES_MAX + SUM_BYTES;

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum DamageError {
    #[error("it is longer than {FILE_BYTES_MAX} bytes")]
    TooLong,
    #[error("it does not begin as a file of known peers of this version")]
    Head,
    #[error("its sum is wrong: it is damaged, or not all there")]
    Sum,
    #[error("line {line} is no address")]
    Address {
        /// Counted from 1.
        line: usize,
    },
    #[error("it has more than {PEERS_MAX} addresses")]
    TooMany,
}

pub(super) fn encode(peers: &[SocketAddr]) -> String {
    let mut text = HEAD.to_owned();
    for peer in peers {
        // A String takes everything.
        let _ = writeln!(text, "{peer}");
    }
    let sum = XxHash3_64::oneshot(text.as_bytes());
    let _ = writeln!(text, "{SUM}{sum:016x}");
    text
}

pub(super) fn decode(bytes: &[u8]) -> Result<Vec<SocketAddr>, DamageError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(DamageError::TooLong);
    }
    if !bytes.starts_with(HEAD.as_bytes()) {
        return Err(DamageError::Head);
    }
    let end = bytes.len().checked_sub(SUM_BYTES);
    let (body, sum) = end
        .and_then(|end| bytes.split_at_checked(end))
        .ok_or(DamageError::Sum)?;
    let expected = format!("{SUM}{:016x}\n", XxHash3_64::oneshot(body));
    if sum != expected.as_bytes() {
        return Err(DamageError::Sum);
    }
    let body = str::from_utf8(body).map_err(|_| DamageError::Head)?;
    let lines = body.lines().enumerate().skip(1);
    let peers: Vec<SocketAddr> = lines
        .map(|(index, line)| {
            let address = line.parse();
            address.map_err(|_| DamageError::Address { line: index + 1 })
        })
        .collect::<Result<_, _>>()?;
    if peers.len() > PEERS_MAX {
        return Err(DamageError::TooMany);
    }
    Ok(peers)
}
