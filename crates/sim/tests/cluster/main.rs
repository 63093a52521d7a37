//! Nodes with handlers of their own on a simulated cluster.

mod calls;
mod determinism;
mod faults;
#[path = "../../examples/partition.rs"]
mod partition;
mod rooms;
mod seeds;
mod shared;
mod time;
mod views;

#[test]
fn the_example_runs() {
    partition::main();
}
