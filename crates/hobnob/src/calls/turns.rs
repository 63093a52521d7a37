//! Whose turn it is to add a message of a stream, where the queue to a node was full.
//!
//! Who waits for room must not be overtaken by a later message of the same stream. So those who wait stand in
//! line, stream by stream: the first waits for room, each other one for the one in front.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use hobnob_endpoint::wire::StreamId;
use tokio::sync::Notify;

type Key = (SocketAddr, StreamId);

/// The lines. Each entry is a call that its caller still waits for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns {
    lines: Arc<Mutex<HashMap<Key, VecDeque<Arc<Notify>>>>>,
}

/// A place in a line, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Turns,
    key: Key,
    called: Arc<Notify>,
}

impl Turns {
    /// Whether nobody waits with a message of the stream.
    pub(super) fn is_free(&self, key: &Key) -> bool {
        !self.lock().contains_key(key)
    }

    /// Goes to the end of the line.
    pub(super) fn stand(&self, key: Key) -> Turn {
        let called = Arc::new(Notify::new());
        let mut lines = self.lock();
        lines.entry(key).or_default().push_back(called.clone());
        drop(lines);
        Turn {
            turns: self.clone(),
            key,
            called,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, VecDeque<Arc<Notify>>>> {
        self.lines
            .lock()
            .expect("no panic while the lines are locked")
    }
}

impl Turn {
    pub(super) fn is_first(&self) -> bool {
        let lines = self.turns.lock();
        let first = lines.get(&self.key).and_then(VecDeque::front);
        first.is_some_and(|first| Arc::ptr_eq(first, &self.called))
    }

    /// Told when this one is the first. It may have been before it is listened to.
    pub(super) fn called(&self) -> Arc<Notify> {
        self.called.clone()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut lines = self.turns.lock();
        let Some(line) = lines.get_mut(&self.key) else {
            return;
        };
        line.retain(|other| !Arc::ptr_eq(other, &self.called));
        match line.front() {
            Some(first) => first.notify_one(),
            None => drop(lines.remove(&self.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_in_line_is_called_however_the_first_leaves() {
        let turns = Turns::default();
        let key = ("127.0.0.1:1".parse().unwrap(), StreamId(1));
        assert!(turns.is_free(&key));
        let mut line: VecDeque<Turn> = (0..4).map(|_| turns.stand(key)).collect();
        assert!(!turns.is_free(&key));
        drop(line.remove(1));
        assert!(line[0].is_first() && !line[1].is_first());
        drop(line.pop_front());
        assert!(line[0].is_first());
        drop(line);
        assert!(turns.is_free(&key));
    }
}
