//! From a seed to its addresses.

use std::{
    future::{Future, ready},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
};

use tokio::net::lookup_host;

use crate::simulation::Names;

/// What came of a lookup.
pub(crate) type Found = io::Result<Vec<SocketAddr>>;

/// A lookup under way.
pub(crate) type Lookup = Pin<Box<dyn Future<Output = Found> + Send>>;

/// Who knows what addresses are behind a name.
pub(crate) enum Resolver {
    /// The operating system. A lookup occupies a thread of tokio's blocking pool until the system gives up.
    System,
    /// A simulated world.
    Virtual(Arc<Names>),
    #[cfg(test)]
    Fake(Box<dyn Fn(&str) -> Lookup + Send + Sync>),
}

impl Resolver {
    pub(crate) fn look_up(&self, seed: &str) -> Lookup {
        if let Ok(address) = seed.parse() {
            return Box::pin(ready(Ok(vec![address])));
        }
        match self {
            Self::System => {
                let seed = seed.to_owned();
                Box::pin(async move { Ok(lookup_host(seed).await?.collect()) })
            }
            Self::Virtual(names) => Box::pin(ready(names.look_up(seed))),
            #[cfg(test)]
            Self::Fake(look_up) => look_up(seed),
        }
    }
}

/// Whether a seed has the form in which it can be looked up.
pub(super) fn is_host_and_port(seed: &str) -> bool {
    seed.parse::<SocketAddr>()
        .is_ok_and(|address| address.port() != 0)
        || seed.rsplit_once(':').is_some_and(|(host, port)| {
            let is_name = !host.is_empty() && !host.contains([':', '[', ']', '/']);
            is_name && port.parse::<u16>().is_ok_and(|port| port != 0)
        })
}
