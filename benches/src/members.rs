//! What the size of the cluster adds to the cost of a datagram: one node's membership core, by itself, with so many
//! members in its table. No socket, no sealing, no session: those cost the same in any cluster.
//!
//! - *Ping*: a peer's probe is read and its answer written.
//! - *Second*: all that one second at rest asks of a node besides, its timers and its own probe, which is answered.
//!
//! The sizes take turns within each round.

use std::{
    fmt,
    io::{Write, stdout},
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant as Clock},
};

use hobnob_gossip::{Gossip, Identity, Metadata, MetadataFields, Profile};
use hobnob_wire::{Generation, Instant};
use serde::Serialize;

use crate::{Result, args::MemberOptions, json::JsonFile, machine::Machine, statistics::Spread};

/// Pings that are timed together.
const PINGS: u32 = 2_000;

/// Seconds at rest that are timed together.
const SECONDS: u32 = 50;

#[derive(Debug, Serialize)]
struct Row {
    members: usize,
    ping_us: Spread,
    second_us: Spread,
}

#[derive(Debug, Serialize)]
struct Report {
    machine: Machine,
    rounds: u32,
    rows: Vec<Row>,
}

/// Runs it and shows the report.
pub(crate) fn run(options: &MemberOptions) -> Result<()> {
    let json = JsonFile::create(options.json.as_deref())?;
    let mut subjects = Vec::new();
    for members in &options.members {
        subjects.push((*members, Subject::with(*members)?, Vec::new(), Vec::new()));
    }
    for _ in 0..options.rounds {
        for (_, subject, pings, seconds) in &mut subjects {
            pings.push(subject.time_pings()?);
            seconds.push(subject.time_seconds());
        }
    }
    let rows = subjects
        .into_iter()
        .map(|(members, _, pings, seconds)| Row {
            members,
            ping_us: Spread::of(pings),
            second_us: Spread::of(seconds),
        });
    let report = Report {
        machine: Machine::this(),
        rounds: options.rounds,
        rows: rows.collect(),
    };
    write!(stdout(), "{report}")?;
    json.write(&report)
}

/// A node with members, and a ping of one of them.
struct Subject {
    gossip: Gossip,
    now: Instant,
    from: SocketAddr,
    ping: Vec<u8>,
}

impl Subject {
    fn with(members: usize) -> Result<Self> {
        let now = Instant::ZERO;
        let mut gossip = node(0, now)?;
        let mut ping = None;
        for index in 1..=members {
            let mut peer = node(index, now)?;
            peer.announce(now, gossip.me().addr());
            // The first is told in turn, and knows nobody else whom it could ask.
            let is_first = ping.is_none();
            talk(&mut gossip, &mut peer, now, is_first)?;
            if is_first {
                ping = Some((peer.me().addr(), ask(&mut peer, &gossip, now)?));
            }
        }
        let (from, ping) = ping.ok_or("a node without members")?;
        let mut subject = Self {
            gossip,
            now,
            from,
            ping,
        };
        // What is new is passed on until nobody needs it any more.
        subject.live(Duration::from_secs(60));
        Ok(subject)
    }

    /// Microseconds for each ping.
    fn time_pings(&mut self) -> Result<f64> {
        let begin = Clock::now();
        for _ in 0..PINGS {
            self.gossip
                .handle_payload(self.now, self.from, &self.ping)?;
            self.drain();
        }
        Ok(begin.elapsed().as_secs_f64() * 1e6 / f64::from(PINGS))
    }

    /// Microseconds for each second at rest.
    fn time_seconds(&mut self) -> f64 {
        let begin = Clock::now();
        self.live(Duration::from_secs(SECONDS.into()));
        begin.elapsed().as_secs_f64() * 1e6 / f64::from(SECONDS)
    }

    fn live(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.gossip.poll_timeout().filter(|due| due.at <= until) {
            self.now = self.now.max(due.at);
            self.gossip.handle_timeout(self.now);
            self.drain();
            self.gossip.probe_answered(self.now);
            self.drain();
        }
        self.now = until;
    }

    fn drain(&mut self) {
        while self.gossip.poll_transmit().is_some() {}
        while self.gossip.poll_event().is_some() {}
    }
}

fn node(index: usize, now: Instant) -> Result<Gossip> {
    let ip = Ipv4Addr::from(0x0a00_0001 + u32::try_from(index)?);
    let me = Identity {
        addr: SocketAddr::from((ip, 7_000)),
        generation: Generation(1),
    };
    let fields = MetadataFields {
        node_type: "room".into(),
        name: format!("room-{index}"),
        ..MetadataFields::default()
    };
    let seed = u64::try_from(index)?;
    Ok(Gossip::new(
        Profile::Lan.into(),
        me,
        Metadata::new(fields)?,
        seed,
        now,
    ))
}

/// The newcomer is heard, and answered if it is to know of it.
fn talk(gossip: &mut Gossip, newcomer: &mut Gossip, now: Instant, is_answered: bool) -> Result<()> {
    let (addr, from) = (gossip.me().addr(), newcomer.me().addr());
    while let Some((to, payload)) = newcomer.poll_transmit() {
        if to == addr {
            gossip.handle_payload(now, from, &payload)?;
        }
        while let Some((to, answer)) = gossip.poll_transmit() {
            if to == from && is_answered {
                newcomer.handle_payload(now, addr, &answer)?;
            }
        }
    }
    while gossip.poll_event().is_some() {}
    Ok(())
}

/// What a peer asks a node when it probes it.
fn ask(peer: &mut Gossip, gossip: &Gossip, begin: Instant) -> Result<Vec<u8>> {
    let addr = gossip.me().addr();
    let until = begin + Duration::from_secs(60);
    while let Some(due) = peer.poll_timeout().filter(|due| due.at <= until) {
        peer.handle_timeout(due.at);
        let is_probed = peer.probe().is_some_and(|probe| probe.whom.addr == addr);
        while let Some((to, payload)) = peer.poll_transmit() {
            if to == addr && is_probed {
                return Ok(payload);
            }
        }
        peer.probe_answered(due.at);
    }
    Err("the peer never probed the node".into())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine {
            cores, cpu, kernel, ..
        } = &self.machine;
        writeln!(
            f,
            "membership core by itself, medians of {} rounds (least to most)",
            self.rounds
        )?;
        writeln!(f, "{cores} cores ({cpu}), Linux {kernel}")?;
        writeln!(
            f,
            "{:>8} {:>30} {:>30}",
            "members", "ping, µs", "second at rest, µs"
        )?;
        for row in &self.rows {
            write!(f, "{:>8}", row.members)?;
            for Spread { median, min, max } in [row.ping_us, row.second_us] {
                write!(f, " {:>30}", format!("{median:.2} ({min:.2} to {max:.2})"))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
