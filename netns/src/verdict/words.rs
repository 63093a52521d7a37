//! The words of the journals, in those of the model.

use hobnob_sim::model::{self, Declared, Outcome, Seen};
use hobnob_wire::Generation;

use crate::journal::{Aim, Digest, Ending, Kind, Sighting, View};

/// How a call ended. The facade says "timeout" of a lost session, too: before the deadline, and the outcome is
/// as unknown.
pub(super) const fn outcome(ending: Ending, is_request: bool, is_early: bool) -> Outcome {
    match ending {
        Ending::Fine if is_request => Outcome::Answered,
        Ending::Fine => Outcome::Delivered,
        Ending::HandlerFailed => Outcome::HandlerFailed,
        Ending::AnswerDropped => Outcome::AnswerDropped,
        Ending::Timeout if is_early => Outcome::SessionLost,
        Ending::Timeout => Outcome::Timeout,
        Ending::PeerDown => Outcome::PeerDown,
        Ending::PeerRestarted => Outcome::PeerRestarted,
        Ending::NoHandler => Outcome::NoHandler,
        Ending::Overloaded => Outcome::Overloaded,
        Ending::TooLarge => Outcome::TooLarge,
        Ending::NotTaken => Outcome::NotTaken,
    }
}

impl From<Kind> for model::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Send => Self::Send,
            Kind::Request => Self::Request,
            Kind::Usend => Self::Unreliable,
        }
    }
}

impl From<Aim> for model::Aim {
    fn from(aim: Aim) -> Self {
        Self {
            addr: aim.address,
            generation: aim.generation.map(Generation),
        }
    }
}

impl From<Digest> for model::Digest {
    fn from(Digest { len, hash }: Digest) -> Self {
        Self { len, hash }
    }
}

impl From<Sighting> for model::Sighting {
    fn from(sighting: Sighting) -> Self {
        Self {
            addr: sighting.address,
            generation: Generation(sighting.generation),
            seen: match sighting.state {
                View::Online => Seen::Here(Declared::Online),
                View::Taken => Seen::Here(Declared::Taken),
                View::Offline => Seen::Here(Declared::Offline),
                View::Suspect => Seen::Suspect,
                View::Left => Seen::Left,
                View::Failed => Seen::Failed,
            },
        }
    }
}
