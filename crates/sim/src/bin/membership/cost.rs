//! What a run has taken of the machine.

use std::{fmt, fs};

/// Clock ticks a second in `/proc`, on every architecture Linux runs on (USER_HZ, proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;

/// Nothing where there is no `/proc`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    cpu_seconds: Option<f64>,
    peak_mib: Option<f64>,
}

impl Cost {
    /// Of this process, since its start.
    pub(crate) fn so_far() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        Self {
            cpu_seconds: cpu_ticks(&stat).map(|ticks| ticks / TICKS_PER_SECOND),
            peak_mib: peak_kib(&status).map(|kib| kib / 1_024.0),
        }
    }
}

/// The fields utime and stime, the 14th and 15th; the second may have spaces in it and ends with a bracket.
fn cpu_ticks(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<f64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}

fn peak_kib(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.cpu_seconds, self.peak_mib) {
            (Some(cpu), Some(peak)) => {
                write!(
                    f,
                    "took {cpu:.0} s of CPU and {peak:.0} MiB of memory at most"
                )
            }
            _ => write!(f, "what it took is not known here"),
        }
    }
}
