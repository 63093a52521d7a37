//! The workers, from the outside: started, told, heard, stopped, killed.

mod process;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use hobnob_wire::Instant;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::AsyncWriteExt,
    sync::mpsc,
    time::{Instant as Moment, timeout, timeout_at},
};

pub use process::Grounds;
use process::{Said, Worker};

use crate::{
    Result, clock,
    orders::{Order, Word},
};

/// Words of workers that nobody has taken yet; then the workers wait. They say something when what they see
/// changes, which is a few times a second at most.
const WORDS_MAX: usize = 1_000;

/// How long a worker may take to start, and to end: a loaded machine, a debug build.
const PATIENCE: Duration = Duration::from_secs(30);

/// One life of a node.
#[derive(Clone, Debug)]
pub struct Life {
    /// Its number: later ones are greater.
    pub process: u32,
    /// What it has written.
    pub journal: PathBuf,
    /// When it was killed, if it was.
    pub killed_at: Option<Instant>,
}

/// All workers of a run. Dropping it kills them.
#[derive(Debug)]
pub struct Crew {
    grounds: Grounds,
    workers: Vec<Worker>,
    lives: Vec<Life>,
    words: mpsc::Receiver<Said>,
    mouth: mpsc::Sender<Said>,
}

impl Crew {
    /// Starts a worker for each address, and waits until all are there.
    ///
    /// # Errors
    ///
    /// If one can't be started, or ends.
    pub async fn start(grounds: Grounds) -> Result<Self> {
        let (mouth, words) = mpsc::channel(WORDS_MAX);
        let mut crew = Self {
            grounds,
            workers: Vec::new(),
            lives: Vec::new(),
            words,
            mouth,
        };
        for node in 0..crew.grounds.addresses.len() {
            let worker = crew.spawn(node)?;
            crew.workers.push(worker);
        }
        crew.wait_ready().await?;
        Ok(crew)
    }

    /// How many nodes there are.
    pub const fn len(&self) -> usize {
        self.workers.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.workers.is_empty()
    }

    /// A node's address.
    pub fn address(&self, node: usize) -> SocketAddr {
        self.grounds.addresses[node]
    }

    /// Every life so far.
    pub fn lives(&self) -> &[Life] {
        &self.lives
    }

    /// Tells a node something.
    ///
    /// # Errors
    ///
    /// If its process is gone.
    pub async fn tell(&mut self, node: usize, order: Order) -> Result<()> {
        let worker = &mut self.workers[node];
        let line = serde_json::to_string(&order)? + "\n";
        let told = worker.stdin.write_all(line.as_bytes()).await;
        told.map_err(|error| format!("node {node} can't be told {order:?}: {error}").into())
    }

    /// Tells every node something.
    ///
    /// # Errors
    ///
    /// If the process of one is gone.
    pub async fn tell_all(&mut self, order: Order) -> Result<()> {
        for node in 0..self.len() {
            self.tell(node, order).await?;
        }
        Ok(())
    }

    /// Lets time pass.
    ///
    /// # Errors
    ///
    /// If a process ends.
    pub async fn pass(&mut self, time: Duration) -> Result<()> {
        self.until(time, |_| false).await.map(drop)
    }

    /// Waits until every node sees every other one Online; says whether that came about in time.
    ///
    /// # Errors
    ///
    /// If a process ends.
    pub async fn all_online(&mut self, patience: Duration) -> Result<bool> {
        self.until(patience, |workers| {
            let others = workers.len() - 1;
            workers.iter().all(|worker| worker.online == others)
        })
        .await
    }

    /// Waits until all calls of all nodes have ended; says whether that came about in time.
    ///
    /// # Errors
    ///
    /// If a process ends.
    pub async fn all_rest(&mut self, patience: Duration) -> Result<bool> {
        self.until(patience, |workers| {
            workers.iter().all(|worker| worker.rests)
        })
        .await
    }

    /// Stops a node's process, or lets it go on.
    ///
    /// # Errors
    ///
    /// If it is gone.
    pub fn stop(&self, node: usize, stopped: bool) -> Result<()> {
        let signal = match stopped {
            true => Signal::STOP,
            false => Signal::CONT,
        };
        let pid = self.workers[node].child.id();
        let pid = pid.and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
        let pid = pid.ok_or_else(|| format!("node {node} is gone"))?;
        Ok(kill_process(pid, signal)?)
    }

    /// Kills a node's process.
    ///
    /// # Errors
    ///
    /// If it can't be killed.
    pub async fn kill(&mut self, node: usize) -> Result<()> {
        let worker = &mut self.workers[node];
        worker.child.kill().await?;
        worker.has_ended = true;
        // After its death: all that it has written is earlier.
        let killed_at = Some(clock::now());
        let process = worker.process;
        let life = self.lives.iter_mut().find(|life| life.process == process);
        life.into_iter().for_each(|life| life.killed_at = killed_at);
        Ok(())
    }

    /// Starts the next process of a node whose last one was killed.
    ///
    /// # Errors
    ///
    /// As [`Crew::start`].
    pub async fn restart(&mut self, node: usize) -> Result<()> {
        self.workers[node] = self.spawn(node)?;
        self.wait_ready().await
    }

    /// Tells all to write down whom they see; says whether each sees every other one Online.
    ///
    /// # Errors
    ///
    /// If a process ends.
    pub async fn look(&mut self, patience: Duration) -> Result<bool> {
        self.workers
            .iter_mut()
            .for_each(|worker| worker.looked = None);
        self.tell_all(Order::Look).await?;
        let have_looked = |workers: &[Worker]| workers.iter().all(|worker| worker.looked.is_some());
        if !self.until(patience, have_looked).await? {
            return Err(format!("a node does not say whom it sees within {patience:?}").into());
        }
        let others = self.len() - 1;
        Ok(self
            .workers
            .iter()
            .all(|worker| worker.looked == Some(others)))
    }

    /// Tells all to end, and waits for that.
    ///
    /// # Errors
    ///
    /// If one can't be told, or fails at its end.
    pub async fn finish(&mut self) -> Result<()> {
        self.workers
            .iter_mut()
            .for_each(|worker| worker.has_ended = true);
        self.tell_all(Order::Finish).await?;
        for (node, worker) in self.workers.iter_mut().enumerate() {
            let ended = timeout(PATIENCE, worker.child.wait()).await;
            let status = ended.map_err(|_| format!("node {node} does not end"))??;
            if !status.success() {
                return Err(format!("node {node} ended with {status}").into());
            }
        }
        Ok(())
    }

    /// Kills what still runs: all that their journals will ever hold is there then.
    ///
    /// # Errors
    ///
    /// If one can't be killed.
    pub async fn kill_rest(&mut self) -> Result<()> {
        for node in 0..self.len() {
            // Nobody has an id whose end was seen.
            if self.workers[node].child.id().is_some() {
                self.kill(node).await?;
            }
        }
        Ok(())
    }

    fn spawn(&mut self, node: usize) -> Result<Worker> {
        let process = u32::try_from(self.lives.len())?;
        let journal = self.grounds.journal(process);
        let worker = Worker::spawn(&self.grounds, node, process, self.mouth.clone())?;
        self.lives.push(Life {
            process,
            journal,
            killed_at: None,
        });
        Ok(worker)
    }

    async fn wait_ready(&mut self) -> Result<()> {
        let are_ready = |workers: &[Worker]| workers.iter().all(|worker| worker.is_ready);
        match self.until(PATIENCE, are_ready).await? {
            true => Ok(()),
            false => Err(format!("a worker did not start within {PATIENCE:?}").into()),
        }
    }

    /// Listens to the workers until `is_so`, or until the time is up.
    async fn until(
        &mut self,
        patience: Duration,
        is_so: impl Fn(&[Worker]) -> bool,
    ) -> Result<bool> {
        let deadline = Moment::now() + patience;
        while !is_so(&self.workers) {
            // Never `None`: this end holds a sender, too.
            let Ok(Some((process, word))) = timeout_at(deadline, self.words.recv()).await else {
                return Ok(false);
            };
            self.note(process, word)?;
        }
        Ok(true)
    }

    fn note(&mut self, process: u32, word: Option<Word>) -> Result<()> {
        let workers = self.workers.iter_mut().enumerate();
        let mut found = workers.filter(|(_, worker)| worker.process == process);
        let Some((node, worker)) = found.next() else {
            // Last words of a process that was killed.
            return Ok(());
        };
        match word {
            Some(Word::Ready) => worker.is_ready = true,
            Some(Word::Online(others)) => worker.online = others,
            Some(Word::Rests) => worker.rests = true,
            Some(Word::Looked(others)) => worker.looked = Some(others),
            None if worker.has_ended => {}
            None => return Err(format!("node {node} has ended before its time").into()),
        }
        Ok(())
    }
}
