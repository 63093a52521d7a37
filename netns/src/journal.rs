//! What a process has seen of its calls, written down as it happens.
//!
//! One line of JSON an entry, written with one system call before the process goes on: a process that is
//! killed has said everything up to that moment. The times of one journal never go backwards.

use std::{
    fs::{self, File},
    io::Write,
    net::SocketAddr,
    path::Path,
    sync::{Mutex, PoisonError},
};

use hobnob_sim::model;
use hobnob_wire::Instant;
use serde::{Deserialize, Serialize};

use crate::{Result, clock};

/// Something a process did or saw. The calls' numbers are unique in a run.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub enum Entry {
    /// It is there.
    Started {
        /// Its address.
        address: SocketAddr,
        /// Its generation.
        generation: u64,
    },
    /// It goes on under another generation.
    Renewed {
        /// The new one.
        generation: u64,
    },
    /// It is about to call one node.
    Called {
        /// The call's number.
        call: u64,
        /// How.
        kind: Kind,
        /// Whom.
        to: Aim,
        /// With what.
        payload: Digest,
        /// Nanoseconds after which the call must have ended.
        timeout: u64,
    },
    /// It is about to send one message to many.
    FanOutBegun {
        /// The call's number.
        call: u64,
        /// To whom.
        to: Vec<Aim>,
        /// Deliveries that may be in flight at once.
        limit: usize,
        /// With what.
        payload: Digest,
        /// Nanoseconds after which the call must have ended.
        timeout: u64,
    },
    /// It has given a call up.
    Cancelled {
        /// The call's number.
        call: u64,
    },
    /// A call has ended.
    Ended {
        /// The call's number.
        call: u64,
        /// How.
        ending: Ending,
        /// The answer, or the text of the handler's error.
        answer: Option<Digest>,
    },
    /// A fan-out has ended.
    FanOutEnded {
        /// The call's number.
        call: u64,
        /// How each delivery ended.
        report: Vec<(SocketAddr, Ending)>,
    },
    /// A handler runs.
    Handled {
        /// The call's number, as the payload says.
        call: u64,
        /// From whom, as the handler was told.
        from: SocketAddr,
        /// With what.
        payload: Digest,
        /// Of a request: in how many nanoseconds the caller gives up.
        time_left: Option<u64>,
    },
    /// A handler answers.
    Responded {
        /// The call's number.
        call: u64,
        /// Whether with an error.
        is_failure: bool,
        /// With what.
        payload: Digest,
    },
    /// A handler was dropped at work: nobody waits any more.
    Withdrawn {
        /// The call's number.
        call: u64,
    },
    /// It has had time to do what was due.
    Ran,
    /// Whom it sees.
    Sees {
        /// Each node but itself.
        nodes: Vec<Sighting>,
    },
    /// Something in it panicked.
    Panicked {
        /// What it said, and where.
        message: String,
    },
}

/// How one node is called.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum Kind {
    /// `Mesh::send`
    Send,
    /// `Mesh::request`
    Request,
    /// `Mesh::usend`
    Usend,
}

/// Whom a call is for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Aim {
    /// Where.
    pub address: SocketAddr,
    /// Which process there; any unless set.
    pub generation: Option<u64>,
}

/// Bytes, as far as they matter: how many, and a hash.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Digest {
    /// How many.
    pub len: usize,
    /// Of the bytes.
    pub hash: u64,
}

/// How a call ended, in the words of the facade's errors.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum Ending {
    /// It went well.
    Fine,
    /// Its handler failed.
    HandlerFailed,
    /// It was handled, but its answer was not taken.
    AnswerDropped,
    /// Nothing came in time, or its session was lost.
    Timeout,
    /// The node is gone.
    PeerDown,
    /// The process is gone.
    PeerRestarted,
    /// Nobody handles the command.
    NoHandler,
    /// There was too much to do.
    Overloaded,
    /// Too large.
    TooLarge,
    /// It was not taken on.
    NotTaken,
}

/// A node as another one sees it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Sighting {
    /// Where.
    pub address: SocketAddr,
    /// Which process.
    pub generation: u64,
    /// In which state.
    pub state: View,
}

/// The state of a node that is seen.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum View {
    /// Online
    Online,
    /// Taken
    Taken,
    /// Offline
    Offline,
    /// Suspect
    Suspect,
    /// Left
    Left,
    /// Failed
    Failed,
}

impl Digest {
    /// Of `bytes`, by the model's own hash.
    pub fn of(bytes: &[u8]) -> Self {
        let model::Digest { len, hash } = model::Digest::of(bytes);
        Self { len, hash }
    }
}

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal(Mutex<File>);

impl Journal {
    /// Begins one; there must be none of that name.
    ///
    /// # Errors
    ///
    /// If the file can't be made.
    pub fn begin(path: &Path) -> Result<Self> {
        let file =
            File::create_new(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(Mutex::new(file)))
    }

    /// Writes an entry with the time that it is now. A journal that can't be written ends the process: a run
    /// with gaps proves nothing.
    ///
    /// # Panics
    ///
    /// If the file can't be written.
    pub fn write(&self, entry: &Entry) {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The time is read under the lock, or two entries could be written in the wrong order.
        let line = serde_json::to_string(&(clock::now().as_nanos(), entry));
        let written = line
            .map_err(Into::into)
            .and_then(|line| file.write_all((line + "\n").as_bytes()));
        assert!(written.is_ok(), "the journal can't be written: {written:?}");
    }
}

/// Reads a journal.
///
/// # Errors
///
/// If the file can't be read, or a line makes no sense.
pub fn read(path: &Path) -> Result<Vec<(Instant, Entry)>> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    text.lines()
        .map(|line| {
            let (at, entry) = serde_json::from_str(line)
                .map_err(|error| format!("{}: {error}: {line}", path.display()))?;
            Ok((Instant::from_nanos(at), entry))
        })
        .collect()
}
