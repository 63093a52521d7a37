//! Remembers peers across restarts, in a file.
//!
//! A cluster that is restarted as a whole finds itself by what each of its nodes remembers, without any seed: whoever
//! comes up greets those it knew, as if they were seeds. One of them that is where it was is enough.
//!
//! # What is remembered
//!
//! Addresses, live peers first, then those that are gone and still listed: a cluster that is shut down node by node
//! leaves the last one with none that live. Last, for an hour after the start, those of the file that are not back yet:
//! what crashes twice has not forgotten the others in between. At most [`PEERS_MAX`]; who is in the file stays there, others get what
//! room there is by lot. A node without company remembers what it had.
//!
//! # When it is written
//!
//! When a change of the membership has [settled](crate::View) and the addresses are others than before. The file is
//! written anew beside the old one and takes its place by a rename: after a crash there is the one or the other.
//!
//! # What it never does
//!
//! It keeps no node from starting or serving: a file that cannot be read, or is damaged, is reported and counts for
//! nothing; one that cannot be written is reported and tried again at the next change.

mod format;

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use format::{DamageError, FILE_BYTES_MAX, decode, encode};
use thiserror::Error;
use tokio::time::Instant;

use crate::{driver::Shared, nodes::Snapshot, pick::Dice, view::Views};

/// Peers that are remembered. Of a cluster that was restarted in place any one does; of one that half moved, one of
/// two hundred and fifty-six is where it was but for bad luck beyond counting.
pub(crate) const PEERS_MAX: usize = 256;

/// How long after its start a node remembers peers of the file that it has not met: as long as the membership lists
/// those that are gone. Until then they may come up, in the order in which somebody restarts them.
const LOADED_KEPT: Duration = Duration::from_secs(60 * 60);

/// What is added to the name of the file while it is written.
const UNFINISHED: &str = ".new";

/// The peers that are remembered now.
#[derive(Debug, Default)]
pub(crate) struct Remembered(Mutex<Vec<SocketAddr>>);

impl Remembered {
    /// Those that a file remembers; none, and a word in the log, where that cannot be read.
    pub(crate) fn read(path: &Path) -> Self {
        let peers = read(path).unwrap_or_else(|error| {
            let path = path.display();
            tracing::warn!(%path, %error, "cannot use the file of known peers; will try to write it anew");
            Vec::new()
        });
        Self(Mutex::new(peers))
    }

    pub(crate) fn get(&self) -> Vec<SocketAddr> {
        self.0.lock().expect("no panic while it is locked").clone()
    }

    fn set(&self, peers: Vec<SocketAddr>) {
        *self.0.lock().expect("no panic while it is locked") = peers;
    }
}

/// Why a file of peers cannot be used.
#[derive(Debug, Error)]
enum ReadError {
    /// Told at the start, when somebody is looking, and not only when the first peers should be written.
    #[error("its directory is not there: make it")]
    NoDirectory,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Damaged(#[from] DamageError),
}

/// Remembers peers until the mesh is closed.
pub(crate) async fn run(shared: Arc<Shared>, path: PathBuf, remembered: Arc<Remembered>) {
    let mut views = Views::new(shared.clone());
    let mut written = remembered.get();
    let loaded_until = Instant::now() + LOADED_KEPT;
    while views.next().await.is_some() {
        let mut before = remembered.get();
        let snapshot = shared.snapshot.load_full();
        if Instant::now() >= loaded_until {
            before.retain(|address| snapshot.node(*address).is_some());
        }
        let Some(peers) = choose(&snapshot, &before, &shared.dice) else {
            continue;
        };
        remembered.set(peers.clone());
        if peers == written {
            continue;
        }
        match write_apart(&shared, path.clone(), peers.clone()).await {
            Ok(()) => written = peers,
            Err(error) => {
                let path = path.display();
                tracing::warn!(%path, %error, "cannot write the file of known peers; will try again");
            }
        }
    }
}

/// Whom to remember, in ascending order; `None` without company. Whoever is not listed stays as long as there is room:
/// it may be about to come up, as this node did.
fn choose(snapshot: &Snapshot, before: &[SocketAddr], dice: &Dice) -> Option<Vec<SocketAddr>> {
    let me = snapshot.me.address();
    let others = || {
        let everybody = snapshot.everybody.iter();
        everybody.filter(move |node| node.address() != me)
    };
    if others().all(|node| node.state().is_gone()) {
        return None;
    }
    let listed = others().map(|node| {
        let standing = if node.state().is_gone() {
            Standing::Gone
        } else {
            Standing::Live
        };
        (standing, node.address())
    });
    let unlisted = before
        .iter()
        .filter(|address| snapshot.node(**address).is_none())
        .map(|address| (Standing::Unlisted, *address));
    let mut ranked: Vec<_> = listed
        .chain(unlisted)
        .map(|(standing, address)| (standing, !before.contains(&address), dice.draw(), address))
        .collect();
    ranked.sort_unstable();
    ranked.truncate(PEERS_MAX);
    let mut peers: Vec<SocketAddr> = ranked.into_iter().map(|(.., address)| address).collect();
    peers.sort_unstable();
    Some(peers)
}

/// What is known of a peer; who is first stays first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Live,
    Gone,
    Unlisted,
}

fn read(path: &Path) -> Result<Vec<SocketAddr>, ReadError> {
    use io::Read as _;
    let file = match fs::File::open(path) {
        Ok(file) => file,
        // The first start.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match directory(path).is_dir() {
                true => Ok(Vec::new()),
                false => Err(ReadError::NoDirectory),
            };
        }
        Err(error) => return Err(error.into()),
    };
    let mut bytes = Vec::new();
    // One more than it may have, so that what is too long is seen to be.
    file.take(FILE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(decode(&bytes)?)
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(named) if !named.as_os_str().is_empty() => named,
        _ => Path::new("."),
    }
}

/// Writes where waiting for a disk holds up nothing. A simulated node has no threads.
async fn write_apart(shared: &Shared, path: PathBuf, peers: Vec<SocketAddr>) -> io::Result<()> {
    if shared.clock.is_virtual() {
        return write(&path, &peers);
    }
    let writing = tokio::task::spawn_blocking(move || write(&path, &peers));
    writing.await.map_err(io::Error::other)?
}

fn write(path: &Path, peers: &[SocketAddr]) -> io::Result<()> {
    use io::Write as _;
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(UNFINISHED);
    let mut file = fs::File::create(&unfinished)?;
    file.write_all(encode(peers).as_bytes())?;
    // Before the rename, or a loss of power may leave an empty file under the name.
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

#[cfg(test)]
#[path = "../../tests/unit/peers.rs"]
mod tests;
