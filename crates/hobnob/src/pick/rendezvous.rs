//! Rendezvous hashing: who of many a key belongs to.
//!
//! Every member has a score for every key, and the highest wins (Thaler & Ravishankar 1998). A member that goes takes
//! along only the keys it had won, and one that comes wins its share of each other's, no more. With weights the score
//! is `-w / ln u` of a hash `u` in 0 to 1 (Schindelhauer & Schomaker 2005), so that a member wins in proportion to its
//! weight, and a change of one weight moves keys to or from that member only.
//!
//! # What must never change
//!
//! Nodes of different builds choose the same member for a key, or the keys of a cluster that is being updated have two
//! owners. So the score is made of a published hash function and of arithmetic that IEEE 754 defines to the last bit:
//!
//! - The hash of a key is its XXH3-64 without a seed.
//! - The hash of a member for a key is the XXH3-64 of the member's bytes with the hash of the key as the seed. These
//!   are `n` and the name where it has one, otherwise `a`, the IPv6 address (IPv4 mapped into it) and the port, most
//!   significant byte first.
//! - Without weights the greatest hash wins. With weights it is the least `-ln u / w`, where `u` is
//!   `(hash / 2^12 + 1/2) / 2^52` and the logarithm that of [`minus_ln`].

use std::{cmp::Ordering, net::SocketAddr};

use twox_hash::XxHash3_64;

use crate::nodes::Node;

/// What a node is known by for as long as it means the same member: its name, or else its address. Not its
/// generation: what starts again gets its keys back.
#[derive(Clone, Copy, Debug)]
pub(super) enum Member<'a> {
    Named(&'a str),
    At(SocketAddr),
}

impl<'a> Member<'a> {
    pub(super) fn of(node: &'a Node) -> Self {
        match node.name() {
            "" => Self::At(node.address()),
            name => Self::Named(name),
        }
    }

    pub(super) fn hash(self, key: u64) -> u64 {
        match self {
            Self::Named(name) => {
                let mut bytes = Vec::with_capacity(1 + name.len());
                bytes.push(b'n');
                bytes.extend_from_slice(name.as_bytes());
                XxHash3_64::oneshot_with_seed(key, &bytes)
            }
            Self::At(address) => {
                let mut bytes = [0; 1 + 16 + 2];
                let (tag, rest) = bytes.split_at_mut(1);
                let (ip, port) = rest.split_at_mut(16);
                tag.copy_from_slice(b"a");
                let octets = match address.ip() {
                    std::net::IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
                    std::net::IpAddr::V6(v6) => v6.octets(),
                };
                ip.copy_from_slice(&octets);
                port.copy_from_slice(&address.port().to_be_bytes());
                XxHash3_64::oneshot_with_seed(key, &bytes)
            }
        }
    }
}

/// How a member stands for a key. The greatest wins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Score {
    /// `-ln u / w`: the less the better; the same for all where there are no weights.
    wait: f64,
    hash: u64,
}

impl Score {
    pub(super) fn new(key: u64, member: Member<'_>) -> Self {
        let hash = member.hash(key);
        Self { wait: 0.0, hash }
    }

    /// `None` where the weight is zero: such a member wins nothing.
    pub(super) fn weighted(key: u64, member: Member<'_>, weight: u32) -> Option<Self> {
        let hash = member.hash(key);
        let wait = minus_ln(open_unit(hash)) / f64::from(weight);
        (weight > 0).then_some(Self { wait, hash })
    }

    /// The better one first.
    pub(super) fn rank(&self, other: &Self) -> Ordering {
        let by_wait = self.wait.total_cmp(&other.wait);
        by_wait.then(other.hash.cmp(&self.hash))
    }
}

pub(super) fn hash_of_key(key: &[u8]) -> u64 {
    XxHash3_64::oneshot(key)
}

/// A hash as a number above 0 and below 1, evenly spread.
#[allow(
    clippy::cast_precision_loss,
    reason = "52 bits and a half fit the 53 of a f64"
)]
fn open_unit(hash: u64) -> f64 {
    const STEPS: f64 = (1_u64 << 52) as f64;
    ((hash >> 12) as f64 + 0.5) / STEPS
}

/// The natural logarithm of a normal number from 0 to 1, negated.
///
/// The standard library's is the platform's, and those differ in the last bit. This one adds, multiplies and divides
/// only: `ln(2^e m) = e ln 2 + 2 artanh((m - 1) / (m + 1))`, the power series of which has come to a `f64`'s end after
/// eleven terms where `m` is between the roots of 1/2 and 2.
pub(super) fn minus_ln(number: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    const BITS_OF_ONE: u64 = 1_023 << 52;
    const TERMS: u32 = 11;
    let bits = number.to_bits();
    let mut exponent = f64::from((bits >> 52) as u32) - 1_023.0;
    let mut mantissa = f64::from_bits(BITS_OF_ONE | bits & MANTISSA);
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa /= 2.0;
        exponent += 1.0;
    }
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let series = (0..TERMS).rev().fold(0.0, |sum, term| {
        sum * square + 1.0 / f64::from(2 * term + 1)
    });
    -(exponent * std::f64::consts::LN_2 + 2.0 * ratio * series)
}
