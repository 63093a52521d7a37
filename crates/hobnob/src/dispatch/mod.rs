//! Runs handlers.

mod chain;
mod inbox;
pub(crate) mod local;
mod registry;

pub(crate) use inbox::{Inbox, Running, copied};
pub(crate) use registry::Handlers;
