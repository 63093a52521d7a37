//! What a reliable message says.

use crate::{
    cursor::{DecodeError, Full, Reader, Writer},
    id::{Command, MessageId, StreamId},
    varint::VarInt,
};

/// The head of a reliable message's content: everything before the payload.
///
/// ```text
/// one-way  (0): command u16
/// request  (1): command u16 | time the caller still waits, varint ms
/// response (2): message id of the request, varint | status u8
/// in order (3): command u16 | stream u32 | distance to the message before it, varint; 0 is none
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentHead {
    /// A message without an answer.
    OneWay {
        /// For which handlers.
        command: Command,
    },
    /// A message that wants an answer.
    Request {
        /// For which handlers.
        command: Command,
        /// How long the caller still waited when the request was made, in milliseconds.
        timeout_ms: u32,
    },
    /// The answer to a request.
    Response {
        /// Which request.
        request: MessageId,
        /// How it went; the payload of a failure is its text.
        status: ResponseStatus,
    },
    /// A message without an answer that keeps the order of its stream.
    InOrder {
        /// For which handlers.
        command: Command,
        /// Which stream.
        stream: StreamId,
        /// How far below its own id that of the message before it in the stream is; 0 when the receiver is
        /// done with all that came before. Message ids in flight never lie further apart than that.
        distance: u16,
    },
}

/// How a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum ResponseStatus {
    /// A handler answered.
    Ok = 0,
    /// A handler failed; the payload is its error's text, UTF-8.
    HandlerError = 1,
    /// The node has no handler for the command.
    NoHandler = 2,
    /// The node has too much to do; no handler ran.
    Overloaded = 3,
    /// A handler answered, and there was no room to keep the answer until it is acknowledged.
    AnswerDropped = 4,
}

impl ContentHead {
    /// Bytes of the longest head: tag, command, varint; or tag, command, stream, varint below 2^16.
    pub const BYTES_MAX: usize = 1 + 2 + 8;

    /// Appends the head; the payload follows it to the end of the content.
    ///
    /// # Errors
    ///
    /// [`Full`] when it does not fit; what was written is then of no use.
    pub fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        match *self {
            Self::OneWay { command } => {
                w.u8(0)?;
                w.u16(command.0)
            }
            Self::Request {
                command,
                timeout_ms,
            } => {
                w.u8(1)?;
                w.u16(command.0)?;
                w.varint(timeout_ms)
            }
            Self::Response { request, status } => {
                w.u8(2)?;
                w.varint(VarInt::from(request))?;
                w.u8(status as u8)
            }
            Self::InOrder {
                command,
                stream,
                distance,
            } => {
                w.u8(3)?;
                w.u16(command.0)?;
                w.u32(stream.0)?;
                w.varint(distance)
            }
        }
    }
}

/// A reliable message's content, its payload borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content<'a> {
    /// What it is.
    pub head: ContentHead,
    /// What it carries.
    pub payload: &'a [u8],
}

impl<'a> Content<'a> {
    /// Reads the content of a whole message.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] naming the bad field.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let head = match r.u8("content kind")? {
            0 => ContentHead::OneWay {
                command: Command(r.u16("command")?),
            },
            1 => ContentHead::Request {
                command: Command(r.u16("command")?),
                timeout_ms: u32::try_from(r.varint("request timeout")?.get()).map_err(|_| {
                    DecodeError::Invalid {
                        field: "request timeout",
                    }
                })?,
            },
            2 => ContentHead::Response {
                request: r.varint("answered request")?.into(),
                status: status(r.u8("response status")?)?,
            },
            3 => ContentHead::InOrder {
                command: Command(r.u16("command")?),
                stream: StreamId(r.u32("stream")?),
                distance: distance(&mut r)?,
            },
            _ => {
                return Err(DecodeError::Invalid {
                    field: "content kind",
                });
            }
        };
        Ok(Self {
            head,
            payload: r.take_rest(),
        })
    }
}

/// Reads how far below its own id a message names the one before it.
pub(crate) fn distance(r: &mut Reader<'_>) -> Result<u16, DecodeError> {
    let field = "distance in stream";
    u16::try_from(r.varint(field)?.get()).map_err(|_| DecodeError::Invalid { field })
}

const fn status(byte: u8) -> Result<ResponseStatus, DecodeError> {
    match byte {
        0 => Ok(ResponseStatus::Ok),
        1 => Ok(ResponseStatus::HandlerError),
        2 => Ok(ResponseStatus::NoHandler),
        3 => Ok(ResponseStatus::Overloaded),
        4 => Ok(ResponseStatus::AnswerDropped),
        _ => Err(DecodeError::Invalid {
            field: "response status",
        }),
    }
}
