//! What is told as soon as it happens.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::net::SocketAddr;

use bytes::Bytes;
use hobnob_wire::Instant;

use super::{
    Values,
    codec::{Item, Kind},
    limits::TOLD_BYTES_MAX,
};
use crate::{
    clock::Process,
    codec::{IS_NEWS, compose},
    limits::{DIRECT_PEERS_MAX, NEWS_INTERVAL, PAYLOAD_BYTES_MAX},
    news::news_targets,
};

/// How a process' values are news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// What changed since a version has not been told.
    Since(u64),
    /// It was told to some. To some others it is only said that there is something: few of them lack it still.
    Again,
}

/// Whose values have changed, each once, in the order in which they did. Bounded by the number of processes whose
/// values are held.
#[derive(Debug, Default)]
pub(super) struct News {
    queue: VecDeque<Process>,
    stages: BTreeMap<Process, Stage>,
    /// The last round is not long ago.
    quiet_until: Instant,
}

impl News {
    /// The values of a process have changed since a version. What was already to be told still is.
    pub(super) fn add(&mut self, process: Process, since: u64) {
        let stage = self.stages.entry(process).or_insert_with(|| {
            self.queue.push_back(process);
            Stage::Since(since)
        });
        if *stage == Stage::Again {
            *stage = Stage::Since(since);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn due(&self) -> Option<Instant> {
        (!self.queue.is_empty()).then_some(self.quiet_until)
    }

    fn front(&self) -> Option<(Process, Stage)> {
        let process = self.queue.front()?;
        Some((*process, *self.stages.get(process)?))
    }

    fn pop(&mut self) {
        if let Some(process) = self.queue.pop_front() {
            self.stages.remove(&process);
        }
    }

    fn repeat(&mut self, processes: Vec<Process>) {
        for process in processes {
            self.queue.push_back(process);
            self.stages.insert(process, Stage::Again);
        }
    }
}

impl Values {
    /// One round of news: as much as fits into a payload.
    pub(super) fn tell_news(&mut self, now: Instant) {
        let targets = news_targets(self.members.peers(), &mut self.rng);
        if targets.is_empty() {
            // Whoever comes compares.
            self.news = News::default();
            return;
        }
        let mut repeated = Vec::new();
        let payload = compose(PAYLOAD_BYTES_MAX, |w| {
            w.u8(Kind::Items as u8)?;
            w.u8(IS_NEWS)?;
            while let Some((process, stage)) = self.news.front() {
                let item = self.told_item(process, stage);
                if item.is_some_and(|item| item.encode(w).is_err()) {
                    break;
                }
                self.news.pop();
                if stage != Stage::Again && self.passes_on() {
                    repeated.push(process);
                }
            }
            Ok(())
        });
        self.news.repeat(repeated);
        let payload = Bytes::from(payload);
        for to in targets {
            self.outbox.push(to, payload.clone());
        }
        self.news.quiet_until = now + NEWS_INTERVAL;
    }

    /// Whether peers must pass on what they hear, as nobody tells all of them.
    pub(super) fn passes_on(&self) -> bool {
        self.members.peers().len() > DIRECT_PEERS_MAX
    }

    /// Tells one peer of this node's own values.
    pub(super) fn introduce(&mut self, to: SocketAddr) {
        let item = self.told_item(self.me, Stage::Since(0));
        self.send_items(to, &Vec::from_iter(item));
    }

    /// The news of a process, or that there is some; `None` of one that is no live member.
    fn told_item(&self, process: Process, stage: Stage) -> Option<Item> {
        let is_told = process == self.me || self.members.is_live(process);
        let set = self.of(process).filter(|_| is_told)?;
        let offer = Item::Offer((process, set.version()));
        let Stage::Since(since) = stage else {
            return Some(offer);
        };
        let delta = set.delta(since);
        Some(if delta.bytes() > TOLD_BYTES_MAX {
            offer
        } else {
            Item::Values(process, delta)
        })
    }
}
