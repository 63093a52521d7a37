//! What a process uses, by what the kernel tells of it.

use std::{collections::BTreeMap, fs, io, path::Path, time::Duration};

use rustix::io::Errno;

use crate::Result;

/// Time that each thread of some processes has run, to the nanosecond: what an agent at rest uses in half a minute
/// is a few of the 10 ms steps in which its stat file counts. The first number in `schedstat`, see the kernel's
/// `Documentation/scheduler/sched-stats.rst`.
#[derive(Debug)]
pub(crate) struct CpuTime(BTreeMap<u32, Duration>);

impl CpuTime {
    /// What the threads that live have run so far.
    ///
    /// # Errors
    ///
    /// If one of the processes is gone.
    pub(crate) fn of(processes: impl IntoIterator<Item = u32>) -> Result<Self> {
        let mut threads = BTreeMap::new();
        for process in processes {
            let known = threads.len();
            for thread in fs::read_dir(format!("/proc/{process}/task"))? {
                let thread = thread?;
                let Some(time) = thread_time(&thread.path())? else {
                    continue;
                };
                let id = thread.file_name().into_string().unwrap_or_default();
                threads.insert(id.parse()?, time);
            }
            if threads.len() == known {
                return Err(format!("process {process} has ended").into());
            }
        }
        Ok(Self(threads))
    }

    /// What they have run since an earlier reading. Of a thread that has ended since then nothing is known any more:
    /// what it ran in between is missing, what it ran before that takes nothing from the others.
    pub(crate) fn since(&self, before: &Self) -> Duration {
        let used = self.0.iter().map(|(thread, time)| {
            let before = before.0.get(thread).copied().unwrap_or_default();
            time.saturating_sub(before)
        });
        used.sum()
    }
}

/// `None` where the thread has ended since it was listed.
fn thread_time(thread: &Path) -> Result<Option<Duration>> {
    let file = thread.join("schedstat");
    match fs::read_to_string(&file) {
        Ok(text) => match run_time(&text) {
            Some(time) => Ok(Some(time)),
            None => Err(format!("{} reads {text:?}", file.display()).into()),
        },
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(format!("{}: {error}", file.display()).into()),
    }
}

/// Of what has ended a file can't be opened, or no longer be read.
fn is_gone(error: &io::Error) -> bool {
    let gone = [Errno::NOENT, Errno::SRCH].map(Errno::raw_os_error);
    error
        .raw_os_error()
        .is_some_and(|code| gone.contains(&code))
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
    use std::{
        process,
        sync::atomic::{AtomicBool, Ordering},
        thread,
    };

    use super::*;

    /// Far more than it takes until one of them meets the end of a thread.
    const READS: usize = 5_000;

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
    fn threads_may_end_while_they_are_read() {
        let read = AtomicBool::new(false);
        let failure = thread::scope(|scope| {
            scope.spawn(|| {
                while !read.load(Ordering::Relaxed) {
                    thread::scope(|short| drop(short.spawn(|| ())));
                }
            });
            let failure = (0..READS).find_map(|_| CpuTime::of([process::id()]).err());
            read.store(true, Ordering::Relaxed);
            failure
        });
        assert!(failure.is_none(), "{failure:?}");
    }

    #[test]
    fn this_process_uses_something() {
        let this = process::id();
        assert!(memory_mib(this).unwrap() > 0.1);
        let before = CpuTime::of([this]).unwrap();
        assert!(before.since(&CpuTime(BTreeMap::new())) > Duration::ZERO);
        assert_eq!(before.since(&before), Duration::ZERO);
    }

    #[test]
    fn a_process_that_is_gone_is_an_error() {
        // Above the kernel's PID_MAX_LIMIT.
        assert!(CpuTime::of([process::id(), u32::MAX]).is_err());
    }

    #[test]
    fn a_thread_that_has_ended_takes_nothing_from_the_others() {
        let reading = |threads: &[(u32, u64)]| {
            let threads = threads.iter().copied();
            CpuTime(
                threads
                    .map(|(id, nanos)| (id, Duration::from_nanos(nanos)))
                    .collect(),
            )
        };
        let before = reading(&[(1, 100), (2, 900)]);
        let after = reading(&[(1, 130), (3, 7)]);
        assert_eq!(after.since(&before), Duration::from_nanos(37));
    }
}
