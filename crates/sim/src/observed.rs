//! What nodes report, in the model's words.
//!
//! The model knows nothing of the implementation; whoever watches one, in a simulation, a fuzz target or a real
//! process, tells it by these.

use hobnob_endpoint::{
    gossip::{DeclaredState, NodeState},
    messaging::Failure,
};

use crate::model::{Declared, Outcome, Seen};

/// How a call ended that failed.
pub const fn outcome(failure: &Failure) -> Outcome {
    match failure {
        Failure::Timeout => Outcome::Timeout,
        Failure::PeerDown => Outcome::PeerDown,
        Failure::PeerRestarted => Outcome::PeerRestarted,
        Failure::SessionLost => Outcome::SessionLost,
        Failure::NoHandler => Outcome::NoHandler,
        Failure::Overloaded => Outcome::Overloaded,
        Failure::TooLarge => Outcome::TooLarge,
        Failure::AnswerDropped | Failure::AnswerTooLarge => Outcome::AnswerDropped,
        Failure::Handler(_) => Outcome::HandlerFailed,
        _ => Outcome::Malformed,
    }
}

/// What a node says of itself.
pub const fn declared(state: DeclaredState) -> Declared {
    match state {
        DeclaredState::Online => Declared::Online,
        DeclaredState::Taken => Declared::Taken,
        DeclaredState::Offline => Declared::Offline,
    }
}

/// As what a node is seen.
pub const fn seen(state: NodeState) -> Seen {
    match state {
        NodeState::Online => Seen::Here(Declared::Online),
        NodeState::Taken => Seen::Here(Declared::Taken),
        NodeState::Offline => Seen::Here(Declared::Offline),
        NodeState::Left => Seen::Left,
        NodeState::Failed => Seen::Failed,
        _ => Seen::Suspect,
    }
}
