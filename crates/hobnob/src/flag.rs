//! Something that happens once and stays so.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Set once, for good. Whoever waits is woken in the order of waiting, which a `watch` channel draws by chance.
#[derive(Debug)]
pub(crate) struct Flag {
    is_set: AtomicBool,
    set: Notify,
}

impl Flag {
    pub(crate) const fn new() -> Self {
        Self {
            is_set: AtomicBool::new(false),
            set: Notify::const_new(),
        }
    }

    pub(crate) fn set(&self) {
        self.is_set.store(true, Ordering::SeqCst);
        self.set.notify_waiters();
    }

    pub(crate) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::SeqCst)
    }

    /// Resolves when it is set; at once if it is. Cancel safe.
    pub(crate) async fn wait(&self) {
        // Made before the look: what happens after it is not missed.
        let set = self.set.notified();
        if !self.is_set() {
            set.await;
        }
    }
}
