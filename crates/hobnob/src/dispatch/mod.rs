//! Runs handlers.

mod chain;
mod inbox;
pub(crate) mod local;
mod registry;
mod streams;

pub(crate) use inbox::{Inbox, Running, answer_too_large, copied};
pub(crate) use registry::Handlers;
