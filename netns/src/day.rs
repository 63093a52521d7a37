//! The schedule of a run: which fault comes when, and what must hold in the end.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process,
    time::Duration,
};

use hobnob_sim::model::Report;
use tokio::time::{Instant, sleep};

use crate::{
    Failure, Result,
    crew::{Crew, Grounds},
    folder::Folder,
    network::{Counters, Network, Rate},
    orders::Order,
    verdict::Story,
    worker::Plant,
};

/// Nodes of a run.
pub const NODES: usize = 5;

/// The port of each node, where it has an address of its own.
const PORT: u16 = 7_400;

/// Who is stopped, killed, cut off, and at the end of the slow link: a different node each.
const STOPPED: usize = 1;
const KILLED: usize = 2;
const CUT_OFF: usize = 3;
const SLOW: usize = 4;

/// Datagrams of a hundred that are lost.
const LOSS_PERCENT: u32 = 10;

/// Datagrams of a hundred that come twice.
const DOUBLED_PERCENT: u32 = 2;

/// What the slow link can do: less than the others have for its node, so that its queue overflows.
const SLOW_RATE: Rate = Rate {
    megabits: 4,
    queue_kib: 64,
};

/// How long the nodes may take to see each other, at first and in the end. It takes them seconds; the rest is
/// for a machine with other things to do.
const PATIENCE: Duration = Duration::from_secs(90);

/// Between two looks of nodes that do not all see each other yet.
const LOOK_PAUSE: Duration = Duration::from_secs(1);

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Day {
    /// What the calls are chosen by.
    pub seed: u64,
    /// How long it is.
    pub length: Length,
    /// A fault that all workers have.
    pub plant: Option<Plant>,
}

/// What came of a day.
#[derive(Debug)]
pub struct Evening {
    /// What the model says.
    pub report: Report,
    /// Why the day ended early, if it did.
    pub trouble: Option<Failure>,
}

/// How long each part of the day takes.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    calm: Duration,
    lossy: Duration,
    slow: Duration,
    stopped: Duration,
    dead: Duration,
    cut: Duration,
    /// After a fault, before the next one.
    after: Duration,
}

impl Length {
    /// Of a run by itself: a bit over a minute.
    pub const FULL: Self = Self {
        calm: Duration::from_secs(3),
        lossy: Duration::from_secs(8),
        slow: Duration::from_secs(8),
        stopped: Duration::from_secs(5),
        dead: Duration::from_secs(1),
        cut: Duration::from_secs(20),
        after: Duration::from_secs(4),
    };

    /// Of a test: some seconds.
    pub const BRIEF: Self = Self {
        calm: Duration::from_millis(500),
        lossy: Duration::from_millis(500),
        slow: Duration::from_millis(500),
        stopped: Duration::from_secs(1),
        dead: Duration::from_millis(200),
        cut: Duration::from_secs(1),
        after: Duration::from_millis(500),
    };
}

/// Runs a day in namespaces of its own, with every fault.
///
/// # Errors
///
/// If the network or the workers can't be set up or taken down. What goes wrong in between is in the result.
pub async fn in_namespaces(day: Day, folder: &Folder) -> Result<Evening> {
    let network = Network::make(NODES)?;
    let grounds = Grounds {
        addresses: (0..NODES)
            .map(|node| SocketAddr::new(Network::address(node), PORT))
            .collect(),
        enter: (0..NODES).map(|node| network.enter(node)).collect(),
        folder: folder.path().to_owned(),
        seed: day.seed,
        plant: day.plant,
    };
    run(day, grounds, Some(&network)).await
}

/// Runs a day on the loopback interface: without the faults of a network.
///
/// # Errors
///
/// As [`in_namespaces`].
pub async fn on_loopback(day: Day, folder: &Folder) -> Result<Evening> {
    let grounds = Grounds {
        addresses: free_addresses()?,
        enter: vec![Vec::new(); NODES],
        folder: folder.path().to_owned(),
        seed: day.seed,
        plant: day.plant,
    };
    run(day, grounds, None).await
}

async fn run(day: Day, grounds: Grounds, network: Option<&Network>) -> Result<Evening> {
    let mut stage = Stage {
        crew: Crew::start(grounds).await?,
        network,
        begun: Instant::now(),
        faults: Report::default(),
    };
    let played = stage.play(day.length).await;
    stage.crew.kill_rest().await?;
    let mut report = Story::read(stage.crew.lives())?.judge(day.seed);
    report += stage.faults;
    if let Some(network) = network {
        let Counters {
            sent,
            lost,
            doubled,
            cut,
        } = network.counters()?;
        report.datagrams = sent;
        report.add_faults("datagram lost", lost);
        report.add_faults("datagram doubled", doubled);
        report.add_faults("frame cut off", cut);
    }
    let trouble = played.err();
    Ok(Evening { report, trouble })
}

struct Stage<'n> {
    crew: Crew,
    network: Option<&'n Network>,
    begun: Instant,
    faults: Report,
}

impl Stage<'_> {
    async fn play(&mut self, length: Length) -> Result<()> {
        if !self.crew.all_online(PATIENCE).await? {
            return Err(format!("the nodes did not find each other within {PATIENCE:?}").into());
        }
        self.say("all see each other; the calls begin");
        self.crew.tell_all(Order::Work).await?;
        self.crew.pass(length.calm).await?;
        if let Some(network) = self.network {
            self.slow_link(network, length).await?;
            self.say(&format!(
                "{LOSS_PERCENT} % of all datagrams are lost, {DOUBLED_PERCENT} % come twice"
            ));
            network.lose(LOSS_PERCENT)?;
            network.double(DOUBLED_PERCENT)?;
            self.crew.pass(length.lossy).await?;
        }
        self.stop(length).await?;
        self.kill(length).await?;
        if let Some(network) = self.network {
            self.cut(network, length).await?;
            self.faults
                .add_faults("datagram over a limit", network.dropped(SLOW)?);
            network.limit(SLOW, None)?;
            network.lose(0)?;
            network.double(0)?;
            self.say("nothing is lost or limited any more");
        }
        self.settle().await
    }

    /// Everybody floods one node over a link that is too slow for that. The link stays slow.
    async fn slow_link(&mut self, network: &Network, length: Length) -> Result<()> {
        let Rate { megabits, .. } = SLOW_RATE;
        self.say(&format!("node {SLOW} has {megabits} Mbit/s and is flooded"));
        self.faults.add_faults("link limited", 1);
        network.limit(SLOW, Some(SLOW_RATE))?;
        let target = Some(self.crew.address(SLOW));
        for node in (0..NODES).filter(|node| *node != SLOW) {
            self.crew.tell(node, Order::Flood(target)).await?;
        }
        self.crew.pass(length.slow).await?;
        self.crew.tell_all(Order::Flood(None)).await?;
        self.say("the flood is over");
        self.crew.pass(length.after).await
    }

    async fn stop(&mut self, length: Length) -> Result<()> {
        self.say(&format!("node {STOPPED} is stopped"));
        self.faults.add_faults("process stopped", 1);
        self.crew.stop(STOPPED, true)?;
        self.crew.pass(length.stopped).await?;
        self.crew.stop(STOPPED, false)?;
        self.say(&format!("node {STOPPED} goes on"));
        self.crew.pass(length.after).await
    }

    async fn kill(&mut self, length: Length) -> Result<()> {
        self.say(&format!("node {KILLED} is killed"));
        self.faults.add_faults("process killed", 1);
        self.crew.kill(KILLED).await?;
        self.crew.pass(length.dead).await?;
        self.crew.restart(KILLED).await?;
        self.crew.tell(KILLED, Order::Work).await?;
        self.say(&format!("node {KILLED} is there again"));
        self.crew.pass(length.after).await
    }

    async fn cut(&mut self, network: &Network, length: Length) -> Result<()> {
        self.say(&format!("node {CUT_OFF} is cut off"));
        self.faults.add_faults("node cut off", 1);
        network.cut(&[CUT_OFF])?;
        self.crew.pass(length.cut).await?;
        network.cut(&[])?;
        self.say("the cut is healed");
        let healed = Instant::now();
        if self.crew.all_online(PATIENCE).await? {
            let took = healed.elapsed().as_secs_f64();
            self.faults
                .add_figure("seconds from the heal until all see each other", took);
        }
        self.crew.pass(length.after).await
    }

    /// The faults are over: all calls must end, and all nodes must see each other. The model says if not.
    async fn settle(&mut self) -> Result<()> {
        self.crew.tell_all(Order::Rest).await?;
        let rest = self.crew.all_rest(PATIENCE).await?;
        self.say(match rest {
            true => "all calls have ended",
            false => "not all calls have ended",
        });
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let met = self.crew.all_online(left).await?;
            if self.crew.look(PATIENCE).await? {
                self.say("all see each other");
                break;
            }
            if !met || Instant::now() >= deadline {
                self.say("not all see each other");
                break;
            }
            sleep(LOOK_PAUSE).await;
        }
        self.crew.finish().await?;
        match rest {
            true => Ok(()),
            false => Err(format!("calls are open {PATIENCE:?} after the last fault").into()),
        }
    }

    fn say(&self, what: &str) {
        let at = self.begun.elapsed().as_secs_f64();
        crate::say(&format!("{at:6.1} s  {what}"));
    }
}

/// Ports that nobody has, of an address that other programs do not bind: none is taken before the worker does it, or
/// while a worker is dead.
fn free_addresses() -> Result<Vec<SocketAddr>> {
    let [.., high, low] = process::id().to_be_bytes();
    let host = Ipv4Addr::new(127, high, low, 1);
    let sockets: Vec<_> = (0..NODES)
        .map(|_| std::net::UdpSocket::bind((host, 0)))
        .collect::<Result<_, _>>()?;
    let addresses = sockets.iter().map(std::net::UdpSocket::local_addr);
    Ok(addresses.collect::<Result<_, _>>()?)
}
