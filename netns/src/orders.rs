//! What a worker is told, and what it says: lines of JSON over its standard input and output.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// What a worker is told.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum Order {
    /// Begin to call the others.
    Work,
    /// Besides, send as much as goes to one node; `None` ends that.
    Flood(Option<SocketAddr>),
    /// Call nobody any more, and say so when all calls have ended.
    Rest,
    /// Write down whom you see.
    Look,
    /// End.
    Finish,
}

/// What a worker says.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum Word {
    /// It is there.
    Ready,
    /// It sees so many others Online.
    Online(usize),
    /// All its calls have ended.
    Rests,
    /// It has written down whom it sees: so many of them Online.
    Looked(usize),
}
