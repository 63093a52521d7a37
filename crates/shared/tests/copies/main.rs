//! Several copies on a made-up network, from outside.

mod clocks;
mod cluster;
mod counters;
mod hostile;
mod laws;
mod limits;
mod net;
mod removals;
