//! The processes of a measurement: started by this one, ended with it.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio, exit},
    thread,
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::Result;

/// A child that runs this same binary. Dropping it kills it.
pub(crate) struct Process {
    name: String,
    child: Child,
    /// Its end tells the child to end, also when this process is killed.
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Process {
    pub(crate) fn start(name: String, args: &[String]) -> Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {name}: {error}"))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().ok_or("a child without a stdout")?;
        Ok(Self {
            name,
            child,
            stdin,
            stdout: BufReader::new(stdout),
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the child's next line of JSON.
    pub(crate) fn read<T: DeserializeOwned>(&mut self) -> Result<T> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        let value = serde_json::from_str(&line);
        value.map_err(|_| format!("{} ended without a result", self.name).into())
    }

    /// Tells the child to end and waits for its last line.
    pub(crate) fn finish<T: DeserializeOwned>(mut self) -> Result<T> {
        self.stdin = None;
        self.read()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for a child that has ended and was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In a child: says something to the process that started it.
pub(crate) fn say(value: &impl Serialize) -> Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", serde_json::to_string(value)?)?;
    Ok(stdout.flush()?)
}

/// In a child: ends it once stdin has ended, after some last words.
pub(crate) fn end_with_stdin(last_words: impl FnOnce() + Send + 'static) {
    thread::spawn(move || {
        // However reading ends, nobody will say more.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        last_words();
        exit(0);
    });
}

/// In a child: ends it if it still runs then. A thread sees to that, not the runtime, which may be what hangs.
pub(crate) fn end_after(patience: Duration) {
    thread::spawn(move || {
        thread::sleep(patience);
        // Without stderr there is nobody to tell.
        let _ = writeln!(io::stderr(), "no result after {patience:?}");
        exit(1);
    });
}

/// User and system time a process has used so far, all threads together; 10 ms fine on most kernels.
pub(crate) fn cpu_time(process: u32) -> Result<Duration> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let ticks = cpu_ticks(&text).ok_or_else(|| format!("/proc/{process}/stat reads {text:?}"))?;
    let nanos = u128::from(ticks) * 1_000_000_000;
    let nanos = nanos / u128::from(rustix::param::clock_ticks_per_second().max(1));
    Ok(Duration::from_nanos(u64::try_from(nanos)?))
}

/// utime + stime, the 14th and 15th field; the second one is a name that may hold anything but ends with the
/// last parenthesis. proc_pid_stat(5).
fn cpu_ticks(stat: &str) -> Option<u64> {
    let after_name = stat.rsplit_once(") ")?.1;
    let mut fields = after_name.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_ticks_are_found_behind_any_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 110 0 0 0 230 41 0 0 20 0 1 0 100 0 0";
        assert_eq!(cpu_ticks(stat), Some(271));
        assert_eq!(cpu_ticks("7 (short) S 1"), None);
    }

    #[test]
    fn the_cpu_time_of_this_process_can_be_read() {
        assert!(cpu_time(std::process::id()).is_ok());
    }
}
