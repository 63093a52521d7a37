//! A network of membership cores in memory, under virtual time: every run is determined by its seed.

mod mirror;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use hobnob_gossip::{
    DeclaredState, Event, Gossip, GossipConfig, Identity, Metadata, MetadataFields, Node,
    NodeState, Profile, ValidGossipConfig, limits,
};
use hobnob_wire::{Generation, Instant, limits::GOSSIP_BYTES_MAX};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

pub(crate) use self::mirror::Mirror;

/// What the network does to payloads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) loss_percent: u32,
    pub(crate) duplicate_percent: u32,
    pub(crate) latency: (Duration, Duration),
}

impl Weather {
    pub(crate) const CALM: Self = Self::lossy(0);

    pub(crate) const fn lossy(loss_percent: u32) -> Self {
        Self {
            loss_percent,
            duplicate_percent: if loss_percent == 0 { 0 } else { 5 },
            latency: (Duration::from_micros(200), Duration::from_millis(1)),
        }
    }
}

pub(crate) struct Host {
    pub(crate) addr: SocketAddr,
    pub(crate) gossip: Gossip,
    pub(crate) events: Vec<(Instant, Event)>,
    mirror: Mirror,
    version: u64,
    running: bool,
    /// Its timers run, but what it sends and what is sent to it is held.
    blocked: bool,
    frozen: bool,
}

#[derive(Clone)]
struct Flight {
    from: SocketAddr,
    to: SocketAddr,
    payload: Vec<u8>,
}

pub(crate) struct Net {
    pub(crate) now: Instant,
    pub(crate) weather: Weather,
    pub(crate) hosts: Vec<Host>,
    pub(crate) payloads_sent: u64,
    pub(crate) bytes_sent: u64,
    /// Copies of what was sent, while somebody collects them.
    pub(crate) recorded: Option<Vec<Vec<u8>>>,
    config: ValidGossipConfig,
    flights: BTreeMap<(Instant, u64), Flight>,
    held: Vec<Flight>,
    due: BTreeSet<(Instant, usize)>,
    due_of: Vec<Option<Instant>>,
    islands: Vec<u8>,
    /// How much of what a host is sent does not arrive, in percent, beside what the weather takes.
    pub(crate) deafness: BTreeMap<usize, u32>,
    /// From whom nothing arrives at whom.
    pub(crate) cuts: BTreeSet<(SocketAddr, SocketAddr)>,
    /// Those who have answered something else than gossip, whenever that matters.
    pub(crate) vouched_for: BTreeSet<SocketAddr>,
    places: BTreeMap<SocketAddr, usize>,
    rng: ChaCha8Rng,
    flown: u64,
    /// Events and new versions of directories so far.
    changes: u64,
}

pub(crate) fn addr(index: usize) -> SocketAddr {
    let index = u16::try_from(index).expect("few hosts");
    SocketAddr::from(([10, 0, (index >> 8) as u8, (index & 0xff) as u8], 7_000))
}

pub(crate) fn metadata(index: usize) -> Metadata {
    let node_type = ["udp", "tcp", "http", "ws"][index % 4];
    Metadata::new(MetadataFields {
        node_type: node_type.into(),
        name: format!("node-{index}"),
        endpoint: Some(format!("192.0.2.{index}:4000")),
        app_version: "1".into(),
        ..MetadataFields::default()
    })
    .expect("within limits")
}

/// Metadata with another role.
pub(crate) fn metadata_with_role(index: usize, role: &str) -> Metadata {
    let fields = MetadataFields {
        role: role.into(),
        ..metadata(index).into_fields()
    };
    Metadata::new(fields).expect("within limits")
}

/// Metadata as large as it can be.
pub(crate) fn largest_metadata(index: usize, fill: u8) -> Metadata {
    let letter = char::from(b'a' + fill % 26);
    let padded = |text: &str, len: usize| format!("{text:x<len$}");
    let filled = |len: usize| letter.to_string().repeat(len);
    let fields = metadata(index).into_fields();
    Metadata::new(MetadataFields {
        node_type: padded(&fields.node_type, limits::NODE_TYPE_BYTES_MAX),
        role: filled(limits::ROLE_BYTES_MAX),
        name: padded(&fields.name, limits::NAME_BYTES_MAX),
        endpoint: Some(filled(limits::ENDPOINT_BYTES_MAX)),
        app: filled(limits::APP_BYTES_MAX),
        app_version: format!("1+{}", filled(limits::APP_VERSION_BYTES_MAX - 2)),
        compatible_with: format!("..2+{}", filled(limits::COMPATIBLE_WITH_BYTES_MAX - 4)),
    })
    .expect("as long as they may be")
}

impl Net {
    pub(crate) fn new(seed: u64, weather: Weather) -> Self {
        Self::with_config(seed, weather, Profile::Local.into())
    }

    pub(crate) fn with_config(seed: u64, weather: Weather, config: ValidGossipConfig) -> Self {
        Self {
            now: Instant::from_nanos(1),
            weather,
            hosts: Vec::new(),
            payloads_sent: 0,
            bytes_sent: 0,
            recorded: None,
            config,
            flights: BTreeMap::new(),
            held: Vec::new(),
            due: BTreeSet::new(),
            due_of: Vec::new(),
            islands: Vec::new(),
            deafness: BTreeMap::new(),
            cuts: BTreeSet::new(),
            vouched_for: BTreeSet::new(),
            places: BTreeMap::new(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            flown: 0,
            changes: 0,
        }
    }

    /// A cluster of `size` that has come together by way of its first node.
    pub(crate) fn joined(seed: u64, weather: Weather, size: usize) -> Self {
        let mut net = Self::new(seed, weather);
        for index in 0..size {
            net.add(index, 1_000);
        }
        net.join_all();
        net
    }

    /// Lets everybody announce to the first node until all see all.
    pub(crate) fn join_all(&mut self) {
        let began = self.now;
        while !self.all_see_all() {
            for index in 1..self.hosts.len() {
                if self.hosts[index].gossip.is_alone() {
                    self.announce(index, 0);
                }
            }
            self.run_for(Duration::from_millis(500));
            let took = self.now.saturating_since(began);
            assert!(
                took < Duration::from_secs(30),
                "no full view after {took:?}"
            );
        }
    }

    pub(crate) fn add(&mut self, index: usize, generation: u64) {
        let identity = Identity {
            addr: addr(index),
            generation: Generation(generation),
        };
        assert_eq!(index, self.hosts.len(), "hosts are added in order");
        let gossip = self.start(identity, metadata(index));
        self.hosts.push(Host {
            addr: identity.addr,
            gossip,
            events: Vec::new(),
            mirror: Mirror::default(),
            version: 0,
            running: true,
            blocked: false,
            frozen: false,
        });
        self.due_of.push(None);
        self.islands.push(0);
        self.places.insert(identity.addr, index);
    }

    fn start(&mut self, identity: Identity, metadata: Metadata) -> Gossip {
        let seed = self.rng.random();
        Gossip::new(self.config.clone(), identity, metadata, seed, self.now)
    }

    /// Begins anew at the same place, as another process.
    pub(crate) fn restart(&mut self, index: usize, generation: u64) {
        let identity = Identity {
            addr: self.hosts[index].addr,
            generation: Generation(generation),
        };
        let gossip = self.start(identity, metadata(index));
        let host = &mut self.hosts[index];
        host.gossip = gossip;
        host.mirror = Mirror::default();
        host.events.clear();
        host.running = true;
    }

    /// No time passes for the host, and nothing reaches it.
    pub(crate) fn stop(&mut self, index: usize) {
        self.hosts[index].running = false;
        self.reschedule(index);
    }

    pub(crate) fn resume(&mut self, index: usize) {
        self.hosts[index].running = true;
        self.reschedule(index);
    }

    /// As SIGSTOP: nothing runs, and what arrives waits in the socket.
    pub(crate) fn freeze(&mut self, index: usize) {
        self.block(index);
        self.stop_timers(index);
    }

    /// It goes on: the socket is read before a timer is believed.
    pub(crate) fn thaw(&mut self, index: usize) {
        self.unblock(index);
        self.hosts[index].frozen = false;
        self.reschedule(index);
    }

    fn stop_timers(&mut self, index: usize) {
        self.hosts[index].frozen = true;
        self.reschedule(index);
    }

    /// Time passes for the host, but until it is let go nothing leaves or reaches it: an overloaded machine
    /// whose network threads are starved.
    pub(crate) fn block(&mut self, index: usize) {
        self.hosts[index].blocked = true;
    }

    /// What was held arrives now, in order.
    pub(crate) fn unblock(&mut self, index: usize) {
        self.hosts[index].blocked = false;
        let at = self.hosts[index].addr;
        let (ours, others) = std::mem::take(&mut self.held)
            .into_iter()
            .partition::<Vec<_>, _>(|flight| flight.to == at || flight.from == at);
        self.held = others;
        for flight in ours {
            if flight.to == at {
                self.deliver(&flight);
            } else {
                self.send(&flight);
            }
        }
    }

    /// Hosts of different islands do not reach each other.
    pub(crate) fn partition(&mut self, island: impl Fn(usize) -> u8) {
        self.islands = (0..self.hosts.len()).map(island).collect();
    }

    pub(crate) fn announce(&mut self, index: usize, to: usize) {
        let to = addr(to);
        self.with(index, |gossip, now| gossip.announce(now, to));
    }

    pub(crate) fn declare(&mut self, index: usize, state: DeclaredState) {
        self.with(index, |gossip, now| gossip.set_state(now, state));
    }

    pub(crate) fn leave(&mut self, index: usize) {
        self.with(index, Gossip::leave);
    }

    /// Does something to a host, and what follows from it.
    pub(crate) fn with<R>(
        &mut self,
        index: usize,
        act: impl FnOnce(&mut Gossip, Instant) -> R,
    ) -> R {
        let now = self.now;
        let result = act(&mut self.hosts[index].gossip, now);
        self.drain(index);
        result
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.next_moment().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.step();
        }
        self.now = end;
        for host in &mut self.hosts {
            host.mirror.check_nodes(&host.gossip);
        }
    }

    /// Runs until `done`, and returns how long that took. What is looked at has to be something that comes
    /// with an event or a new version of a directory.
    pub(crate) fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> Duration {
        let began = self.now;
        let end = began + limit;
        let mut looked_at = None;
        while looked_at == Some(self.changes) || !done(self) {
            looked_at = Some(self.changes);
            let next = self.next_moment().filter(|at| *at <= end);
            let Some(at) = next else {
                panic!("not done after {limit:?}");
            };
            self.now = self.now.max(at);
            self.step();
        }
        self.now.saturating_since(began)
    }

    fn next_moment(&self) -> Option<Instant> {
        let flight = self.flights.first_key_value().map(|((at, _), _)| *at);
        let timer = self.due.first().map(|(at, _)| *at);
        flight.into_iter().chain(timer).min()
    }

    fn step(&mut self) {
        if let Some(flight) = self.flights.first_entry()
            && flight.key().0 <= self.now
        {
            let flight = flight.remove();
            self.deliver(&flight);
            return;
        }
        if let Some((_, index)) = self.due.first().copied() {
            let now = self.now;
            self.vouch(index);
            self.hosts[index].gossip.handle_timeout(now);
            self.drain(index);
            let next = self.hosts[index].gossip.poll_timeout();
            assert!(
                next.is_none_or(|next| next.at > now),
                "a timeout leaves nothing due: {next:?} at {now}"
            );
        }
    }

    fn vouch(&mut self, index: usize) {
        let gossip = &mut self.hosts[index].gossip;
        let due: Vec<Identity> = gossip.suspects_due(self.now).map(|due| due.whom).collect();
        for whom in due {
            if self.vouched_for.contains(&whom.addr) {
                gossip.vouch(self.now, whom);
            }
        }
    }

    fn deliver(&mut self, flight: &Flight) {
        let Some(index) = self.index_of(flight.to) else {
            return;
        };
        if !self.hosts[index].running {
            return;
        }
        if self.hosts[index].blocked {
            self.held.push(flight.clone());
            return;
        }
        let now = self.now;
        let host = &mut self.hosts[index];
        host.gossip
            .handle_payload(now, flight.from, &flight.payload)
            .unwrap_or_else(|error| panic!("{} from {}: {error}", flight.to, flight.from));
        self.drain(index);
    }

    fn drain(&mut self, index: usize) {
        let now = self.now;
        let from = self.hosts[index].addr;
        while let Some((to, payload)) = self.hosts[index].gossip.poll_transmit() {
            assert!(payload.len() <= GOSSIP_BYTES_MAX, "{} bytes", payload.len());
            assert_ne!(to, from, "nobody sends to itself");
            self.payloads_sent += 1;
            self.bytes_sent += payload.len() as u64;
            if let Some(recorded) = &mut self.recorded {
                recorded.push(payload.clone());
            }
            let flight = Flight { from, to, payload };
            if self.hosts[index].blocked {
                self.held.push(flight);
            } else {
                self.send(&flight);
            }
        }
        let host = &mut self.hosts[index];
        while let Some(event) = host.gossip.poll_event() {
            host.mirror.apply(&event);
            host.events.push((now, event));
            self.changes += 1;
        }
        let version = host.gossip.version();
        self.changes += u64::from(std::mem::replace(&mut host.version, version) != version);
        assert_eq!(
            host.gossip.stats().swim_faults,
            0,
            "foca is used as it should be"
        );
        self.reschedule(index);
    }

    fn send(&mut self, flight: &Flight) {
        let island = |at| self.index_of(at).map(|index| self.islands[index]);
        let is_cut = self.cuts.contains(&(flight.from, flight.to));
        if island(flight.from) != island(flight.to) || is_cut {
            return;
        }
        let to = self.index_of(flight.to);
        let deafness = to.and_then(|to| self.deafness.get(&to)).copied();
        if self.chance(deafness.unwrap_or(0)) {
            return;
        }
        if self.is_refused(flight) {
            // The hello and its refusal are a round trip of their own.
            let is_lost = |net: &mut Self| net.chance(net.weather.loss_percent);
            if !is_lost(self) && !is_lost(self) {
                let now = self.now;
                let from = self.places[&flight.from];
                self.hosts[from].gossip.refused(now, flight.to);
            }
            return;
        }
        let copies = 1 + usize::from(self.chance(self.weather.duplicate_percent));
        for _ in 0..copies {
            if self.chance(self.weather.loss_percent) {
                continue;
            }
            let (least, most) = self.weather.latency;
            let latency = self.rng.random_range(least..=most);
            self.flown += 1;
            let copy = Flight {
                payload: flight.payload.clone(),
                ..*flight
            };
            self.flights.insert((self.now + latency, self.flown), copy);
        }
    }

    /// Whether the two would get no session.
    fn is_refused(&self, flight: &Flight) -> bool {
        let release = |at| {
            let index = self.index_of(at)?;
            let me = self.hosts[index].gossip.me();
            Some(me.metadata.release())
        };
        match (release(flight.from), release(flight.to)) {
            (Some(one), Some(other)) => !one.is_compatible_with(other),
            _ => false,
        }
    }

    fn index_of(&self, addr: SocketAddr) -> Option<usize> {
        self.places.get(&addr).copied()
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn reschedule(&mut self, index: usize) {
        if let Some(at) = self.due_of[index].take() {
            self.due.remove(&(at, index));
        }
        let host = &self.hosts[index];
        if let Some(next) = host
            .gossip
            .poll_timeout()
            .filter(|_| host.running && !host.frozen)
        {
            self.due_of[index] = Some(next.at);
            self.due.insert((next.at, index));
        }
    }

    // What the tests ask.

    pub(crate) fn seen(&self, by: usize, whom: usize) -> Option<&Node> {
        self.hosts[by].gossip.node(addr(whom)).map(AsRef::as_ref)
    }

    pub(crate) fn state(&self, by: usize, whom: usize) -> Option<NodeState> {
        self.seen(by, whom).map(|node| node.state)
    }

    /// Whether all running hosts but `whom` see it in `state`.
    pub(crate) fn all_see(&self, whom: usize, state: NodeState) -> bool {
        (0..self.hosts.len())
            .filter(|by| *by != whom && self.hosts[*by].running)
            .all(|by| self.state(by, whom) == Some(state))
    }

    /// Whether all running hosts see all others as those see themselves. Where payloads get lost, somebody
    /// is always under suspicion for a moment.
    pub(crate) fn all_see_all(&self) -> bool {
        let running = || (0..self.hosts.len()).filter(|index| self.hosts[*index].running);
        running().all(|by| {
            running().filter(|whom| *whom != by).all(|whom| {
                let me = self.hosts[whom].gossip.me();
                self.seen(by, whom).is_some_and(|seen| {
                    let suspected =
                        self.weather.loss_percent > 0 && seen.state == NodeState::Suspect;
                    let mut seen = seen.clone();
                    if suspected {
                        seen.state = seen.declared.into();
                    }
                    seen == **me
                })
            })
        })
    }

    /// Whether all running hosts see what `whom` declares.
    pub(crate) fn all_know(&self, whom: usize, declared: DeclaredState) -> bool {
        (0..self.hosts.len())
            .filter(|by| *by != whom && self.hosts[*by].running)
            .all(|by| {
                self.seen(by, whom)
                    .is_some_and(|seen| seen.declared == declared)
            })
    }

    /// Whether a host ever had an event that `matches`.
    pub(crate) fn ever(&self, by: usize, matches: impl Fn(&Event) -> bool) -> bool {
        self.hosts[by]
            .events
            .iter()
            .any(|(_, event)| matches(event))
    }

    pub(crate) fn ever_failed(&self, by: usize, whom: usize) -> bool {
        self.ever(
            by,
            |event| matches!(event, Event::Failed(node) if node.addr() == addr(whom)),
        )
    }

    pub(crate) fn ever_left(&self, by: usize, whom: usize) -> bool {
        let whom = addr(whom);
        self.ever(by, |event| match event {
            Event::Left(node) => node.addr() == whom,
            Event::StateChanged { node, to, .. } => node.addr() == whom && *to == NodeState::Left,
            _ => false,
        })
    }
}

/// The values of the quick profile, changed.
pub(crate) fn config(change: impl FnOnce(&mut GossipConfig)) -> ValidGossipConfig {
    let mut config = GossipConfig::new(Profile::Local);
    change(&mut config);
    config.validate().expect("a sound configuration")
}
