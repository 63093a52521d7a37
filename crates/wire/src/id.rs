//! Identifiers as types, so that no two kinds are mixed up.

use core::fmt;

use twox_hash::XxHash3_64;

use crate::varint::VarInt;

/// What a message asks for: the number under which handlers are registered.
///
/// Commands below [`Command::FIRST_FREE`] belong to Hobnob itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Command(pub u16);

impl Command {
    /// The lowest command an application may use.
    pub const FIRST_FREE: Self = Self(100);

    /// What copies of shared data say to each other: it never reaches a handler.
    pub const SHARED: Self = Self(20);

    /// What nodes say to each other about the values they have set: it never reaches a handler.
    pub const VALUES: Self = Self(21);

    /// What nodes tell each other of what all are to know.
    pub const SHARING: [Self; 2] = [Self::SHARED, Self::VALUES];

    /// Whether the command belongs to Hobnob itself.
    pub const fn is_reserved(self) -> bool {
        self.0 < Self::FIRST_FREE.0
    }
}

/// Which stream of its sender a message keeps its order in.
///
/// Two names with the same hash share an order: the messages of one then wait for those of the other, and
/// nothing else happens. With a thousand streams to one node, the chance of any such two is one in ten thousand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

impl StreamId {
    /// The stream with this name: the low half of its XXH3-64.
    #[allow(clippy::cast_possible_truncation, reason = "the low half is meant")]
    pub fn of_name(name: &str) -> Self {
        Self(XxHash3_64::oneshot(name.as_bytes()) as u32)
    }
}

/// Which life of a process at an address: grows with every restart.
///
/// Derived as `max(clock in µs, last seen + 1)`, so a restarted node always wins over its past self.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

impl Generation {
    /// The largest that is spoken of. A clock in microseconds gets here in some 292,000 years; the upper half
    /// stays free so that counting past a peer's claim never overflows.
    pub const LAST: Self = Self(u64::MAX >> 1);

    /// The generation after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Under which number the receiver of a datagram knows the conversation it belongs to.
///
/// Chosen by the receiver: unguessable, so that only one who got the hello can address it. Zero is never
/// chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// A place in the table of peers: which slot, and which of its tenants.
///
/// It stands for one remote address for as long as that address is remembered, over any number of
/// sessions. Cores index by `slot` and compare `epoch`, so that a stale handle finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer {
    /// Index into the table, below [`PEERS_MAX`](crate::limits::PEERS_MAX).
    pub slot: u16,
    /// Grows each time the slot gets another tenant.
    pub epoch: u32,
}

macro_rules! varint_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(VarInt);

        impl $name {
            /// The first one of a session.
            pub const ZERO: Self = Self(VarInt::ZERO);

            /// The identifier with this number, below 2^62.
            ///
            /// # Errors
            ///
            /// [`VarIntOverflow`](crate::VarIntOverflow) when `number` is 2^62 or more.
            pub fn new(number: u64) -> Result<Self, crate::VarIntOverflow> {
                VarInt::new(number).map(Self)
            }

            /// The plain number.
            pub const fn get(self) -> u64 {
                self.0.get()
            }

            /// The one after this; stays at the last one when there is none.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl From<VarInt> for $name {
            fn from(number: VarInt) -> Self {
                Self(number)
            }
        }

        impl From<$name> for VarInt {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl From<u32> for $name {
            fn from(number: u32) -> Self {
                Self(VarInt::from(number))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.get())
            }
        }
    };
}

varint_id! {
    /// Numbers the datagrams of one direction of a session, without gaps at the sender.
    PacketNumber
}

varint_id! {
    /// Numbers the reliable messages of one direction of a session.
    MessageId
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
