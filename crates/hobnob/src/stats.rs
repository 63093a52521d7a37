//! Counters, for people and for the `metrics` facade.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval};

use crate::driver::Shared;

/// How often the counters are handed to the `metrics` recorder. Scrapers come every few seconds.
const PUBLISH_INTERVAL: Duration = Duration::from_secs(1);

/// Counters and gauges of a node at one moment: counters end in `_total` and never go down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    values: Vec<(&'static str, u64)>,
}

impl Stats {
    pub(crate) fn of(shared: &Shared) -> Self {
        let core = shared.core();
        let endpoint = &core.endpoint;
        let mut values = Vec::new();
        values.extend(endpoint.sessions().stats().iter());
        values.extend(endpoint.members().stats().iter());
        values.extend(endpoint.messages().stats().iter());
        values.extend(endpoint.relay_stats().iter());
        values.extend(endpoint.shared().stats().iter());
        values.extend(endpoint.values().stats().iter());
        values.push(("values_unreadable_total", core.unpacked.unreadable()));
        values.push(("gossip_dropped_total", endpoint.gossip_dropped()));
        values.push(("strangers_untold_total", endpoint.strangers_untold()));
        let health = endpoint.members().health();
        values.push(("gossip_local_health", u64::from(health)));
        drop(core);
        values.push((
            "handler_errors_total",
            shared.handlers.errors.load(Ordering::Relaxed),
        ));
        let streams = shared.handlers.streams.len();
        values.push(("streams_at_handlers", streams as u64));
        values.push(("messages_without_place_total", shared.handlers.dropped()));
        values.push(("send_errors_total", shared.send_errors()));
        values.push(("permits", shared.admission.permits() as u64));
        values.push(("clients", shared.admission.clients() as u64));
        Self { values }
    }

    /// Every name with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.values.iter().copied()
    }

    /// The value under a name.
    pub fn get(&self, name: &str) -> Option<u64> {
        self.values
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    }
}

/// Hands the counters to the process's `metrics` recorder, as `hobnob_…`, until the mesh is closed.
#[allow(
    clippy::cast_precision_loss,
    reason = "gauges are floating point numbers"
)]
pub(crate) async fn publish(shared: Arc<Shared>) {
    let mut ticks = interval(PUBLISH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            _ = ticks.tick() => {}
            () = shared.closed.wait() => return,
        }
        for (name, value) in Stats::of(&shared).iter() {
            let full = format!("hobnob_{name}");
            if name.ends_with("_total") {
                metrics::counter!(full).absolute(value);
            } else {
                metrics::gauge!(full).set(value as f64);
            }
        }
    }
}
