//! What datagrams of the handshake cause, and how a session begins.

use core::net::SocketAddr;

use hobnob_wire::{
    Generation, Handshake, Hello, HelloAck, Instant, Refuse, RefuseReason, SessionId, VERSION_MAX,
    VERSION_MIN,
};

use crate::{
    Sessions,
    error::Dropped,
    event::{Event, FailedReason, LostReason},
    table::{Claim, Link, Session, Tenant},
};

impl Sessions {
    pub(crate) fn handle_handshake(
        &mut self,
        now: Instant,
        from: SocketAddr,
        handshake: &Handshake,
    ) -> Result<(), Dropped> {
        match handshake {
            Handshake::Hello(hello) => self.handle_hello(now, from, hello),
            Handshake::HelloAck(ack) => self.handle_hello_ack(from, ack),
            Handshake::Refuse(refuse) => self.handle_refuse(from, refuse),
            Handshake::Reset(unknown) => self.handle_reset(from, *unknown),
        }
    }

    fn handle_hello(
        &mut self,
        now: Instant,
        from: SocketAddr,
        hello: &Hello,
    ) -> Result<(), Dropped> {
        if self.table.addressee(hello.session).is_some() {
            return Err(Dropped::Reflected);
        }
        let version = self.judge(from, hello).map_err(|(reason, dropped)| {
            let refuse = Refuse {
                echo_session: hello.session,
                echo_nonce: hello.nonce,
                reason,
            };
            self.answer(from, Handshake::Refuse(refuse));
            self.note_stranger(from, hello, reason);
            dropped
        })?;
        let claim = Claim {
            session: hello.session,
            generation: hello.generation,
        };
        let session = self.id_for(now, from, claim, version)?;
        let ack = HelloAck {
            version,
            cluster: self.config.cluster,
            generation: self.config.generation,
            session,
            echo_session: hello.session,
            echo_nonce: hello.nonce,
        };
        self.answer(from, Handshake::HelloAck(ack));
        Ok(())
    }

    /// Whoever was refused for what it is, is told of. Anybody can have sent its hello.
    fn note_stranger(&mut self, addr: SocketAddr, hello: &Hello, refused: RefuseReason) {
        let reason = match refused {
            RefuseReason::StaleGeneration { .. } => return,
            RefuseReason::Version { .. } => RefuseReason::Version {
                min: hello.version_min,
                max: hello.version_max,
            },
            RefuseReason::Incompatible { .. } => RefuseReason::Incompatible {
                release: hello.release,
            },
            other => other,
        };
        self.push_event(Event::Stranger { addr, reason });
    }

    /// The data version to speak with the sender of a hello, or why there is none.
    fn judge(&self, from: SocketAddr, hello: &Hello) -> Result<u8, (RefuseReason, Dropped)> {
        let version = hello.version_max.min(VERSION_MAX);
        if version < hello.version_min.max(VERSION_MIN) {
            let reason = RefuseReason::Version {
                min: VERSION_MIN,
                max: VERSION_MAX,
            };
            return Err((reason, Dropped::Version));
        }
        if hello.cluster != self.config.cluster {
            return Err((RefuseReason::Cluster, Dropped::WrongCluster));
        }
        let release = self.config.release;
        if !release.is_compatible_with(hello.release) {
            return Err((
                RefuseReason::Incompatible { release },
                Dropped::Incompatible,
            ));
        }
        match self.tenant_at(from).and_then(|(_, tenant)| tenant.proven) {
            Some(seen) if hello.generation < seen => Err((
                RefuseReason::StaleGeneration { seen },
                Dropped::StaleGeneration,
            )),
            _ => Ok(version),
        }
    }

    /// Under which id the sender of a good hello may address the node. The same hello gets the same id.
    fn id_for(
        &mut self,
        now: Instant,
        from: SocketAddr,
        claim: Claim,
        version: u8,
    ) -> Result<SessionId, Dropped> {
        let slot = match self.table.slot_at(from) {
            Some(slot) => slot,
            None => self.admit_stranger(from).ok_or(Dropped::TableFull)?,
        };
        let tenant = self.table.tenant_mut(slot).ok_or(Dropped::TableFull)?;
        if let Some(session) = tenant.session()
            && session.remote == claim
        {
            return Ok(session.local);
        }
        let lent = tenant.lend(claim);
        let local = lent.unwrap_or_else(|| self.fresh_id(slot));
        self.place_candidate(now, slot, local, claim, version);
        Ok(local)
    }

    fn handle_hello_ack(&mut self, from: SocketAddr, ack: &HelloAck) -> Result<(), Dropped> {
        let (slot, tenant) = self
            .asking(from, ack.echo_session, ack.echo_nonce)
            .ok_or(Dropped::Unsolicited)?;
        if self.table.addressee(ack.session).is_some() {
            return Err(Dropped::Reflected);
        }
        if ack.cluster != self.config.cluster {
            return Err(Dropped::WrongCluster);
        }
        if !(VERSION_MIN..=VERSION_MAX).contains(&ack.version) {
            return Err(Dropped::Version);
        }
        if tenant.proven.is_some_and(|seen| ack.generation < seen) {
            return Err(Dropped::StaleGeneration);
        }
        let remote = Claim {
            session: ack.session,
            generation: ack.generation,
        };
        self.drop_candidate(slot);
        self.end_attempt(slot);
        let session = Session::new(ack.echo_session, remote, ack.version);
        self.establish(slot, session, true);
        Ok(())
    }

    fn handle_refuse(&mut self, from: SocketAddr, refuse: &Refuse) -> Result<(), Dropped> {
        let (slot, _) = self
            .asking(from, refuse.echo_session, refuse.echo_nonce)
            .ok_or(Dropped::Unsolicited)?;
        self.fail_attempt(slot, FailedReason::Refused(refuse.reason));
        if let RefuseReason::StaleGeneration { seen } = refuse.reason
            && (self.config.generation.next()..Generation::LAST).contains(&seen)
        {
            self.push_event(Event::OwnGenerationStale { seen });
        }
        Ok(())
    }

    fn handle_reset(&mut self, from: SocketAddr, unknown: SessionId) -> Result<(), Dropped> {
        let (slot, _) = self
            .tenant_at(from)
            .filter(|(_, tenant)| {
                tenant
                    .session()
                    .is_some_and(|session| session.remote.session == unknown)
            })
            .ok_or(Dropped::Unsolicited)?;
        self.end_session(slot);
        if let Some((peer, addr)) = self.handle(slot) {
            self.stats.lost += 1;
            let reason = LostReason::Reset;
            self.push_event(Event::Lost { peer, addr, reason });
        }
        Ok(())
    }

    /// Makes a candidate the session, because data for its id came from its address.
    pub(crate) fn promote(&mut self, slot: u16) {
        if let Some(candidate) = self.drop_candidate(slot) {
            self.end_attempt(slot);
            let session = Session::new(candidate.local, candidate.claim, candidate.version);
            self.establish(slot, session, false);
        }
    }

    pub(crate) fn end_session(&mut self, slot: u16) {
        if let Some(tenant) = self.table.tenant_mut(slot)
            && tenant.session().is_some()
        {
            tenant.link = Link::Idle;
        }
    }

    fn establish(&mut self, slot: u16, session: Session, initiator: bool) {
        self.remember(slot);
        let Some((peer, addr)) = self.handle(slot) else {
            return;
        };
        let Some(tenant) = self.table.tenant_mut(slot) else {
            return;
        };
        let generation = session.remote.generation;
        let replaced = tenant.session().is_some();
        let previous = tenant.proven.replace(generation);
        debug_assert!(previous <= Some(generation), "lower ones are refused");
        debug_assert!(
            tenant.attempt().is_none(),
            "a session is where the attempt led"
        );
        tenant.link = Link::Established(session);
        self.stats.established += 1;
        self.push_event(Event::Established {
            peer,
            addr,
            generation,
            initiator,
            previous,
            replaced,
        });
    }

    /// The tenant whose attempt asked what is echoed.
    fn asking(&self, from: SocketAddr, echo: SessionId, nonce: u64) -> Option<(u16, &Tenant)> {
        self.tenant_at(from).filter(|(_, tenant)| {
            tenant
                .attempt()
                .is_some_and(|attempt| attempt.local == echo && attempt.nonce == nonce)
        })
    }

    fn answer(&mut self, to: SocketAddr, answer: Handshake) {
        if self.outbox.answer(to, answer).is_err() {
            self.stats.answers_dropped += 1;
        }
    }
}
