//! The namespaces: what they do to datagrams, and that they are gone afterwards. Where none can be made, the
//! tests say so and prove nothing.
#![expect(clippy::print_stderr, reason = "a test that is skipped says why")]

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use hobnob_netns::{
    network::{Network, probe},
    tool::run,
};
use rustix::process::{Pid, Signal, kill_process};

const PROGRAM: &str = env!("CARGO_BIN_EXE_hobnob-netns");

/// Datagrams of a volley: enough that a share of them is never none or all.
const VOLLEY: usize = 400;

/// Sends a volley from the first node to the second one, and counts what comes, by the kernel's own counter.
fn volley(network: &Network) -> u64 {
    let before = received(network);
    let to = Network::address(1);
    let script = format!("for i in $(seq {VOLLEY}); do echo hello > /dev/udp/{to}/9; done");
    let enter = network.enter(0);
    let status = Command::new(&enter[0])
        .args(&enter[1..])
        .args(["bash", "-c", &script])
        .status();
    assert!(status.expect("bash runs").success());
    received(network) - before
}

/// UDP datagrams that came to the second node, for a port that nobody listens on.
fn received(network: &Network) -> u64 {
    let enter = network.enter(1).join(" ");
    let counters = run(&format!("{enter} cat /proc/net/snmp")).expect("the kernel counts");
    let mut udp = counters
        .lines()
        .filter_map(|line| line.strip_prefix("Udp: "));
    let names = udp.next().expect("names").split(' ');
    let values = udp.next().expect("values").split(' ');
    let count = names.zip(values).find(|(name, _)| *name == "NoPorts");
    count.expect("it is there").1.parse().expect("a number")
}

fn namespaces_of(pid: u32) -> Vec<String> {
    namespaces(&format!("hobnob-{pid}-"))
}

fn namespaces(prefix: &str) -> Vec<String> {
    let listed = run("ip netns list").expect("namespaces can be listed");
    let names = listed.lines().filter(|line| line.starts_with(prefix));
    names.map(str::to_owned).collect()
}

fn is_skipped() -> bool {
    let reason = probe().err();
    if let Some(reason) = &reason {
        eprintln!("skipped: {reason}");
    }
    reason.is_some()
}

#[test]
fn loss_doubling_and_cuts_do_what_they_say_and_nothing_is_left() {
    if is_skipped() {
        return;
    }
    let network = Network::make(2).expect("it can be made");
    let all = VOLLEY as u64;
    assert_eq!(volley(&network), all, "nothing is lost unless asked for");
    network.lose(50).expect("a rule");
    let some = volley(&network);
    assert!((all / 4..all * 3 / 4).contains(&some), "{some} of {all}");
    network.lose(0).expect("no rule");
    network.double(50).expect("a rule");
    let more = volley(&network);
    assert!(
        (all * 5 / 4..all * 7 / 4).contains(&more),
        "{more} of {all}"
    );
    network.double(0).expect("no rule");
    network.cut(&[1]).expect("a rule");
    assert_eq!(volley(&network), 0, "nothing crosses a cut");
    network.cut(&[]).expect("no rule");
    assert_eq!(volley(&network), all, "the cut is healed");
    let counted = network.counters().expect("counters");
    assert_eq!(counted.sent, 5 * all);
    assert_eq!(counted.lost, all - some);
    assert_eq!(counted.doubled, more - all);
    assert!(counted.cut >= all, "the nodes look for each other, too");
    let first = network.enter(0).pop().expect("a name");
    let name = first
        .strip_suffix("n0")
        .expect("the first node's")
        .to_owned();
    assert_eq!(namespaces(&name).len(), 3, "two nodes and a hub");
    drop(network);
    assert_eq!(namespaces(&name), Vec::<String>::new());
}

#[test]
fn a_run_that_is_interrupted_takes_everything_down() {
    if is_skipped() {
        return;
    }
    let (mut child, pid) = start_run();
    assert!(!namespaces_of(pid).is_empty());
    signal(pid, Signal::INT);
    child.wait().expect("it is ours");
    assert_eq!(namespaces_of(pid), Vec::<String>::new());
}

#[test]
fn what_a_killed_run_left_behind_goes_with_the_next_one() {
    if is_skipped() {
        return;
    }
    let (mut child, pid) = start_run();
    let workers = workers_of(pid);
    assert_eq!(workers.len(), 5);
    assert!(!namespaces_of(pid).is_empty());
    // A stopped process does not notice that it is alone.
    signal(workers[0], Signal::STOP);
    signal(pid, Signal::KILL);
    child.wait().expect("it is ours");
    // By now they may be gone: any run that starts beside this test takes them down.
    probe().expect("it was possible before");
    assert_eq!(namespaces_of(pid), Vec::<String>::new());
    let patience = Instant::now() + Duration::from_secs(60);
    while workers.iter().any(|worker| is_running(*worker)) {
        assert!(Instant::now() < patience, "workers outlive the run");
        sleep(Duration::from_millis(10));
    }
}

/// Starts a run and waits until its workers see each other.
fn start_run() -> (std::process::Child, u32) {
    let mut child = Command::new(PROGRAM)
        .arg("run")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let stdout = child.stdout.take().expect("it is piped");
    let mut lines = BufReader::new(stdout).lines();
    lines.next().expect("it says how it goes").expect("text");
    let pid = child.id();
    (child, pid)
}

fn workers_of(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.expect("the kernel knows the children");
    let pids = children.split_whitespace().map(str::parse);
    pids.collect::<Result<_, _>>().expect("numbers")
}

/// A process that has ended may still wait for somebody to ask how.
fn is_running(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| {
            stat.rsplit_once(") ")
                .map(|(_, rest)| !rest.starts_with('Z'))
        })
        .unwrap_or(false)
}

fn signal(pid: u32, signal: Signal) {
    let pid = pid.try_into().ok().and_then(Pid::from_raw);
    kill_process(pid.expect("a pid"), signal).expect("it runs");
}
