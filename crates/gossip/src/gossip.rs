//! The membership core: what it holds, and what can be asked of it and told to it.

use alloc::{sync::Arc, vec::Vec};
use core::{fmt, net::SocketAddr, time::Duration};

use hobnob_wire::{Generation, Instant, VarInt};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use crate::{
    asks::Asks,
    claim::{Claim, settles_in},
    clockwork::Schedule,
    config::ValidGossipConfig,
    directory::{Admission, Directory},
    event::Event,
    forget::Forgotten,
    identity::{Identity, Life, canonical_addr, is_node_addr},
    inquiry::Inquiries,
    leave::Leave,
    metadata::Metadata,
    nacks::Errands,
    news::News,
    node::{DeclaredState, Node},
    outbox::Outbox,
    pack::ItemPacker,
    payload::{Item, Payload, Range},
    record::{Declared, Record},
    settling::tuning,
    stats::GossipStats,
    suspicion::Suspicions,
    swim::Swim,
    sync::Rest,
    vetting::Shunned,
    why::Why,
};

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
    pub(crate) inquiries: Inquiries,
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
    /// What SWIM's configuration was made from.
    pub(crate) tuned: (u8, Duration),
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
            inquiries: Inquiries::default(),
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
            self.swim.answer_probe();
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

impl fmt::Debug for Gossip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gossip")
            .field("me", &self.me.life)
            .field("live", &self.directory.live().len())
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}
