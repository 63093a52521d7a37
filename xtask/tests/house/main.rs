//! Each rule meets the fault it exists to find, and what it must let pass.

mod clippy_config;
mod counting;
mod fixture;
mod licences;
mod msrv;
mod process;
mod purity;
mod runner;
mod sabotage;
mod source;
mod std_probe;
mod tidy;
