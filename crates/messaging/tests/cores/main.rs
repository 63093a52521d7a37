//! Cores under virtual time: every promise of the crate, with a network that loses, repeats and reorders.

mod bottleneck;
mod calls;
mod credit;
mod delivery;
mod fairness;
mod fan_out;
mod harness;
mod hostile;
mod inner;
mod load;
mod paths;
mod reassembly;
mod scripted;
mod sessions;
mod streams;
