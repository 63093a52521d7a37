//! A reliable message on its way out.

use bytes::Bytes;
use hobnob_wire::{
    Command, ContentHead, Frame, Full, Instant, MessageId, Peer, ResponseStatus, StreamId, VarInt,
    Writer, limits::FRAGMENT_FRAME_OVERHEAD,
};

use crate::{
    key::{Key, Keyed, Token},
    limits::PIECE_BYTES_MIN,
    list::{Linked, Links},
    sent::Piece,
    streams::InStream,
    stretches::Stretches,
};

/// Messages of all peers: those that wait, are in flight, or were acknowledged and wait for an answer.
pub(crate) type Messages = Keyed<Message>;

/// A reliable message on its way out.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) peer: Peer,
    pub(crate) kind: Kind,
    pub(crate) payload: Bytes,
    pub(crate) deadline: Instant,
    pub(crate) timer: Option<Key>,
    /// Its number in the session it was transmitted in.
    pub(crate) id: Option<MessageId>,
    /// It was meant for the process that the peer was then.
    pub(crate) is_bound: bool,
    pub(crate) is_whole: bool,
    /// Its place, if it keeps the order of a stream.
    pub(crate) in_stream: Option<InStream>,
    pub(crate) lane: Lane,
    pub(crate) links: Links,
    /// When it was transmitted last, if it is whole.
    pub(crate) sent_at: Instant,
    /// The packet whose loss asks for another transmission, if it is whole.
    pub(crate) carrier: Option<u64>,
    /// How much of the content was transmitted.
    pub(crate) sent: u32,
    head: Head,
    acked: Stretches,
}

/// What a message is, and who waits for it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    OneWay {
        command: Command,
        token: Token,
    },
    /// As `OneWay`, beside the queue of the callers.
    Aside {
        command: Command,
        token: Token,
    },
    InOrder {
        command: Command,
        stream: StreamId,
        token: Token,
    },
    Delivery {
        command: Command,
        fan_out: Key,
        place: u32,
    },
    Request {
        command: Command,
        token: Token,
    },
    Response {
        request: MessageId,
        status: ResponseStatus,
        incoming: Key,
    },
}

impl Kind {
    pub(crate) const fn is_response(&self) -> bool {
        matches!(self, Self::Response { .. })
    }

    pub(crate) const fn is_aside(&self) -> bool {
        matches!(self, Self::Aside { .. })
    }

    pub(crate) const fn is_request(&self) -> bool {
        matches!(self, Self::Request { .. })
    }

    pub(crate) const fn stream(&self) -> Option<StreamId> {
        match self {
            Self::InOrder { stream, .. } => Some(*stream),
            _ => None,
        }
    }
}

/// The list of its peer that a message is in, or that it will enter when its stream lets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Waits, and fits into a datagram.
    Whole,
    /// Waits, and goes in pieces.
    Pieces,
    /// Was transmitted, at least in part.
    InFlight,
    /// A request that arrived.
    Awaiting,
}

#[derive(Debug, Default)]
struct Head {
    bytes: [u8; ContentHead::BYTES_MAX],
    len: u8,
}

impl Message {
    pub(crate) fn new(
        peer: Peer,
        kind: Kind,
        payload: Bytes,
        deadline: Instant,
        is_whole: bool,
    ) -> Self {
        Self {
            peer,
            kind,
            payload,
            deadline,
            timer: None,
            id: None,
            is_bound: false,
            is_whole,
            in_stream: None,
            lane: if is_whole { Lane::Whole } else { Lane::Pieces },
            links: Links::default(),
            sent_at: Instant::ZERO,
            carrier: None,
            sent: 0,
            head: Head::default(),
            acked: Stretches::default(),
        }
    }

    /// Writes the head, which tells a request's time left: just before the first transmission.
    pub(crate) fn prepare(&mut self, now: Instant) {
        let head = match self.kind {
            Kind::OneWay { command, .. }
            | Kind::Aside { command, .. }
            | Kind::Delivery { command, .. } => ContentHead::OneWay { command },
            Kind::InOrder {
                command, stream, ..
            } => ContentHead::InOrder {
                command,
                stream,
                distance: self.in_stream.map_or(0, |in_stream| in_stream.distance),
            },
            Kind::Request { command, .. } => {
                let left = self
                    .deadline
                    .saturating_since(now)
                    .as_nanos()
                    .div_ceil(1_000_000);
                ContentHead::Request {
                    command,
                    timeout_ms: u32::try_from(left).unwrap_or(u32::MAX),
                }
            }
            Kind::Response {
                request, status, ..
            } => ContentHead::Response { request, status },
        };
        let mut w = Writer::new(&mut self.head.bytes);
        let encoded = head.encode(&mut w);
        debug_assert!(encoded.is_ok(), "the longest head fits");
        self.head.len = u8::try_from(w.len()).unwrap_or_default();
    }

    /// Bytes of head and payload; final once it has an id.
    pub(crate) fn content_len(&self) -> u32 {
        let len = usize::from(self.head.len) + self.payload.len();
        u32::try_from(len).expect("the configuration keeps messages below 2^30 bytes")
    }

    /// Whether the first frame of it fits into `room` under the id `id`.
    pub(crate) fn fits(&self, id: u64, room: usize) -> bool {
        let len = self.content_len();
        let encoded = |number| VarInt::new(number).unwrap_or(VarInt::MAX).encoded_len();
        if self.is_whole {
            1 + encoded(id) + encoded(len.into()) + len as usize <= room
        } else {
            FRAGMENT_FRAME_OVERHEAD + PIECE_BYTES_MIN.min(len as usize) <= room
        }
    }

    /// Whether the piece needs no transmission any more.
    pub(crate) fn has_acked(&self, piece: &Piece) -> bool {
        self.lane == Lane::Awaiting || self.acked.contains(&piece.range())
    }

    /// Notes that a piece arrived; says whether that was the last one.
    pub(crate) fn on_acked(&mut self, piece: &Piece) -> bool {
        if self.is_whole {
            return true;
        }
        self.acked.insert(piece.range());
        self.acked.bytes() == self.content_len()
    }

    /// Writes as much as fits of `len` bytes of content from `offset` on; says how much. A whole message is
    /// written whole or not at all.
    pub(crate) fn write(&self, offset: u32, len: u32, w: &mut Writer<'_>) -> u32 {
        let Some(id) = self.id else { return 0 };
        let total = self.content_len();
        let frame = if self.is_whole {
            Frame::Message { id, content: &[] }
        } else {
            Frame::Fragment {
                id,
                total,
                offset,
                piece: &[],
            }
        };
        let start = w.len();
        let written = self.write_frame(&frame, offset, len, w);
        written.unwrap_or_else(|Full| {
            w.truncate(start);
            0
        })
    }

    fn write_frame(
        &self,
        frame: &Frame<'_>,
        offset: u32,
        len: u32,
        w: &mut Writer<'_>,
    ) -> Result<u32, Full> {
        frame.encode(w)?;
        // Both frames end with a byte string, so far an empty one: its length is a zero byte.
        w.truncate(w.len() - 1);
        let len = if self.is_whole {
            len
        } else {
            fitting_piece(len, w.room())?
        };
        w.varint(len)?;
        let (start, end) = (offset as usize, (offset + len) as usize);
        let head = &self.head.bytes[..usize::from(self.head.len)];
        if start < head.len() {
            w.put(&head[start..end.min(head.len())])?;
        }
        let payload = start.max(head.len()) - head.len()..end.max(head.len()) - head.len();
        w.put(&self.payload[payload])?;
        Ok(len)
    }
}

/// The longest piece, of `len` bytes at most, that fits into `room` together with its length.
fn fitting_piece(len: u32, room: usize) -> Result<u32, Full> {
    let room = u32::try_from(room).unwrap_or(u32::MAX);
    let overhead = |len: u32| u32::try_from(VarInt::from(len).encoded_len()).unwrap_or(8);
    let mut fitting = len.min(room);
    while fitting > 0 && fitting + overhead(fitting) > room {
        fitting = room.saturating_sub(overhead(fitting)).min(fitting - 1);
    }
    let worthwhile = len.min(u32::try_from(PIECE_BYTES_MIN).unwrap_or(u32::MAX));
    if fitting >= worthwhile {
        Ok(fitting)
    } else {
        Err(Full)
    }
}

impl Linked for Message {
    fn links(&self) -> &Links {
        &self.links
    }

    fn links_mut(&mut self) -> &mut Links {
        &mut self.links
    }
}
