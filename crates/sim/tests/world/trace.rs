//! The same seed gives the same trace, byte for byte: in one process, and in two.

use std::{env, fs, path::PathBuf, process::Command, sync::mpsc};

use crate::support::{MILLI, SECOND, beat, world};
use hobnob_sim::{Burst, Conditions, Fate, Host, Link};

/// Tells the child process of the test below where to leave its trace.
const TRACE_FILE: &str = "HOBNOB_SIM_TRACE_FILE";

/// A day with everything the network and the machines can do.
fn bad_day(seed: u64) -> String {
    let (mut sim, ids) = world(seed, 5);
    let (sink, lines) = mpsc::channel();
    sim.trace_into(move |line| sink.send(line.to_owned()).expect("somebody reads"));
    let conditions = Conditions::LAN
        .with_tail(0.02, SECOND)
        .with_reordering(0.2)
        .with_loss(0.1)
        .with_burst(Burst {
            enter: 0.02,
            leave: 0.2,
            loss: 0.8,
        })
        .with_duplication(0.1)
        .with_corruption(0.05)
        .with_truncation(0.05);
    sim.set_conditions(conditions);
    let link = Link {
        bits_per_second: 300_000,
        queue_bytes: 8_000,
    };
    let host = Host {
        ingress: Some(link),
        egress: Some(link),
        wake_delay: MILLI,
        ..Host::default()
    };
    sim.set_host(ids[1], host);
    let first = sim.addr(ids[0]);
    for &id in &ids[1..] {
        sim.with(id, |at| at.endpoint.join(at.now, first));
    }
    for (from, to) in [(1, 0), (2, 0), (3, 0), (4, 3)] {
        beat(&mut sim, ids[from], ids[to], 20 * MILLI);
    }
    sim.run_for(2 * SECOND);
    sim.pause(ids[2]);
    sim.cut(ids[3], ids[0], true);
    sim.set_clock_rate(ids[3], 300);
    sim.run_for(3 * SECOND);
    sim.resume(ids[2]);
    sim.jump_clock(ids[4], SECOND);
    sim.kill(ids[3]);
    sim.restart_elsewhere(ids[3]);
    sim.heal_all();
    sim.run_for(2 * SECOND);
    for fate in [
        Fate::LostInQueue,
        Fate::LostAtCut,
        Fate::LostInBurst,
        Fate::LostToNobody,
    ] {
        assert!(
            sim.counters().fate(fate) > 0,
            "seed {seed}: no datagram was {fate}"
        );
    }
    let hash = sim.trace();
    drop(sim);
    let mut text: String = lines
        .iter()
        .flat_map(|line: String| [line, "\n".into()])
        .collect();
    text.push_str(&format!("{hash:016x}\n"));
    text
}

#[test]
fn two_processes_tell_the_same_seed_alike() {
    let mine = bad_day(7);
    if let Some(file) = env::var_os(TRACE_FILE) {
        return fs::write(file, mine).expect("the parent made room for it");
    }
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("trace-of-the-child.txt");
    let child = Command::new(env::current_exe().expect("this is running"))
        .args(["--exact", "trace::two_processes_tell_the_same_seed_alike"])
        .env(TRACE_FILE, &file)
        .output()
        .expect("it can be run again");
    assert!(child.status.success(), "{child:?}");
    let its = fs::read_to_string(&file).expect("the child wrote it");
    // Not compared with assert_eq: it would print both.
    assert!(mine == its, "the traces differ: see {}", file.display());
    assert!(mine.lines().count() > 5_000, "{}", mine.lines().count());
}

#[test]
fn another_seed_tells_another_day() {
    let (one, same, other) = (bad_day(1), bad_day(1), bad_day(2));
    assert!(one == same);
    assert!(one != other);
    assert_ne!(
        one.lines().last(),
        other.lines().last(),
        "the hash differs too"
    );
}

#[test]
fn a_line_tells_when_what_and_where() {
    let text = bad_day(3);
    let find = |what: &str| {
        let line = text.lines().find(|line| line.contains(what));
        line.unwrap_or_else(|| panic!("no line with {what:?}"))
    };
    for what in [
        "sent: 10.0.0.2:7946 > 10.0.0.1:7946 data ",
        "arrived: 10.0.0.2:7946 > 10.0.0.1:7946 data ",
        "lost in a queue: ",
        " hello 128 ",
        " noise ",
        "fault: pause n2",
        "start: n3 10.0.0.4:7947 generation ",
        "timeout: n0 ",
        "wake: n1 0",
        "event: n0 Message(Unreliable",
    ] {
        find(what);
    }
    let times: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(time, _)| time)
        .collect();
    assert!(times.is_sorted(), "time never runs backwards");
    assert!(
        text.lines().all(|line| line.chars().count() < 320),
        "long events are cut"
    );
}
