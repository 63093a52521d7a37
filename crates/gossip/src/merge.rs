//! What a peer says of single nodes, taken in.

use core::net::SocketAddr;

use hobnob_wire::Instant;

use crate::{
    gossip::Gossip,
    identity::Life,
    own::Hearsay,
    pack::ItemPacker,
    payload::{Item, LeaveAck, Liveness, Payload},
    record::Record,
};

impl Gossip {
    /// Takes in what a peer says of one node.
    pub(crate) fn handle_item(&mut self, now: Instant, from: SocketAddr, item: Item, news: bool) {
        match item {
            Item::Record(record) if record.life.addr == self.me.life.addr => {
                let known = Hearsay::from(&record);
                self.challenge(now, from, known);
            }
            Item::Record(record) => self.merge_record(now, from, record, news),
            Item::Failed(life) if life.addr == self.me.life.addr => {
                let known = Hearsay {
                    life,
                    version: self.me.version,
                    liveness: Liveness::Failed,
                };
                self.challenge(now, from, known);
            }
            Item::Accusation(accusation) => self.hear_accusation(now, &accusation),
            Item::Forgotten(life) => self.hear_forgotten(now, life),
            Item::Failed(life) => {
                let holds_live = self
                    .directory
                    .get(life.addr)
                    .is_some_and(|entry| entry.live && entry.life.age() <= life.age());
                if holds_live {
                    self.doubt(now, life);
                    if self.suspicions.get(life.addr).is_some() {
                        self.hear_verdict(now, from, life.addr);
                    }
                }
            }
        }
    }

    fn merge_record(&mut self, now: Instant, from: SocketAddr, record: Record, news: bool) {
        let life = record.life;
        if !self.vet(now, from, &record) {
            return;
        }
        if record.has_left() && from == life.addr {
            let ack = LeaveAck {
                generation: life.generation,
                version: record.version,
            };
            self.outbox.push(from, Payload::leave_ack(ack));
        }
        if from == life.addr && !record.has_left() {
            self.claim.heard(life.identity());
            self.inquiries.heard(life.identity());
        }
        let known = self.directory.get(life.addr);
        let stale = known.is_some_and(|entry| {
            let same_process = life.generation == entry.life.generation;
            life.generation < entry.life.generation || (same_process && !entry.is_news(&record))
        });
        let known = known.map(|entry| entry.life);
        if stale && from == life.addr && !record.has_left() && self.has_left(life) {
            self.remind_of_goodbye(from);
        }
        if stale || !self.admit(now, life) {
            return;
        }
        let taken = if record.has_left() {
            self.merge_goodbye(now, known, record)
        } else {
            if known.is_none_or(|known| life.is_newer_than(known)) {
                self.swim.alive(now, life, 0, news);
                self.settle_notes(now);
            }
            self.directory.set_record(now, record)
        };
        if from == life.addr {
            self.directory.has_spoken(life);
        }
        if taken && (news || from == life.addr) {
            self.news.add(life.addr);
        } else if taken {
            self.compare_soon(now);
        }
    }

    /// Whoever goes on speaking after its goodbye either is about to end, and does not mind hearing of it; or
    /// is another process that took itself for newer than it is, and has to outgrow its past.
    pub(crate) fn remind_of_goodbye(&mut self, addr: SocketAddr) {
        if let Some(record) = self.passable_record(addr) {
            let mut packer = ItemPacker::answer();
            packer.push(&Item::Record(record.clone()));
            self.outbox.push_all(addr, packer.finish());
        }
    }

    /// Whoever speaks with a generation below one that its address has had is told of that, and has to
    /// outgrow it.
    pub(crate) fn tell_successor(&mut self, addr: SocketAddr) {
        let item = match (self.passable_record(addr), self.directory.get(addr)) {
            (Some(record), _) => Item::Record(record.clone()),
            (None, Some(entry)) => Item::Failed(entry.life),
            (None, None) => return,
        };
        let mut packer = ItemPacker::answer();
        packer.push(&item);
        self.outbox.push_all(addr, packer.finish());
    }

    /// The last word of a process ends all its lives. It has to be on record before SWIM says that the node
    /// is down, or that would count as a failure; but a process that is new here has to be known to SWIM
    /// before it can have a record.
    fn merge_goodbye(&mut self, now: Instant, known: Option<Life>, record: Record) -> bool {
        let said_in = record.life;
        match known.filter(|known| known.generation == said_in.generation) {
            Some(known) => {
                let taken = self.directory.set_record(now, record);
                let last = if known.is_newer_than(said_in) {
                    known
                } else {
                    said_in
                };
                self.swim.down_quietly(now, last);
                self.settle_notes(now);
                taken
            }
            None => {
                self.swim.down_quietly(now, said_in);
                self.settle_notes(now);
                self.directory.set_record(now, record)
            }
        }
    }

    /// Somebody holds `life` for failed, and will not listen to it any more; so it is told. If it does not
    /// show itself within a probe period, it is suspected here too.
    pub(crate) fn doubt(&mut self, now: Instant, life: Life) {
        let until = now + self.config.get().probe_period;
        if self.directory.doubt(life.addr, until) {
            let mut packer = ItemPacker::answer();
            packer.push(&Item::Failed(life));
            self.outbox.push_all(life.addr, packer.finish());
        }
    }
}

impl From<&Record> for Hearsay {
    fn from(record: &Record) -> Self {
        Self {
            life: record.life,
            version: record.version,
            liveness: if record.has_left() {
                Liveness::Left
            } else {
                Liveness::Alive
            },
        }
    }
}
