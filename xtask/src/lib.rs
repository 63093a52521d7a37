//! The house keeper: every check this repository makes of itself, in Rust.
//!
//! `cargo xtask ci` runs a list of named steps (see [`steps`]). A step either
//! runs a program through [`process`], whose output streams through, or reads
//! the tree and the dependency graph and returns [`finding::Finding`]s. The
//! [`runner`] times the steps, keeps going after a failure, counts the tests
//! that `cargo test` reports ([`tally`]) and prints the summary.
//!
//! What it promises: the exit status is 0 only if every step passed, at least
//! one test ran and none was ignored; a check that is essential is never
//! skipped; one that needs a tool which may be absent says so in the summary.
//!
//! What it never does: change a tracked file, or look at the network other than
//! through cargo. No check installs anything; the chore `netns`, asked for by
//! name as root, installs the tools it lacks.
//!
//! Every rule that reads text is a function from text to findings, so that a
//! test can plant the fault it exists to find.

pub mod finding;
pub mod licences;
pub mod metadata;
pub mod msrv;
pub mod netns;
pub mod process;
pub mod purity;
pub mod runner;
pub mod sabotage;
pub mod sim;
pub mod source;
pub mod steps;
pub mod tally;
pub mod tidy;
pub mod tree;
