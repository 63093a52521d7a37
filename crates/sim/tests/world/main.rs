//! The simulated world: its network, its machines and its trace.

mod machines;
mod network;
mod support;
mod trace;
