//! Panics become values: a core that panics has failed its day, not the run.

use std::{
    cell::RefCell,
    panic::{self, AssertUnwindSafe},
};

thread_local! {
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps what panics say from now on, and where, instead of printing it.
pub(crate) fn record() {
    panic::set_hook(Box::new(|info| {
        let text = info.to_string().replace('\n', " ");
        LAST.with(|last| *last.borrow_mut() = text);
    }));
}

/// What `run` gives, or what its panic said.
pub(crate) fn catch<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    // Nothing of what the run has touched is looked at afterwards.
    panic::catch_unwind(AssertUnwindSafe(run)).map_err(|_| LAST.with(RefCell::take))
}
