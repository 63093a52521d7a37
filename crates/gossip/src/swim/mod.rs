//! foca, driven: its packets, timers and notifications as plain values.

mod outcome;
mod probing;
mod ring;

use alloc::vec::Vec;
use core::time::Duration;

use foca::{Foca, Incarnation, Member, NoCustomBroadcast, State, Timer, TimerToken};
use hobnob_wire::Instant;
use rand::{SeedableRng, rngs::ChaCha8Rng};

pub(crate) use self::probing::Probe;
use self::{outcome::Outcome, probing::Picked};
use crate::{codec::LifeCodec, health::Health, identity::Life, nacks::Helpers, timers::Timers};

/// What foca says happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    Up(Life),
    Down(Life),
    /// A newer life took the place of an older one at the same address. Whether it is up is what the older
    /// one was, until a note says otherwise.
    Renamed(Life),
    /// We were declared dead and go on under this life.
    Renewed(Life),
    /// This node's own probe of it was not answered.
    Accused(Life, Incarnation),
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    /// The round of probing ends for one member and begins for the next.
    Probe,
    /// Others are asked to probe.
    Help,
    /// This life, when it is still down, is forgotten.
    Removal(Life),
    Other,
}

/// A member as foca holds it at this moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sighting {
    pub(crate) life: Life,
    pub(crate) incarnation: Incarnation,
    pub(crate) suspect: bool,
}

/// A timer of which most go off for nothing, and which may run late: it is run when there is something to do.
type Held = (Instant, Timer<Life>);

/// Where a timer is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Queue,
    Round,
    Help,
}

/// The SWIM protocol. After each call, notes first, then sends, are to be fetched.
pub(crate) struct Swim {
    foca: Foca<Life, LifeCodec, ChaCha8Rng, NoCustomBroadcast>,
    timers: Timers,
    /// When SWIM passes on what it knows next, if there is anything to pass on by then.
    round: Option<Held>,
    /// When others are asked to probe, if there is no answer by then.
    help: Option<Held>,
    /// Whether there was anything to pass on.
    had_news: bool,
    inbox: Outcome,
    probe: Option<Probe>,
    /// Whom foca picked for this round.
    picked: Option<Picked>,
    /// Whether this node's successor is probed in its stead.
    stood_in: bool,
    successors_turn: bool,
    /// Whether there was a probe in this round, and it was answered.
    answered: bool,
    helpers: Helpers,
    /// The least incarnation of this node that nobody has suspected yet.
    unsuspected: Incarnation,
    /// How much slower than configured this node probes.
    pub(crate) health: Health,
    token: TimerToken,
    faults: u64,
}

impl Swim {
    pub(crate) fn new(me: Life, config: foca::Config, seed: u64) -> Self {
        Self {
            foca: Foca::new(me, config, ChaCha8Rng::seed_from_u64(seed), LifeCodec),
            timers: Timers::default(),
            round: None,
            help: None,
            had_news: false,
            inbox: Outcome::default(),
            probe: None,
            picked: None,
            stood_in: false,
            successors_turn: false,
            answered: false,
            helpers: Helpers::default(),
            unsuspected: 0,
            health: Health::default(),
            token: TimerToken::default(),
            faults: 0,
        }
    }

    /// Hands over a packet that was read and found sound.
    pub(crate) fn handle_packet(&mut self, now: Instant, bytes: &[u8]) {
        let result = self.foca.handle_data(bytes, &mut self.inbox);
        self.finish(now, &result);
    }

    /// What the first timer is for, if it is due.
    pub(crate) fn due(&self, now: Instant) -> Option<Ran> {
        let (_, place) = self.first().filter(|(at, _)| *at <= now)?;
        Some(match place {
            Place::Queue => purpose(self.timers.due(now)?),
            Place::Round => Ran::Other,
            Place::Help => Ran::Help,
        })
    }

    /// Runs the first timer, if it is due.
    pub(crate) fn run_due(&mut self, now: Instant) {
        let Some((_, place)) = self.first().filter(|(at, _)| *at <= now) else {
            return;
        };
        let timer = match place {
            Place::Queue => self.timers.take_due(now),
            Place::Round => self.round.take().map(|(_, timer)| timer),
            Place::Help => self.help.take().map(|(_, timer)| timer),
        };
        let Some(timer) = timer else { return };
        if purpose(&timer) == Ran::Probe {
            self.end_round(now);
        }
        self.run(now, timer);
    }

    fn run(&mut self, now: Instant, mut timer: Timer<Life>) {
        if let Timer::ChangeSuspectToDown { token, .. } = &mut timer {
            // foca takes a new token whenever it had no company for a while, and the suspicion stands all the same.
            *token = self.token;
        }
        let ran = purpose(&timer);
        let result = self.foca.handle_timer(timer, &mut self.inbox);
        match ran {
            Ran::Probe => self.begin_round(now),
            Ran::Help => self.begin_help(),
            Ran::Removal(_) | Ran::Other => {}
        }
        self.finish(now, &result);
    }

    /// The timer that is due first, of those with something to do.
    fn first(&self) -> Option<(Instant, Place)> {
        let round = self.round.as_ref().filter(|_| self.had_news);
        let help = self.help.as_ref().filter(|_| self.probe.is_some());
        let queue = self.timers.first().map(|at| (at, Place::Queue));
        let round = round.map(|(at, _)| (*at, Place::Round));
        let help = help.map(|(at, _)| (*at, Place::Help));
        let all = [help, queue, round].into_iter().flatten();
        all.min_by_key(|(at, _)| *at)
    }

    /// Time during which nothing ran here does not count.
    pub(crate) fn postpone(&mut self, by: Duration) {
        self.timers.postpone(by);
        for (at, _) in self.round.iter_mut().chain(&mut self.help) {
            *at = *at + by;
        }
    }

    pub(crate) fn next_timer(&self) -> Option<Instant> {
        self.first().map(|(at, _)| at)
    }

    /// Asks whoever is at `to` to take us in.
    pub(crate) fn announce(&mut self, now: Instant, to: Life) {
        let result = self.foca.announce(to, &mut self.inbox);
        self.finish(now, &result);
    }

    /// A life is known to be there. No effect on one that is known to be down.
    pub(crate) fn alive(&mut self, now: Instant, life: Life, incarnation: Incarnation, news: bool) {
        self.apply(now, Member::new(life, incarnation, State::Alive), news);
    }

    /// A life is over, and everybody learns that in another way.
    pub(crate) fn down_quietly(&mut self, now: Instant, life: Life) {
        self.apply(now, Member::down(life), false);
    }

    /// A life is over, and everybody is told.
    pub(crate) fn down(&mut self, now: Instant, life: Life) {
        self.apply(now, Member::down(life), true);
    }

    /// A live life is suspected, as far as it has not refuted that already.
    pub(crate) fn suspect(&mut self, now: Instant, life: Life, incarnation: Incarnation) {
        self.apply(now, Member::new(life, incarnation, State::Suspect), true);
    }

    /// A suspect counts as failed from `at` on, unless it refutes the suspicion.
    pub(crate) fn set_deadline(&mut self, at: Instant, life: Life, incarnation: Incarnation) {
        let timer = Timer::ChangeSuspectToDown {
            member_id: life,
            incarnation,
            token: self.token,
        };
        self.timers.insert(at, timer);
    }

    /// A member as foca holds it, if it holds this life for alive.
    pub(crate) fn sighting(&self, life: Life) -> Option<Sighting> {
        self.sightings().find(|sighting| sighting.life == life)
    }

    /// Goes on under another life; everybody is told that the current one is over.
    pub(crate) fn change_life(&mut self, now: Instant, life: Life) {
        let result = self.foca.change_identity(life, &mut self.inbox);
        self.unsuspected = 0;
        self.probe = None;
        self.finish(now, &result);
        self.reconnect(now);
    }

    /// Forgets a life that is down, ahead of its time.
    pub(crate) fn forget(&mut self, now: Instant, life: Life) {
        let result = self
            .foca
            .handle_timer(Timer::RemoveDown(life), &mut self.inbox);
        self.finish(now, &result);
    }

    /// Stops probing for good. Pings are still answered.
    pub(crate) fn stop_probing(&mut self) {
        self.probe = None;
        self.picked = None;
        self.round = None;
        self.help = None;
        self.timers.keep_removals();
    }

    /// Adapts to the size of the cluster.
    pub(crate) fn retune(&mut self, config: foca::Config) {
        if self.foca.set_config(config).is_err() {
            self.fault();
        }
    }

    /// The live members, suspects among them.
    pub(crate) fn sightings(&self) -> impl Iterator<Item = Sighting> {
        self.foca.iter_members().map(|member| Sighting {
            life: *member.id(),
            incarnation: member.incarnation(),
            suspect: member.state() == State::Suspect,
        })
    }

    pub(crate) fn next_note(&mut self) -> Option<Note> {
        self.inbox.notes.pop_front()
    }

    pub(crate) fn next_send(&mut self) -> Option<(Life, Vec<u8>)> {
        self.inbox.sends.pop_front()
    }

    /// Members of all kinds, those that are down among them.
    pub(crate) fn len(&self) -> usize {
        self.foca.iter_membership_state().len()
    }

    /// How often foca reported what must not happen.
    pub(crate) const fn faults(&self) -> u64 {
        self.faults
    }

    fn apply(&mut self, now: Instant, member: Member<Life>, news: bool) {
        let result = self
            .foca
            .apply_many(core::iter::once(member), news, &mut self.inbox);
        self.finish(now, &result);
    }

    /// foca only notices that it has company again when it is told something, if only nothing.
    fn reconnect(&mut self, now: Instant) {
        let result = self
            .foca
            .apply_many(core::iter::empty(), false, &mut self.inbox);
        self.finish(now, &result);
    }

    /// Files what a call left behind. Whatever a peer can cause was refused before foca saw it, so an error
    /// here is our own.
    fn finish(&mut self, now: Instant, result: &Result<(), foca::Error>) {
        if let Err(error) = result {
            debug_assert!(false, "foca: {error}");
            self.fault();
        }
        for (mut after, timer) in self.inbox.timers.drain(..) {
            match timer {
                Timer::ChangeSuspectToDown {
                    member_id,
                    incarnation,
                    token,
                } => {
                    self.token = token;
                    let accused = Note::Accused(member_id, incarnation);
                    self.inbox.notes.push_back(accused);
                    continue;
                }
                Timer::ProbeRandomMember(token) => {
                    self.token = token;
                    after = self.health.stretch(after);
                }
                Timer::SendIndirectProbe { .. } => {
                    self.help = Some((now + self.health.stretch(after), timer));
                    continue;
                }
                Timer::PeriodicGossip(_) => {
                    self.round = Some((now + after, timer));
                    continue;
                }
                _ => {}
            }
            self.timers.insert(now + after, timer);
        }
        self.note_news(now);
        self.drop_vain_probe();
        self.faults += core::mem::take(&mut self.inbox.defunct);
        let renewed = self
            .inbox
            .notes
            .iter()
            .any(|note| matches!(note, Note::Renewed(_)));
        if renewed {
            self.unsuspected = 0;
        }
        if renewed && !self.inbox.reconnecting {
            self.inbox.reconnecting = true;
            self.reconnect(now);
            self.inbox.reconnecting = false;
        }
    }

    /// What there is to pass on from now on is not late.
    fn note_news(&mut self, now: Instant) {
        let had_news = core::mem::replace(&mut self.had_news, self.foca.updates_backlog() > 0);
        if let Some((at, _)) = self.round.as_mut().filter(|_| !had_news) {
            *at = (*at).max(now);
        }
    }

    fn fault(&mut self) {
        self.faults += 1;
    }
}

fn purpose(timer: &Timer<Life>) -> Ran {
    match timer {
        Timer::ProbeRandomMember(_) => Ran::Probe,
        Timer::SendIndirectProbe { .. } => Ran::Help,
        Timer::RemoveDown(life) => Ran::Removal(*life),
        _ => Ran::Other,
    }
}
