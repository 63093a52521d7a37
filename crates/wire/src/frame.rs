//! Frames: what a data datagram carries.

use crate::{
    ack::AckFrame,
    content::distance,
    cursor::{DecodeError, Full, Reader, Writer},
    id::{Command, MessageId},
    limits::{GOSSIP_BYTES_MAX, MESSAGE_BYTES_MAX},
    varint::VarInt,
};

mod tag {
    pub(super) const PADDING: u8 = 0;
    pub(super) const NOOP: u8 = 1;
    pub(super) const GOSSIP: u8 = 2;
    pub(super) const ACK: u8 = 3;
    pub(super) const FLOOR: u8 = 4;
    pub(super) const MESSAGE: u8 = 5;
    pub(super) const FRAGMENT: u8 = 6;
    pub(super) const UNRELIABLE: u8 = 7;
    pub(super) const CANCEL: u8 = 8;
    pub(super) const CREDIT: u8 = 9;
    pub(super) const SKIP: u8 = 10;
}

/// One frame, its payload borrowed from the datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame<'a> {
    /// Zeroes to the end of the frames, this many with the tag: makes segments equally long. Never zero.
    Padding(usize),
    /// Only asks for an ack.
    Noop,
    /// Bytes for the membership core.
    Gossip(&'a [u8]),
    /// Which packets arrived.
    Ack(AckFrame<'a>),
    /// The sender will never again send a message older than this.
    Floor(MessageId),
    /// A whole reliable message; its bytes are a [`Content`](crate::Content).
    Message {
        /// Numbers it in this direction of the session.
        id: MessageId,
        /// The encoded content.
        content: &'a [u8],
    },
    /// A piece of a reliable message's content.
    Fragment {
        /// Which message.
        id: MessageId,
        /// Bytes of the whole content.
        total: u32,
        /// Where the piece belongs.
        offset: u32,
        /// The piece: never empty, never past `total`.
        piece: &'a [u8],
    },
    /// A message that is sent once.
    Unreliable {
        /// For which handlers.
        command: Command,
        /// Its payload.
        payload: &'a [u8],
    },
    /// Nobody waits for the response to this request any more, or this message was given up half sent.
    Cancel(MessageId),
    /// Bytes that the receiver of this frame may have in flight to its sender.
    Credit(VarInt),
    /// The message will not come: those after it in its stream go on without it.
    Skip {
        /// Which message.
        id: MessageId,
        /// Its distance to the one before it in its stream: see
        /// [`ContentHead::InOrder`](crate::ContentHead::InOrder).
        distance: u16,
    },
}

impl<'a> Frame<'a> {
    /// Appends the frame, all or nothing.
    ///
    /// # Errors
    ///
    /// [`Full`] when it does not fit.
    pub fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        let start = w.len();
        self.encode_fields(w).inspect_err(|_| w.truncate(start))
    }

    fn encode_fields(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        match self {
            Self::Padding(len) => w.zeroes(*len),
            Self::Noop => w.u8(tag::NOOP),
            Self::Gossip(payload) => {
                w.u8(tag::GOSSIP)?;
                w.bytes(payload)
            }
            Self::Ack(ack) => {
                w.u8(tag::ACK)?;
                ack.encode(w)
            }
            Self::Floor(id) => {
                w.u8(tag::FLOOR)?;
                w.varint(*id)
            }
            Self::Message { id, content } => {
                w.u8(tag::MESSAGE)?;
                w.varint(*id)?;
                w.bytes(content)
            }
            Self::Fragment {
                id,
                total,
                offset,
                piece,
            } => {
                w.u8(tag::FRAGMENT)?;
                w.varint(*id)?;
                w.varint(*total)?;
                w.varint(*offset)?;
                w.bytes(piece)
            }
            Self::Unreliable { command, payload } => {
                w.u8(tag::UNRELIABLE)?;
                w.u16(command.0)?;
                w.bytes(payload)
            }
            Self::Cancel(id) => {
                w.u8(tag::CANCEL)?;
                w.varint(*id)
            }
            Self::Credit(bytes) => {
                w.u8(tag::CREDIT)?;
                w.varint(*bytes)
            }
            Self::Skip { id, distance } => {
                w.u8(tag::SKIP)?;
                w.varint(*id)?;
                w.varint(*distance)
            }
        }
    }

    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        match r.u8("frame tag")? {
            tag::PADDING => match r.take_rest() {
                zeroes if zeroes.iter().all(|byte| *byte == 0) => {
                    Ok(Self::Padding(zeroes.len() + 1))
                }
                _ => Err(DecodeError::Invalid { field: "padding" }),
            },
            tag::NOOP => Ok(Self::Noop),
            tag::GOSSIP => {
                let payload = r.bytes("gossip payload")?;
                if payload.len() > GOSSIP_BYTES_MAX {
                    return Err(DecodeError::Invalid {
                        field: "gossip payload",
                    });
                }
                Ok(Self::Gossip(payload))
            }
            tag::ACK => AckFrame::decode(r).map(Self::Ack),
            tag::FLOOR => Ok(Self::Floor(r.varint("floor")?.into())),
            tag::MESSAGE => Ok(Self::Message {
                id: r.varint("message id")?.into(),
                content: r.bytes("message content")?,
            }),
            tag::FRAGMENT => Self::decode_fragment(r),
            tag::UNRELIABLE => Ok(Self::Unreliable {
                command: Command(r.u16("unreliable command")?),
                payload: r.bytes("unreliable payload")?,
            }),
            tag::CANCEL => Ok(Self::Cancel(r.varint("cancelled request")?.into())),
            tag::CREDIT => Ok(Self::Credit(r.varint("credit")?)),
            tag::SKIP => Ok(Self::Skip {
                id: r.varint("skipped message")?.into(),
                distance: distance(r)?,
            }),
            _ => Err(DecodeError::Invalid { field: "frame tag" }),
        }
    }

    fn decode_fragment(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let id = r.varint("fragment message id")?.into();
        let total = bounded(r.varint("fragment total")?, "fragment total")?;
        let offset = bounded(r.varint("fragment offset")?, "fragment offset")?;
        let piece = r.bytes("fragment piece")?;
        let end = u64::from(offset) + piece.len() as u64;
        if piece.is_empty() || end > u64::from(total) {
            return Err(DecodeError::Invalid {
                field: "fragment piece",
            });
        }
        Ok(Self::Fragment {
            id,
            total,
            offset,
            piece,
        })
    }

    /// Whether the receiver of this frame owes an ack for its datagram.
    pub const fn is_ack_eliciting(&self) -> bool {
        matches!(
            self,
            Self::Noop | Self::Message { .. } | Self::Fragment { .. }
        )
    }
}

fn bounded(value: VarInt, field: &'static str) -> Result<u32, DecodeError> {
    match u32::try_from(value.get()) {
        Ok(number) if number as usize <= MESSAGE_BYTES_MAX => Ok(number),
        _ => Err(DecodeError::Invalid { field }),
    }
}

/// The frames of a data datagram, in order. Ends after the first error.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    reader: Reader<'a>,
}

impl<'a> Frames<'a> {
    /// Reads frames from `body`: what stands between header and trailer.
    pub const fn new(body: &'a [u8]) -> Self {
        Self {
            reader: Reader::new(body),
        }
    }

    /// What was not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.reader.clone().take_rest()
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let frame = Frame::decode(&mut self.reader);
        if frame.is_err() {
            self.reader = Reader::new(&[]);
        }
        Some(frame)
    }
}
