//! What happened, in numbers.

use std::fmt;

macro_rules! named {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in traces and reports.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

named! {
    /// What became of a datagram. `Sent` is counted for each one, the others where they apply.
    Fate {
        /// A node handed it to its machine.
        Sent = "sent",
        /// The network made two of it.
        Duplicated = "duplicated",
        /// The network changed bytes of it.
        Corrupted = "corrupted",
        /// The network cut it short.
        Truncated = "truncated",
        /// It was put into the receiver's socket.
        Arrived = "arrived",
        /// Lost by mere chance.
        LostByChance = "lost by chance",
        /// Lost in a burst.
        LostInBurst = "lost in a burst",
        /// Lost because the way was cut.
        LostAtCut = "lost at a cut",
        /// Lost because a link's queue was full.
        LostInQueue = "lost in a queue",
        /// Lost because the receiver's socket was full.
        LostAtSocket = "lost at a socket",
        /// Lost because no process has the address.
        LostToNobody = "lost to nobody",
        /// Lost because the simulation holds no more datagrams at once.
        LostToLimit = "lost to the limit",
    }
}

named! {
    /// What was done to the world to make the day worse or better.
    Fault {
        /// A process was killed.
        Crash = "crash",
        /// A process was started at the address of a dead one.
        Restart = "restart",
        /// A process was started in place of a dead one, at another address.
        Relocation = "relocation",
        /// A process was started with a generation that is not above its predecessor's.
        ClockSetBack = "clock set back",
        /// A process was stopped.
        Pause = "pause",
        /// A stopped process goes on.
        Resume = "resume",
        /// A process was kept from sending and receiving.
        Block = "block",
        /// A blocked process sends and receives again.
        Unblock = "unblock",
        /// One direction between two nodes was cut.
        Cut = "cut",
        /// Two groups of nodes were cut off from each other.
        Partition = "partition",
        /// A cut or a partition was healed.
        Heal = "heal",
        /// A node's clock jumped forward.
        ClockJump = "clock jump",
        /// A node's clock changed its rate.
        ClockRate = "clock rate",
        /// The network became another one, as a whole or between two nodes.
        Conditions = "conditions",
        /// A node's machine became another one.
        Host = "host",
    }
}

/// How often each thing happened; those of several runs add up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    fates: [u64; Fate::ALL.len()],
    faults: [u64; Fault::ALL.len()],
    bytes_sent: u64,
}

impl Counters {
    /// How many datagrams had this fate.
    pub const fn fate(&self, fate: Fate) -> u64 {
        self.fates[fate as usize]
    }

    /// How many faults of this kind there were.
    pub const fn fault(&self, fault: Fault) -> u64 {
        self.faults[fault as usize]
    }

    /// Bytes of all datagrams sent.
    pub const fn bytes_sent(&self) -> u64 {
        self.bytes_sent
    }

    /// Datagrams that did not arrive, whatever the reason.
    pub fn lost(&self) -> u64 {
        Fate::ALL
            .iter()
            .filter(|fate| fate.is_loss())
            .map(|fate| self.fate(*fate))
            .sum()
    }

    /// Adds what happened in another run.
    pub fn add(&mut self, other: &Self) {
        let fates = self.fates.iter_mut().zip(other.fates);
        let faults = self.faults.iter_mut().zip(other.faults);
        fates.chain(faults).for_each(|(mine, its)| *mine += its);
        self.bytes_sent += other.bytes_sent;
    }

    pub(crate) const fn count_fate(&mut self, fate: Fate, bytes: usize) {
        self.fates[fate as usize] += 1;
        if matches!(fate, Fate::Sent) {
            self.bytes_sent += bytes as u64;
        }
    }

    pub(crate) const fn count_fault(&mut self, fault: Fault) {
        self.faults[fault as usize] += 1;
    }
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fates = Fate::ALL.iter().map(|fate| (fate.name(), self.fate(*fate)));
        let faults = Fault::ALL
            .iter()
            .map(|fault| (fault.name(), self.fault(*fault)));
        list(f, "datagrams", fates)?;
        f.write_str("\n")?;
        list(f, "faults", faults)
    }
}

impl Fate {
    /// Whether the datagram did not arrive.
    pub const fn is_loss(self) -> bool {
        matches!(
            self,
            Self::LostByChance
                | Self::LostInBurst
                | Self::LostAtCut
                | Self::LostInQueue
                | Self::LostAtSocket
                | Self::LostToNobody
                | Self::LostToLimit
        )
    }
}

fn list(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    rows: impl Iterator<Item = (&'static str, u64)>,
) -> fmt::Result {
    write!(f, "{title}:")?;
    let mut separator = " ";
    for (name, count) in rows.filter(|(_, count)| *count > 0) {
        write!(f, "{separator}{count} {name}")?;
        separator = ", ";
    }
    if separator == " " {
        f.write_str(" none")?;
    }
    Ok(())
}
