//! What follows from a change, carried through before the next one.

use core::time::Duration;

use hobnob_wire::Instant;

use crate::{
    codec::SwimPacket, config::ValidGossipConfig, gossip::Gossip, payload::Payload, swim::Note,
};

impl Gossip {
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
        self.begin_inquiries(now);
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
}

/// What foca's configuration depends on.
pub(crate) fn tuning(config: &ValidGossipConfig, size: usize) -> (u8, Duration) {
    let transmissions = config.news_transmissions(size);
    (transmissions, config.suspicion(size).min)
}
