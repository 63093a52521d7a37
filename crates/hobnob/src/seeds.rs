//! Greets the seeds until there is company.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    net::lookup_host,
    time::{Instant, sleep, timeout},
};

use crate::driver::{NEVER, Shared};

/// Pause after the first greeting; doubles up to [`PAUSE_MAX`] while nobody answers.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// Longest pause between greetings while alone, and between looks while not.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// How long the resolver may take for one name.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(3);

/// How often seeds that are no live members are greeted although there is company: after a partition that
/// lasted until both sides had forgotten each other, nobody else would.
const REUNION_PAUSE: Duration = Duration::from_secs(30);

/// Greets the seeds while the node is alone, and now and then those that are missing. Names are resolved
/// again each time.
pub(crate) async fn run(shared: Arc<Shared>) {
    if !shared.settings.seeds.is_empty() {
        greet_again_and_again(&shared).await;
        shared.greeting.store(NEVER, Ordering::Relaxed);
    }
}

/// Whether a seed can ever be resolved: a host and a port. Whether the host exists is another matter.
pub(crate) fn has_form(seed: &str) -> bool {
    seed.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0)
    })
}

async fn greet_again_and_again(shared: &Shared) {
    let mut pause = PAUSE_MIN;
    let mut greeted = Instant::now();
    loop {
        let is_alone = shared.core().endpoint.members().is_alone();
        if is_alone || greeted.elapsed() >= REUNION_PAUSE {
            tokio::select! {
                biased;
                () = greet(shared) => greeted = Instant::now(),
                () = shared.closed.wait() => return,
            }
        }
        let pause_now = if is_alone { pause } else { PAUSE_MAX };
        let next = shared.clock.now() + pause_now;
        shared.greeting.store(next.as_nanos(), Ordering::Relaxed);
        tokio::select! {
            biased;
            () = sleep(pause_now) => {}
            () = shared.closed.wait() => return,
        }
        pause = if is_alone {
            (pause * 2).min(PAUSE_MAX)
        } else {
            PAUSE_MIN
        };
    }
}

async fn greet(shared: &Shared) {
    for seed in &shared.settings.seeds {
        match timeout(RESOLVE_TIMEOUT, resolve(shared, seed)).await {
            Ok(Ok(addresses)) => {
                for address in addresses {
                    shared.command(|core, now| {
                        let members = core.endpoint.members();
                        if members
                            .node(address)
                            .is_none_or(|node| node.state.is_gone())
                        {
                            core.endpoint.join(now, address);
                        }
                    });
                }
                shared.flush_now();
            }
            Ok(Err(error)) => {
                tracing::warn!(seed, %error, "cannot resolve the seed; will try again");
            }
            Err(_) => tracing::warn!(seed, "resolving the seed takes too long; will try again"),
        }
    }
}

/// The addresses behind a seed. A simulated network has no names.
async fn resolve(shared: &Shared, seed: &str) -> io::Result<Vec<SocketAddr>> {
    if shared.clock.is_virtual() {
        return seed
            .parse()
            .map(|address| vec![address])
            .map_err(io::Error::other);
    }
    Ok(lookup_host(seed).await?.collect())
}
