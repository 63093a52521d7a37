//! The membership core: its commands, its clockwork, and how its parts act on each other.

use alloc::{sync::Arc, vec::Vec};
use core::{fmt, net::SocketAddr, time::Duration};

use hobnob_wire::{Generation, Instant, VarInt};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use crate::{
    asks::Asks,
    claim::{Claim, settles_in},
    clockwork::Schedule,
    codec::SwimPacket,
    config::ValidGossipConfig,
    directory::{Admission, Directory},
    event::Event,
    forget::Forgotten,
    identity::{Identity, Life, canonical_addr, is_node_addr},
    leave::Leave,
    metadata::Metadata,
    nacks::Errands,
    news::News,
    node::{DeclaredState, Node},
    outbox::Outbox,
    pack::ItemPacker,
    payload::{Item, Payload, Range},
    record::{Declared, Record},
    suspicion::Suspicions,
    swim::{Note, Swim},
    sync::Rest,
    vetting::Shunned,
    why::Why,
};

/// What went wrong so far, counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GossipStats {
    /// Payloads refused with a [`PayloadError`](crate::PayloadError).
    pub payloads_refused: u64,
    /// Questions that were not answered, as their sender asks too much.
    pub asks_ignored: u64,
    /// Members of whom was heard while there was no room for them.
    pub members_refused: u64,
    /// Payloads that were lost because `poll_transmit` was not drained.
    pub transmits_dropped: u64,
    /// Events that were lost because `poll_event` was not drained.
    pub events_dropped: u64,
    /// Broken invariants of our own use of SWIM; anything but zero is a bug.
    pub swim_faults: u64,
    /// Suspicions that began here: this node's own, and those it heard of.
    pub suspicions: u64,
    /// Verdicts that were put off because the suspect answered messages.
    pub verdicts_put_off: u64,
    /// Times this node found that it had stood still, and gave everybody their time again.
    pub standstills: u64,
    /// Probes made for others without a nack, because too many were under way.
    pub nacks_skipped: u64,
    /// Processes of an incompatible version of the application that others know.
    pub nodes_shunned: u64,
    /// Other live nodes that were found to have this node's name.
    pub name_conflicts: u64,
    /// Nodes of this node's name that were asked whether they are there, and declared dead as they did not answer.
    pub namesakes_missed: u64,
}

impl GossipStats {
    /// Every count with its name as a metric.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        [
            ("gossip_payloads_refused_total", self.payloads_refused),
            ("gossip_asks_ignored_total", self.asks_ignored),
            ("gossip_members_refused_total", self.members_refused),
            ("gossip_transmits_dropped_total", self.transmits_dropped),
            ("gossip_events_dropped_total", self.events_dropped),
            ("gossip_swim_faults_total", self.swim_faults),
            ("gossip_suspicions_total", self.suspicions),
            ("gossip_verdicts_put_off_total", self.verdicts_put_off),
            ("gossip_standstills_total", self.standstills),
            ("gossip_nacks_skipped_total", self.nacks_skipped),
            ("gossip_nodes_shunned_total", self.nodes_shunned),
            ("gossip_name_conflicts_total", self.name_conflicts),
            ("gossip_namesakes_missed_total", self.namesakes_missed),
        ]
        .into_iter()
    }
}

/// A probe under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Who is probed.
    pub whom: Identity,
    /// Since when.
    pub since: Instant,
    /// How soon an owner that repeats the question should do so: a few times before others are asked to
    /// probe, as often again until the round ends.
    pub repeat_after: Duration,
}

/// Repetitions of a probe before others are asked to probe. At 30 % loss both ways four miss a live peer
/// once in fifteen times, the eight of a whole round once in two hundred, besides what others find out.
const PROBE_REPETITIONS: u32 = 4;

/// One node's membership of the cluster, as a state machine without socket, clock or task.
///
/// After each call that takes `now`, drain: [`poll_transmit`](Self::poll_transmit) and
/// [`poll_event`](Self::poll_event) until they are empty, then wait for
/// [`poll_timeout`](Self::poll_timeout). Time never runs backwards: an earlier `now` counts as the latest
/// one.
pub struct Gossip {
    pub(crate) config: ValidGossipConfig,
    pub(crate) rng: ChaCha8Rng,
    /// This node's own word, as everybody is to know it.
    pub(crate) me: Record,
    node: Arc<Node>,
    pub(crate) swim: Swim,
    pub(crate) directory: Directory,
    pub(crate) news: News,
    pub(crate) forgotten: Forgotten,
    pub(crate) outbox: Outbox,
    pub(crate) asks: Asks,
    pub(crate) leave: Option<Leave>,
    pub(crate) claim: Claim,
    pub(crate) shunned: Shunned,
    /// Where the next round of anti-entropy begins.
    pub(crate) sync_from: Option<SocketAddr>,
    /// What the last one has left.
    pub(crate) sync_rest: Option<Rest>,
    /// Rounds of anti-entropy so far.
    pub(crate) sync_rounds: u8,
    pub(crate) stats: GossipStats,
    pub(crate) schedule: Schedule,
    pub(crate) suspicions: Suspicions,
    pub(crate) errands: Errands,
    /// When a member was last heard that nobody suspects.
    pub(crate) company_at: Option<Instant>,
    /// It is of no use to anybody, and knows it.
    pub(crate) hears_badly: bool,
    tuned: (u8, Duration),
    pub(crate) now: Instant,
}

impl Gossip {
    /// A node that knows nobody yet. `seed` determines every random choice it will make.
    ///
    /// `me.addr` is the address under which others reach it, and from which its payloads reach them.
    #[must_use]
    pub fn new(
        config: ValidGossipConfig,
        me: Identity,
        metadata: Metadata,
        seed: u64,
        now: Instant,
    ) -> Self {
        let life = Life::first(me);
        let me = Record {
            life,
            version: VarInt::from(1u8),
            declared: Declared::Here(DeclaredState::Online),
            yields: false,
            metadata: Arc::new(metadata),
        };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let swim = Swim::new(life, config.for_foca(1), rng.random());
        let mut directory = Directory::default();
        directory.set_name_settles(settles_in(&config));
        directory.claim_name(now, Some(&me));
        Self {
            tuned: tuning(&config, 1),
            claim: Claim::new(),
            shunned: Shunned::default(),
            suspicions: Suspicions::default(),
            errands: Errands::default(),
            company_at: None,
            hears_badly: false,
            config,
            rng,
            node: Arc::new(me.to_node()),
            me,
            swim,
            directory,
            news: News::default(),
            forgotten: Forgotten::default(),
            outbox: Outbox::default(),
            asks: Asks::default(),
            leave: None,
            sync_from: None,
            sync_rest: None,
            sync_rounds: 0,
            stats: GossipStats::default(),
            schedule: Schedule::default(),
            now,
        }
    }

    /// The other nodes, in order of their addresses: the live ones, and for a while those that are gone.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.directory.nodes()
    }

    /// The other node at an address.
    #[must_use]
    pub fn node(&self, addr: SocketAddr) -> Option<&Arc<Node>> {
        self.directory.get(canonical_addr(addr))?.node()
    }

    /// This node, as others are to see it.
    #[must_use]
    pub const fn me(&self) -> &Arc<Node> {
        &self.node
    }

    /// Grows whenever [`nodes`](Self::nodes) or [`me`](Self::me) would show something else.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.directory.version()
    }

    /// Whether no live peer is known: then nothing happens by itself, and somebody has to be announced to.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.directory.live().is_empty()
    }

    /// What went wrong so far.
    #[must_use]
    pub const fn stats(&self) -> GossipStats {
        GossipStats {
            transmits_dropped: self.outbox.dropped(),
            events_dropped: self.directory.events_dropped(),
            swim_faults: self.swim.faults(),
            nacks_skipped: self.errands.skipped(),
            ..self.stats
        }
    }

    /// Joins the cluster by way of a node that may be at `to`. Nothing comes of it when nobody is there;
    /// repeat it while [`is_alone`](Self::is_alone).
    pub fn announce(&mut self, now: Instant, to: SocketAddr) {
        let now = self.advance(now);
        let to = canonical_addr(to);
        if is_node_addr(to) && to != self.me.life.addr && self.leave.is_none() {
            self.call(now, to);
        }
        self.settle(now);
    }

    /// The next payload to send, and to whom: at most `GOSSIP_BYTES_MAX` bytes.
    pub fn poll_transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        let to = self.outbox.next_to()?;
        match self.warning(self.now, to) {
            Some(warning) => Some((to, warning)),
            None => self.outbox.pop(),
        }
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.directory.next_event()
    }

    /// The session layer has proof that the process at `addr` is of this generation. An older one that was
    /// alive is over at once, without waiting for it to be missed.
    pub fn observed_restart(&mut self, now: Instant, addr: SocketAddr, generation: Generation) {
        let now = self.advance(now);
        let life = Life::first(Identity { addr, generation });
        let outlives = self
            .directory
            .get(life.addr)
            .is_some_and(|entry| entry.live && entry.life.generation < life.generation);
        if outlives {
            self.swim.alive(now, life, 0, true);
        }
        self.settle(now);
    }

    /// Why the node at an address is suspected, or why it was last declared dead. `None` when it never was, or
    /// is not remembered any more.
    #[must_use]
    pub fn why(&self, addr: SocketAddr) -> Option<Why> {
        self.suspicions.why(canonical_addr(addr))
    }

    /// How well this node trusts its own view: 0 when nothing speaks against it, 8 at worst.
    #[must_use]
    pub const fn health(&self) -> u8 {
        self.swim.health.score()
    }

    /// The probe that waits for its answer. The owner may repeat the question in its own way while it does.
    #[must_use]
    pub fn probe(&self) -> Option<Probe> {
        let probe = self.swim.probe()?;
        Some(Probe {
            whom: probe.life.identity(),
            since: probe.since,
            repeat_after: self.config.get().probe_timeout / PROBE_REPETITIONS,
        })
    }

    /// The process that is probed has shown since the [`probe`](Self::probe) began that it hears this node
    /// and can be heard: as good as an answer. To be heard alone is not: a node that hears nobody is of no
    /// use to anybody. (Lifeguard leaves this to the application.)
    pub fn probe_answered(&mut self, now: Instant) {
        let now = self.advance(now);
        let counts = self.swim.probe().is_some_and(|probe| {
            self.directory
                .get(probe.life.addr)
                .is_some_and(|entry| entry.live && entry.life == probe.life)
        });
        if counts {
            self.swim.answer_probe(now, self.me.life);
        }
        self.settle(now);
    }

    /// The latest moment known; time never runs backwards.
    pub(crate) fn advance(&mut self, now: Instant) -> Instant {
        self.now = self.now.max(now);
        self.now
    }

    /// Makes room for a life SWIM is about to hear of. False when there is none.
    pub(crate) fn admit(&mut self, now: Instant, life: Life) -> bool {
        match self.directory.admit(now, life) {
            Admission::Admitted => true,
            Admission::InPlaceOf(forgotten) => {
                self.swim.forget(now, forgotten);
                self.suspicions.forget(forgotten.addr);
                true
            }
            Admission::Full => {
                self.stats.members_refused += 1;
                false
            }
        }
    }

    /// This node's own word has changed: it is the newest from now on, and passed on.
    pub(crate) fn publish(&mut self, now: Instant) {
        self.me.version = self.me.version.saturating_add(1);
        self.node = Arc::new(self.me.to_node());
        let claims = !self.me.yields && !self.me.has_left();
        self.directory.claim_name(now, claims.then_some(&self.me));
        self.directory.touch();
        self.news.add(self.me.life.addr);
    }

    /// Sends this node's own word to `to`.
    pub(crate) fn send_own_record(&mut self, to: SocketAddr) {
        let mut packer = ItemPacker::news(1);
        packer.push(&Item::Record(self.me.clone()));
        self.outbox.push_all(to, packer.finish());
    }

    /// Asks two peers for the records of `addrs`.
    pub(crate) fn ask_around(&mut self, addrs: &[SocketAddr]) {
        for peer in self.directory.sample_live(&mut self.rng, 2) {
            for addrs in addrs.chunks(Payload::WANTS_MAX) {
                self.outbox.push(peer, Payload::want(addrs));
            }
        }
    }

    /// Takes note of all that SWIM has said.
    pub(crate) fn settle_notes(&mut self, now: Instant) {
        while let Some(note) = self.swim.next_note() {
            self.take_note(now, note);
        }
    }

    /// Leaves nothing undone but what waits for a payload, a command or the clock.
    pub(crate) fn settle(&mut self, now: Instant) {
        self.settle_notes(now);
        self.settle_claim(now);
        self.send_swim();
        self.retune();
        self.arm(now);
        debug_assert_eq!(
            self.swim.len(),
            self.directory.entries(),
            "SWIM and the directory know the same addresses"
        );
    }

    fn take_note(&mut self, now: Instant, note: Note) {
        let ask_at = now + self.config.get().gossip_interval * 2;
        match note {
            Note::Accused(life, incarnation) => self.accuse(now, life, incarnation),
            Note::Up(life) => {
                self.suspicions.end(life.addr);
                self.directory.up(now, life, ask_at);
                self.compare_soon(now);
            }
            Note::Renamed(life) => {
                self.suspicions.end(life.addr);
                self.directory.renamed(now, life, ask_at);
            }
            Note::Down(life) => {
                let bounds = self.config.suspicion(self.size());
                self.suspicions.settle(now, life.addr, &bounds);
                let grace = self.config.goodbye_grace(self.size());
                if self.directory.down(now, life, now + grace) {
                    self.ask_around(&[life.addr]);
                }
            }
            Note::Renewed(life) => self.renewed(now, life),
        }
    }

    /// SWIM's packets go out, but for one kind: nobody is told that it was declared dead when it was not,
    /// or when it is leaving anyway. (foca 2.0 says so to a suspect that has refuted in time.)
    fn send_swim(&mut self) {
        while let Some((to, packet)) = self.swim.next_send() {
            let spared = SwimPacket::is_turn_undead(&packet)
                && self
                    .directory
                    .get(to.addr)
                    .is_some_and(|entry| (entry.live && entry.life == to) || entry.has_left());
            if !spared {
                self.outbox.push_swim(to.addr, Payload::swim(&packet));
            }
        }
    }

    fn retune(&mut self) {
        let size = self.size();
        let tuned = tuning(&self.config, size);
        if tuned != self.tuned {
            self.tuned = tuned;
            self.swim.retune(self.config.for_foca(size));
        }
    }

    /// Calls whoever is at `to`: says who we are, and begins to compare what both know.
    pub(crate) fn call(&mut self, now: Instant, to: SocketAddr) {
        let known = self.directory.get(to).map(|entry| entry.life);
        self.swim
            .announce(now, known.unwrap_or_else(|| Life::unknown(to)));
        self.send_own_record(to);
        self.send_digests(to, Range::ALL);
    }

    /// The cluster's size: the live peers and this node.
    pub(crate) fn size(&self) -> usize {
        self.directory.live().len() + 1
    }
}

/// What foca's configuration depends on.
fn tuning(config: &ValidGossipConfig, size: usize) -> (u8, Duration) {
    let transmissions = config.news_transmissions(size);
    (transmissions, config.suspicion(size).min)
}

impl fmt::Debug for Gossip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gossip")
            .field("me", &self.me.life)
            .field("live", &self.directory.live().len())
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}
