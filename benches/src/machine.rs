//! Where the figures were taken.

use std::{fs, thread::available_parallelism};

use serde::Serialize;

/// What a reader must know of a machine to judge its figures.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) cpu: String,
    pub(crate) kernel: String,
    /// Largest socket buffer the kernel grants, in bytes: how large a burst gets through.
    pub(crate) socket_buffer_max: String,
}

impl Machine {
    /// This one; what it does not tell is `unknown`.
    pub(crate) fn this() -> Self {
        Self {
            cores: available_parallelism().map_or(1, usize::from),
            cpu: cpu_model().unwrap_or_else(unknown),
            kernel: first_line("/proc/sys/kernel/osrelease").unwrap_or_else(unknown),
            socket_buffer_max: first_line("/proc/sys/net/core/rmem_max").unwrap_or_else(unknown),
        }
    }
}

fn cpu_model() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn first_line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().next().map(str::to_owned)
}

fn unknown() -> String {
    "unknown".to_owned()
}
