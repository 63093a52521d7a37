//! Anti-entropy: two nodes compare what they know, and each gets what it lacks.
//!
//! One sends digests, which name all it knows between two addresses. The other answers with the records
//! that are missing or older there, and asks for those that are missing or older here. A joiner does the
//! same with a digest of nothing but itself, so it learns everything from one peer, at the rate the answers
//! arrive.
//!
//! Most of the time there is nothing to compare, so a round begins with a *summary*, a hash over what is known of
//! the live, and only whoever has another one sends digests: the cost of knowing the same does not grow with the
//! cluster. What is known of the gone differs by right, as newcomers never hear of them; while anybody counts as
//! failed here, every few rounds begin with digests, in case others have heard its goodbye.
//!
//! What one round's digests do not hold is compared with the same peer in the next ones, soon.
//!
//! What only one side holds for failed is not believed by the other, who may know better. It tells the node
//! in question, which comes back under its next life if it is there, and suspects it if it stays silent.

use alloc::{collections::VecDeque, vec::Vec};
use core::net::SocketAddr;

use hobnob_wire::{Instant, Writer, limits::GOSSIP_BYTES_MAX};

use crate::{
    directory::Entry,
    gossip::Gossip,
    hash::Fnv,
    identity::Life,
    limits::{DIGEST_ENTRY_BYTES_MAX, DIGESTS_PER_ROUND_MAX},
    own::Hearsay,
    pack::{ItemPacker, pack_digests},
    payload::{Digest, DigestEntry, Item, Liveness, Payload, Range},
    record::Record,
};

/// More entries than a round's digests hold, of which the smallest has 19 bytes: what does not fit begins with
/// one that is there.
const DIGEST_ENTRIES_MAX: usize = DIGESTS_PER_ROUND_MAX * GOSSIP_BYTES_MAX / 16;

/// Of so many rounds one begins with digests, while anybody counts as failed.
const DIGEST_ROUNDS: u8 = 4;

/// What follows from comparing two views of one address.
#[derive(Debug, Default)]
struct Verdict {
    /// They lack or have older what is to be sent.
    send: Option<Item>,
    /// Their record is newer.
    want: bool,
    /// They hold for failed whom we hold for alive.
    doubt: Option<Life>,
    /// They know that our suspect has refuted.
    refuted: Option<DigestEntry>,
}

/// What is left to compare with a peer after a round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest {
    peer: SocketAddr,
    /// Where it began: there it ends, after it has gone round once.
    until: Option<SocketAddr>,
}

impl Gossip {
    /// Compares what is known with a random peer, or what is left of that with the last one.
    pub(crate) fn sync_round(&mut self, now: Instant) {
        let rest = self.sync_rest.take();
        let is_live = |peer| self.directory.get(peer).is_some_and(|entry| entry.live);
        if let Some(rest) = rest.filter(|rest| is_live(rest.peer)) {
            return self.compare_rest(now, rest);
        }
        let peers = self.directory.sample_live(&mut self.rng, 1);
        let Some(peer) = peers.first().copied() else {
            return;
        };
        self.sync_rounds = self.sync_rounds.wrapping_add(1);
        if self.directory.has_failed() && self.sync_rounds.is_multiple_of(DIGEST_ROUNDS) {
            self.compare_with(now, peer);
        } else {
            let hash = self.summary(peer);
            self.outbox.push(peer, Payload::summary(hash));
        }
    }

    /// Compares with a peer if it knows something else of the live.
    pub(crate) fn handle_summary(&mut self, now: Instant, from: SocketAddr, hash: u64) {
        if hash != self.summary(from) {
            self.compare_with(now, from);
        }
    }

    /// Compares what is known, in as many rounds as it takes. Each begins where the last one of all ended, so that
    /// whatever comes in between, nothing is left out again and again.
    fn compare_with(&mut self, now: Instant, peer: SocketAddr) {
        let until = self.sync_from;
        self.compare_rest(now, Rest { peer, until });
    }

    fn compare_rest(&mut self, now: Instant, rest: Rest) {
        let start = self.sync_from;
        let end = rest.until.filter(|until| start < Some(*until));
        let next = self.send_digests(rest.peer, Range { start, end });
        self.sync_from = next.or(end);
        if next.is_some() || end != rest.until {
            self.sync_rest = Some(rest);
            self.compare_soon(now);
        }
    }

    /// A hash over what is known of the live, this node included, as far as it concerns a peer. Refutations are left
    /// out: of its own a node may know more than others ever hear.
    fn summary(&self, peer: SocketAddr) -> u64 {
        let release = self.release_of(peer);
        let mut live: Vec<DigestEntry> = self
            .directory
            .range(Range::ALL)
            .filter(|entry| entry.live && self.is_for(release, entry))
            .map(Entry::digest)
            .collect();
        let me = self.own_digest();
        let place = live.partition_point(|entry| entry.life.addr < me.life.addr);
        live.insert(place, me);
        live.iter()
            .fold(Fnv::BASIS, |hash, entry| {
                let settled = DigestEntry {
                    incarnation: 0,
                    ..*entry
                };
                hash_entry(hash, &settled)
            })
            .get()
    }

    /// Sends all that is known of a range, or as much as one round may take; then returns where to go on.
    pub(crate) fn send_digests(&mut self, to: SocketAddr, range: Range) -> Option<SocketAddr> {
        let release = self.release_of(to);
        let concern = |entry: &&Entry| self.is_for(release, entry);
        let entries = self.directory.range(range).filter(concern);
        let entries = entries.map(Entry::digest).take(DIGEST_ENTRIES_MAX);
        let mut entries: VecDeque<DigestEntry> = entries.collect();
        let me = self.own_digest();
        if range.contains(me.life.addr) {
            let place = entries.partition_point(|entry| entry.life.addr < me.life.addr);
            entries.insert(place, me);
        }
        let (payloads, rest) = pack_digests(range, entries, DIGESTS_PER_ROUND_MAX);
        self.outbox.push_all(to, payloads);
        rest.and_then(|rest| rest.start)
    }

    /// Answers a digest with what its sender lacks, and asks for what is lacking here.
    pub(crate) fn handle_digest(&mut self, now: Instant, from: SocketAddr, digest: &Digest) {
        let mut answer = ItemPacker::answer();
        let (mut wants, mut doubts, mut refuted) = (Vec::new(), Vec::new(), Vec::new());
        let mut unanswered = None;
        if self.is_unaware_of_us(digest) {
            answer.push(&Item::Record(self.me.clone()));
        }
        let release = self.release_of(from);
        for entry in self.directory.range(digest.range) {
            if !self.is_for(release, entry) {
                continue;
            }
            let addr = entry.life.addr;
            let verdict = judge(entry, digest.entry(addr));
            if verdict.want {
                wants.push(addr);
            }
            doubts.extend(verdict.doubt);
            refuted.extend(verdict.refuted);
            if verdict.send.is_some_and(|item| !answer.push(&item)) {
                unanswered = Some(addr);
                break;
            }
        }
        wants.extend(self.live_strangers(digest));

        self.outbox.push_all(from, answer.finish());
        if !wants.is_empty() {
            self.outbox.push(from, Payload::want(&wants));
        }
        if unanswered.is_some() {
            let rest = Range {
                start: unanswered,
                end: digest.range.end,
            };
            self.outbox.push(from, Payload::resume(&rest));
        }
        for life in doubts {
            self.doubt(now, life);
        }
        for entry in refuted {
            self.directory.refuted(entry.life, entry.incarnation);
            self.swim.alive(now, entry.life, entry.incarnation, true);
            self.expect_suspicion(now);
        }
        if let Some(known) = digest.entry(self.me.life.addr) {
            self.challenge(now, from, known.into());
        }
    }

    /// Sends the records of `addrs`, as far as they are known.
    pub(crate) fn handle_want(&mut self, from: SocketAddr, addrs: &[SocketAddr]) {
        let mut answer = ItemPacker::answer();
        let release = self.release_of(from);
        for addr in addrs {
            let entry = self.directory.get(*addr);
            if entry.is_some_and(|entry| !self.is_for(release, entry)) {
                continue;
            }
            let item = match self.passable_record(*addr) {
                Some(record) => Item::Record(record.clone()),
                None => match self.directory.get(*addr) {
                    Some(entry) if entry.liveness() == Liveness::Failed => Item::Failed(entry.life),
                    _ => continue,
                },
            };
            if !answer.push(&item) {
                break;
            }
        }
        self.outbox.push_all(from, answer.finish());
    }

    /// The record that may be passed on: of nodes that are alive, or their last word. A record says that
    /// its sender holds the node for alive, so those of failed ones stay here.
    pub(crate) fn passable_record(&self, addr: SocketAddr) -> Option<&Record> {
        if addr == self.me.life.addr {
            return Some(&self.me);
        }
        self.directory.get(addr).and_then(passable)
    }

    /// Whether the sender of a digest lacks this node's own record, or has an older one.
    fn is_unaware_of_us(&self, digest: &Digest) -> bool {
        match digest.entry(self.me.life.addr) {
            Some(known) => (known.life.generation, known.version) < self.me.age(),
            None => digest.range.contains(self.me.life.addr),
        }
    }

    /// Those of whom nothing is known here, although the sender of a digest holds them for alive.
    fn live_strangers(&self, digest: &Digest) -> impl Iterator<Item = SocketAddr> {
        digest
            .entries
            .iter()
            .filter(|theirs| matches!(theirs.liveness, Liveness::Alive | Liveness::Suspect))
            .filter(|theirs| !self.is_shunned(theirs.life))
            .map(|theirs| theirs.life.addr)
            .filter(|addr| *addr != self.me.life.addr && self.directory.get(*addr).is_none())
    }

    fn own_digest(&self) -> DigestEntry {
        DigestEntry {
            life: self.me.life,
            version: self.me.version,
            liveness: if self.me.has_left() {
                Liveness::Left
            } else {
                Liveness::Alive
            },
            incarnation: 0,
        }
    }
}

/// Adds an entry to the hash of a view.
fn hash_entry(hash: Fnv, entry: &DigestEntry) -> Fnv {
    let mut buffer = [0; DIGEST_ENTRY_BYTES_MAX];
    let mut writer = Writer::new(&mut buffer);
    let written = entry.encode(&mut writer);
    debug_assert!(written.is_ok(), "the buffer holds the largest entry");
    hash.with(writer.written())
}

impl From<&DigestEntry> for Hearsay {
    fn from(entry: &DigestEntry) -> Self {
        Self {
            life: entry.life,
            version: entry.version,
            liveness: entry.liveness,
        }
    }
}

fn passable(entry: &Entry) -> Option<&Record> {
    entry
        .record
        .as_ref()
        .filter(|record| entry.live || record.has_left())
}

/// Compares what is known here of an address with what a digest says of it.
fn judge(ours: &Entry, theirs: Option<&DigestEntry>) -> Verdict {
    let record = || passable(ours).cloned().map(Item::Record);
    let Some(theirs) = theirs else {
        // Who is gone is no news to somebody who never knew it.
        let send = if ours.live { record() } else { None };
        return Verdict {
            send,
            ..Verdict::default()
        };
    };
    let (our_age, their_age) = (
        (ours.life.generation, ours.version()),
        (theirs.life.generation, theirs.version),
    );
    let mut verdict = Verdict::default();
    let same_process = theirs.life.generation == ours.life.generation;
    if same_process && ours.has_left() {
        // Nothing comes after a goodbye, so whoever knows more does not know that.
        verdict.send = record().filter(|_| theirs.liveness != Liveness::Left);
    } else if their_age > our_age {
        verdict.want = theirs.liveness != Liveness::Failed;
    } else if their_age < our_age {
        verdict.send = record();
    }
    match (ours.liveness(), theirs.liveness) {
        (Liveness::Alive | Liveness::Suspect, Liveness::Failed)
            if ours.live && theirs.life.age() >= ours.life.age() =>
        {
            verdict.doubt = Some(theirs.life);
        }
        (Liveness::Failed, Liveness::Alive | Liveness::Suspect)
            if theirs.life.age() <= ours.life.age() =>
        {
            verdict.send = Some(Item::Failed(ours.life));
        }
        (Liveness::Suspect, Liveness::Alive) if ours.live && theirs.life == ours.life => {
            verdict.refuted = Some(*theirs);
        }
        _ => {}
    }
    verdict
}
