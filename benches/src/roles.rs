//! The two processes of a measurement, from the inside.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::runtime;

use crate::{
    Result,
    args::{DriveOrder, ServeOrder},
    process::{end_after, end_with_stdin, say},
};

/// How long a server goes on receiving after it was told to end: what is in its socket buffers counts too.
const SETTLE: Duration = Duration::from_millis(100);

/// What a driver may take beyond the time it measures: joining, first calls, the calls under way at the end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server's first line: it is ready.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Ready {
    pub(crate) addresses: Vec<SocketAddr>,
}

/// A server's last line: what it has seen.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Seen {
    pub(crate) handled: u64,
}

/// Messages a server has handled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handled(Arc<AtomicU64>);

impl Handled {
    pub(crate) fn add(&self, messages: u64) {
        self.0.fetch_add(messages, Ordering::Relaxed);
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Serves a contender until stdin ends.
pub(crate) fn serve(order: &ServeOrder) -> Result<()> {
    let handled = Handled::default();
    let seen = handled.clone();
    end_with_stdin(move || {
        thread::sleep(SETTLE);
        // Nobody reads it when the process that started this one is gone.
        let _ = say(&Seen {
            handled: seen.count(),
        });
    });
    runtime(order.current_thread)?.block_on(async {
        let addresses = order.contender.serve(order.receivers, &handled).await?;
        say(&Ready { addresses })?;
        std::future::pending().await
    })
}

/// Drives a contender and says what was measured.
pub(crate) fn drive(order: DriveOrder) -> Result<()> {
    end_with_stdin(|| {});
    end_after(order.seconds * 2 + PATIENCE);
    runtime(order.current_thread)?.block_on(async {
        let sample = order.contender.drive(order).await?;
        say(&sample)
    })
}

fn runtime(current_thread: bool) -> Result<runtime::Runtime> {
    let mut builder = if current_thread {
        runtime::Builder::new_current_thread()
    } else {
        runtime::Builder::new_multi_thread()
    };
    Ok(builder.enable_all().build()?)
}
