//! Anti-entropy: two nodes compare what they know, and each gets what it lacks.
//!
//! One sends digests, which name all it knows between two addresses. The other answers with the records
//! that are missing or older there, and asks for those that are missing or older here. A joiner does the
//! same with a digest of nothing but itself, so it learns everything from one peer, at the rate the answers
//! arrive.
//!
//! What only one side holds for failed is not believed by the other, who may know better. It tells the node
//! in question, which comes back under its next life if it is there, and suspects it if it stays silent.

use alloc::{collections::VecDeque, vec::Vec};
use core::net::SocketAddr;

use hobnob_wire::{Instant, limits::GOSSIP_BYTES_MAX};

use crate::{
    directory::Entry,
    gossip::Gossip,
    identity::Life,
    limits::DIGESTS_PER_ROUND_MAX,
    own::Hearsay,
    pack::{ItemPacker, pack_digests},
    payload::{Digest, DigestEntry, Item, Liveness, Payload, Range},
    record::Record,
};

/// More entries than a round's digests hold, of which the smallest has 19 bytes: what does not fit begins with
/// one that is there.
const DIGEST_ENTRIES_MAX: usize = DIGESTS_PER_ROUND_MAX * GOSSIP_BYTES_MAX / 16;

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

impl Gossip {
    /// Compares a part of what is known with a random peer, the next part next time.
    pub(crate) fn sync_round(&mut self) {
        let Some(peer) = self
            .directory
            .sample_live(&mut self.rng, 1, None)
            .first()
            .copied()
        else {
            return;
        };
        let range = Range {
            start: self.sync_from,
            end: None,
        };
        self.sync_from = self.send_digests(peer, range);
    }

    /// Sends all that is known of a range, or as much as one round may take; then returns where to go on.
    pub(crate) fn send_digests(&mut self, to: SocketAddr, range: Range) -> Option<SocketAddr> {
        let entries = self.directory.range(range).map(Entry::digest);
        let mut entries: VecDeque<DigestEntry> = entries.take(DIGEST_ENTRIES_MAX).collect();
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
        for entry in self.directory.range(digest.range) {
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
        for addr in addrs {
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
