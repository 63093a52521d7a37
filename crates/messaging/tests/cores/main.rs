//! Cores under virtual time: every promise of the crate, with a network that loses, repeats and reorders.

mod calls;
mod delivery;
mod fan_out;
mod harness;
mod hostile;
mod inner;
mod load;
mod scripted;
mod sessions;
mod streams;
