//! What a process uses, by what the kernel tells of it.

use std::{fs, time::Duration};

use crate::Result;

/// Time that all living threads of a process have run, to the nanosecond: what an agent at rest uses in half a
/// minute is a few of the 10 ms steps in which its stat file counts. Its first number in `schedstat`, see the
/// kernel's `Documentation/scheduler/sched-stats.rst`.
pub(crate) fn cpu_time(process: u32) -> Result<Duration> {
    let mut all = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let file = thread?.path().join("schedstat");
        let text =
            fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        all += run_time(&text).ok_or_else(|| format!("{} reads {text:?}", file.display()))?;
    }
    Ok(all)
}

fn run_time(schedstat: &str) -> Option<Duration> {
    let first = schedstat.split(' ').next()?;
    first.parse().ok().map(Duration::from_nanos)
}

/// Resident memory of a process, in MiB. Pages of its program that it shares with others are counted, too.
pub(crate) fn memory_mib(process: u32) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    let kibibytes = resident_kib(&text).ok_or("a status without a VmRSS")?;
    Ok(f64::from(kibibytes) / 1_024.0)
}

fn resident_kib(status: &str) -> Option<u32> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_writes_is_read() {
        assert_eq!(
            run_time("1500000 20 3\n"),
            Some(Duration::from_micros(1_500))
        );
        assert_eq!(
            resident_kib("Name:\tserf\nVmRSS:\t   14640 kB\n"),
            Some(14_640)
        );
        assert_eq!(resident_kib("Name:\tserf\n"), None);
    }

    #[test]
    fn this_process_uses_something() {
        assert!(memory_mib(std::process::id()).unwrap() > 0.1);
        assert!(cpu_time(std::process::id()).is_ok());
    }
}
