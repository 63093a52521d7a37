//! Whether a node's queues, tables and buffers stay under their limits.

use hobnob_endpoint::{
    Endpoint, GOSSIP_PAYLOADS_PEER_MAX,
    messaging::{
        Config, PeerLoad,
        limits::{
            ASIDE_BYTES_PEER_MAX, ASIDE_MESSAGES_PEER_MAX, FAN_OUT_DELIVERIES_MAX, MESSAGE_WINDOW,
            OPEN_REQUESTS_PEER_MAX, REASSEMBLIES_PEER_MAX,
        },
    },
    relay::limits::{ERRAND_BYTES_MAX, ERRANDS_MAX, REMEMBERED_MAX},
    shared::{
        limits::{BYTES_HARD_MAX, NEWS_MAX, UNFINISHED_BYTES_PEER_MAX},
        values::limits::{STRANGERS_MAX, VALUES_BYTES_MAX, WANTED_MAX},
    },
    wire::limits::{PEERS_MAX, RELAY_HEAD_BYTES_MAX},
};

use crate::model::{ProcessId, Violation};

/// Every how many steps of a node each of its peers is looked at.
const PEERS_EVERY: u64 = 16;

/// Datagrams in flight beyond the window, at most. Probes need no window: a probe timeout is at least 1 ms, doubles
/// six times, and a probe is forgotten after 10 s, which makes 156 of them. The rest is for what needs no window
/// either: pings and cancels. More would be a storm.
const BEYOND_WINDOW_MAX: usize = 170;

/// Bytes of pings in flight to a peer, at most: probes of membership, of which there are always some, and of which
/// those to a peer that does not answer add up as other probes do. Each is a datagram with no more than a header.
const PINGS_BYTES_MAX: usize = 40 * BEYOND_WINDOW_MAX;

/// Looks at a node after a step, its `steps`th.
pub(super) fn limits(
    by: ProcessId,
    endpoint: &Endpoint,
    config: &Config,
    steps: u64,
) -> Result<(), Violation> {
    let under = |what, value, limit| match value > limit {
        true => Err(Violation::OverLimit {
            by,
            what,
            value,
            limit,
        }),
        false => Ok(()),
    };
    let stats = endpoint.messages().stats();
    under("incoming", stats.incoming, config.incoming_max)?;
    under(
        "reassembly bytes of the node",
        stats.reassembly_bytes,
        config.reassembly_bytes_node,
    )?;
    if !steps.is_multiple_of(PEERS_EVERY) {
        return Ok(());
    }
    under(
        "gossip payloads of a peer",
        endpoint.gossip_waiting(),
        GOSSIP_PAYLOADS_PEER_MAX,
    )?;
    let gossip = endpoint.members().stats();
    let faults = usize::try_from(gossip.swim_faults).unwrap_or(usize::MAX);
    under("faults of SWIM", faults, 0)?;
    let relays = endpoint.relay_stats();
    under("errands", relays.errands, ERRANDS_MAX)?;
    under("bytes of errands", relays.bytes, ERRAND_BYTES_MAX)?;
    under("fan-outs remembered", relays.remembered, REMEMBERED_MAX)?;
    for (in_flight, limit) in endpoint.relays_in_flight() {
        under("hops of an errand in flight", in_flight, limit)?;
    }
    let shared = endpoint.shared().stats();
    under("bytes of shared data", shared.bytes, BYTES_HARD_MAX)?;
    under("shared news", shared.news, NEWS_MAX)?;
    under(
        "shared data on its way to a peer",
        shared.unfinished_bytes,
        UNFINISHED_BYTES_PEER_MAX,
    )?;
    let values = endpoint.values().stats();
    under("bytes of own values", values.own_bytes, VALUES_BYTES_MAX)?;
    under("members with values", values.processes, PEERS_MAX)?;
    under("strangers with values", values.strangers, STRANGERS_MAX)?;
    let told_max = values.processes + values.strangers + 1;
    under("values that are news", values.news, told_max)?;
    under("values asked for", values.wanted, WANTED_MAX)?;
    under(
        "values on their way to a peer",
        values.unfinished_bytes,
        UNFINISHED_BYTES_PEER_MAX,
    )?;
    let held_max = usize::try_from(MESSAGE_WINDOW).unwrap_or(usize::MAX);
    for (peer, _) in endpoint.sessions().peers() {
        let Some(load) = endpoint.messages().load(peer) else {
            continue;
        };
        let PeerLoad {
            calls,
            call_bytes,
            asides,
            aside_bytes,
            blocked,
            unreliable,
            reassemblies,
            reassembly_bytes,
            requests,
            held,
            held_bytes,
            in_flight,
            ..
        } = load;
        under("calls to a peer", calls, config.queue_messages_peer)?;
        // An empty queue takes any message; those of the nodes' own may be longer than the callers'.
        let longest = config.message_bytes_max + RELAY_HEAD_BYTES_MAX;
        let queue_bytes = config.queue_bytes_peer.max(longest);
        under("call bytes of a peer", call_bytes, queue_bytes)?;
        under("messages beside the queue", asides, ASIDE_MESSAGES_PEER_MAX)?;
        under("bytes beside the queue", aside_bytes, ASIDE_BYTES_PEER_MAX)?;
        under(
            "deliveries that wait for room",
            blocked,
            FAN_OUT_DELIVERIES_MAX,
        )?;
        under(
            "unreliable messages of a peer",
            unreliable,
            config.unreliable_messages_peer,
        )?;
        under(
            "reassemblies of a peer",
            reassemblies,
            REASSEMBLIES_PEER_MAX,
        )?;
        under(
            "reassembly bytes of a peer",
            reassembly_bytes,
            config.reassembly_bytes_peer,
        )?;
        under("messages held for their turn", held, held_max)?;
        under(
            "bytes held for their turn",
            held_bytes,
            config.reassembly_bytes_peer,
        )?;
        under("requests of a peer", requests, OPEN_REQUESTS_PEER_MAX)?;
        under(
            "bytes in flight to a peer",
            in_flight,
            config.window_bytes_max + BEYOND_WINDOW_MAX * config.datagram_bytes,
        )?;
    }
    Ok(())
}

/// Looks at a node that has nothing under way any more.
pub(super) fn leftovers(by: ProcessId, endpoint: &Endpoint) -> Result<(), Violation> {
    let none = |what, value| match value {
        0 => Ok(()),
        _ => Err(Violation::LeftBehind { by, what, value }),
    };
    let stats = endpoint.messages().stats();
    none("places in use", stats.incoming)?;
    none("messages held", stats.messages)?;
    none("reassembly bytes", stats.reassembly_bytes)?;
    none("errands", endpoint.relay_stats().errands)?;
    let members = endpoint.values().member_addrs();
    let forgotten = members.filter(|addr| endpoint.members().node(*addr).is_none());
    none("values of nodes that are forgotten", forgotten.count())?;
    for (peer, _) in endpoint.sessions().peers() {
        let Some(load) = endpoint.messages().load(peer) else {
            continue;
        };
        none("calls to a peer", load.calls)?;
        none("call bytes of a peer", load.call_bytes)?;
        none("messages beside the queue", load.asides)?;
        none("bytes beside the queue", load.aside_bytes)?;
        none("deliveries that wait for room", load.blocked)?;
        none("unreliable messages of a peer", load.unreliable)?;
        none("reassemblies of a peer", load.reassemblies)?;
        none("requests of a peer", load.requests)?;
        none("messages held for their turn", load.held)?;
        let beyond_pings = load.in_flight.saturating_sub(PINGS_BYTES_MAX);
        none("bytes in flight to a peer", beyond_pings)?;
    }
    Ok(())
}
