//! The binary as its users meet it: real processes over loopback.

mod admin;
mod config;
mod dev;
mod errors;
mod events;
mod messages;
mod nodes;
mod rows;
mod support;
