//! Runs handlers.

mod chain;
mod inbox;
pub(crate) mod local;
mod registry;
mod streams;

pub(crate) use inbox::{Inbox, Running, copied};
pub(crate) use registry::Handlers;
