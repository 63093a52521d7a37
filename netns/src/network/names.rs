//! The names of our namespaces, by which they are found again.

use std::{
    process::id,
    sync::atomic::{AtomicU32, Ordering},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    Result,
    tool::{is_gone, run},
};

/// What the names of our namespaces begin with; the pid of the process that made them follows, and how many
/// it had made before.
const PREFIX: &str = "hobnob-";

/// Networks that this process has made.
static MADE: AtomicU32 = AtomicU32::new(0);

/// What the names of a network's namespaces begin with: no other network has the same.
pub(super) fn fresh() -> String {
    let serial = MADE.fetch_add(1, Ordering::Relaxed);
    format!("{PREFIX}{}-{serial}-", id())
}

/// Removes what earlier runs left behind that were killed: only names of ours whose maker is gone.
///
/// # Errors
///
/// If namespaces can't be listed.
pub(super) fn sweep() -> Result<()> {
    remove_all(|name| maker(name).is_some_and(is_gone))
}

/// Removes the namespaces of these names, and ends what runs in them.
///
/// # Errors
///
/// If namespaces can't be listed.
pub(super) fn remove_all(is_meant: impl Fn(&str) -> bool) -> Result<()> {
    let listed = run("ip netns list")?;
    let names = listed
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    names.filter(|name| is_meant(name)).for_each(remove);
    Ok(())
}

/// Ends what runs in a namespace of ours, then removes it.
fn remove(name: &str) {
    // Whatever fails here has gone already, or shows when the same name is made again.
    let inside = run(&format!("ip netns pids {name}")).unwrap_or_default();
    let pids = inside.lines().filter_map(|line| line.trim().parse().ok());
    for pid in pids.filter_map(Pid::from_raw) {
        let _ = kill_process(pid, Signal::KILL);
    }
    let _ = run(&format!("ip netns del {name}"));
}

/// The process that made a namespace, if one like us did.
fn maker(name: &str) -> Option<u32> {
    let mut parts = name.strip_prefix(PREFIX)?.splitn(3, '-');
    let maker = parts.next()?.parse().ok()?;
    let _serial: u32 = parts.next()?.parse().ok()?;
    let role = parts.next()?;
    let number = role.strip_prefix('n').map(str::parse::<usize>);
    (role == "hub" || matches!(number, Some(Ok(_)))).then_some(maker)
}
