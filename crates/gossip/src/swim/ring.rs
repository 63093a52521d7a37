//! The ring of all members: everybody puts them in the same order, so that each has one successor and one
//! predecessor, whose duty it is to look after it.

use core::net::{IpAddr, SocketAddr};

use super::Sighting;
use crate::hash::Fnv;

/// Who comes after `me`. Suspects are looked after already.
pub(super) fn successor(
    me: SocketAddr,
    members: impl Iterator<Item = Sighting>,
) -> Option<Sighting> {
    let here = place(me);
    let well = members.filter(|member| !member.suspect);
    well.min_by_key(|member| {
        let addr = member.life.addr;
        (place(addr).wrapping_sub(here), addr)
    })
}

/// Where an address is in the ring. Hashed, so that those who are in one rack or on one machine are not in one row: what
/// fails together must not have been looked after by each other.
fn place(addr: SocketAddr) -> u64 {
    let hash = match addr.ip() {
        IpAddr::V4(ip) => Fnv::BASIS.with(&ip.octets()),
        IpAddr::V6(ip) => Fnv::BASIS.with(&ip.octets()),
    };
    scatter(hash.with(&addr.port().to_be_bytes()).get())
}

/// FNV leaves what differs in its last bytes only close together. (The finalizer of MurmurHash3, Appleby 2011.)
const fn scatter(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}
