//! Hobnob's datagrams: what every byte on the mesh means.
//!
//! # Phases
//!
//! Two nodes meet by a *hello*: each tells the other its generation and the session id under which it
//! wants to be addressed. From then on they exchange *data* datagrams. A node that gets data for a
//! session it does not know answers *reset*; a node that will not talk to another answers *refuse*.
//!
//! ```text
//! datagram = magic 'H' | version u8 | kind u8 | body | checksum u64
//!
//! hello     (1): versions min u8, max u8 | cluster u64 | generation u64 | session u64 | nonce u64
//!                | release | zero padding up to 128 bytes in all
//! hello ack (2): version u8 | cluster u64 | generation u64 | session u64 | echo of session and nonce
//! refuse    (3): echo of session and nonce | reason u8 | detail u64 | release, if that is the reason
//! reset     (4): the unknown session u64
//! data      (5): session u64 | packet number varint | frames
//! ```
//!
//! A release says which version of the application the sender runs, and with which it works: flags u8 (1 version,
//! 2 range, 4 its beginning, 8 its end), then version, beginning and end, three u32 each, zero where there is none. Whoever
//! declares nothing sends zeroes.
//!
//! Integers are big endian. A varint is RFC 9000, section 16: 1, 2, 4 or 8 bytes, up to 2^62 − 1, and
//! here always the shortest form. The version byte of data is the negotiated one; of everything else it
//! is [`HANDSHAKE_VERSION`], which stays readable by every later version.
//!
//! Frames follow one another; gossip frames stand before all others:
//!
//! | tag | frame | body |
//! |---|---|---|
//! | 0 | padding | zeroes up to the trailer: makes segments equally long |
//! | 1 | noop | nothing: only asks for an ack |
//! | 2 | gossip | length varint, bytes for the membership core |
//! | 3 | ack | largest packet number, delay µs, ranges, refusals: see [`AckFrame`] |
//! | 4 | floor | message id varint: the sender will never send an older one again |
//! | 5 | message | id varint, length varint, [content](Content) |
//! | 6 | fragment | id, total, offset, length varints, a piece of a message's content |
//! | 7 | unreliable | command u16, length varint, payload |
//! | 8 | cancel | message id varint of the request nobody waits for any more |
//! | 9 | credit | bytes varint: how many the other side may have in flight towards the sender of this |
//! | 10 | skip | message id varint, distance varint: a message of a stream that will not come |
//!
//! A relay tree's own messages are payloads under Hobnob's commands: see [`RelayHop`], [`RelayReport`] and
//! [`RelayOnce`].
//!
//! # Promises
//!
//! - Decoding never panics, never allocates, and never reads past the datagram, whatever the bytes.
//! - Every error names the field that was bad. Trailing bytes are an error.
//! - What is encoded decodes to the same value; what decodes has one encoding only.
//!
//! # What it never does
//!
//! It keeps no state, knows no clock and opens no socket. It does not decide what a datagram causes:
//! that is for the session, gossip and messaging cores.
#![no_std]

mod ack;
mod application;
mod checksum;
mod content;
mod cursor;
mod frame;
mod header;
mod id;
pub mod limits;
mod relay;
mod time;
mod transmit;
mod varint;

pub use ack::{AckFrame, AckRanges, Refusal, RefusalReason, Refusals};
pub use application::{AppRelease, AppVersion, AppVersions, NoAppVersion, NoAppVersions};
pub use checksum::{CHECKSUM_BYTES, append_checksum, verify_checksum};
pub use content::{Content, ContentHead, ResponseStatus};
pub use cursor::{DecodeError, Full, Reader, Writer};
pub use frame::{Frame, Frames};
pub use header::{
    DATA_OVERHEAD_MAX, DataHeader, HANDSHAKE_VERSION, Handshake, Hello, HelloAck, Kind, MAGIC,
    Refuse, RefuseReason, VERSION_MAX, VERSION_MIN, peek_kind,
};
pub use id::{Command, Generation, MessageId, PacketNumber, Peer, SessionId, StreamId};
pub use relay::{
    FanOutId, RelayHop, RelayOnce, RelayOutcome, RelayReport, RelayRun, RelayRuns, RelayTarget,
    RelayTargets,
};
pub use time::{Deadline, Instant};
pub use transmit::Transmit;
pub use varint::{VarInt, VarIntOverflow};
