//! What stands before the frames, and the datagrams of the handshake.

use crate::{
    application::AppRelease,
    checksum::CHECKSUM_BYTES,
    cursor::{DecodeError, Full, Reader, Writer},
    id::{Generation, PacketNumber, SessionId},
    limits::HELLO_BYTES,
    varint::VarInt,
};

/// First byte of every datagram.
pub const MAGIC: u8 = b'H';
/// Version byte of everything but data; its layout never changes.
pub const HANDSHAKE_VERSION: u8 = 1;
/// Oldest version of the data format this crate speaks.
pub const VERSION_MIN: u8 = 1;
/// Newest version of the data format this crate speaks.
pub const VERSION_MAX: u8 = 1;
/// What a data datagram needs besides its frames, at most: magic, version, kind, session, packet number,
/// checksum.
pub const DATA_OVERHEAD_MAX: usize = 3 + 8 + 8 + CHECKSUM_BYTES;

/// What a datagram is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// [`Hello`].
    Hello = 1,
    /// [`HelloAck`].
    HelloAck = 2,
    /// [`Refuse`].
    Refuse = 3,
    /// A session the sender of this does not know.
    Reset = 4,
    /// [`DataHeader`] and frames.
    Data = 5,
}

/// Reads magic, version and kind.
///
/// # Errors
///
/// [`DecodeError`] when it is no datagram of this mesh.
pub fn peek_kind(reader: &mut Reader<'_>) -> Result<(u8, Kind), DecodeError> {
    if reader.u8("magic")? != MAGIC {
        return Err(DecodeError::Invalid { field: "magic" });
    }
    let version = reader.u8("version")?;
    let kind = match reader.u8("kind")? {
        1 => Kind::Hello,
        2 => Kind::HelloAck,
        3 => Kind::Refuse,
        4 => Kind::Reset,
        5 => Kind::Data,
        _ => return Err(DecodeError::Invalid { field: "kind" }),
    };
    let known = match kind {
        Kind::Data => (VERSION_MIN..=VERSION_MAX).contains(&version),
        _ => version == HANDSHAKE_VERSION,
    };
    if known {
        Ok((version, kind))
    } else {
        Err(DecodeError::Invalid { field: "version" })
    }
}

/// The first word between two nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Oldest data version the sender speaks.
    pub version_min: u8,
    /// Newest data version the sender speaks.
    pub version_max: u8,
    /// Names the cluster: nodes of another one are refused.
    pub cluster: u64,
    /// The sender's generation.
    pub generation: Generation,
    /// How the sender wants to be addressed.
    pub session: SessionId,
    /// Ties an answer to this attempt.
    pub nonce: u64,
    /// What the sender declares of its application.
    pub release: AppRelease,
}

/// The answer to a hello: the session exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelloAck {
    /// The data version both speak.
    pub version: u8,
    /// As in [`Hello`].
    pub cluster: u64,
    /// The sender's generation.
    pub generation: Generation,
    /// How the sender wants to be addressed.
    pub session: SessionId,
    /// The session of the hello that is answered.
    pub echo_session: SessionId,
    /// The nonce of the hello that is answered.
    pub echo_nonce: u64,
}

/// The answer to a hello: there will be no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refuse {
    /// The session of the hello that is answered.
    pub echo_session: SessionId,
    /// The nonce of the hello that is answered.
    pub echo_nonce: u64,
    /// Why.
    pub reason: RefuseReason,
}

/// Why a hello was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefuseReason {
    /// No common data version; the refusing side speaks `min..=max`.
    Version {
        /// Oldest it speaks.
        min: u8,
        /// Newest it speaks.
        max: u8,
    },
    /// Another cluster.
    Cluster,
    /// A version of the application that does not work with the other's, by the word of one of the two.
    Incompatible {
        /// What the refusing side declares of its own.
        release: AppRelease,
    },
    /// A later generation was already seen at this address; the sender must pick one above it.
    StaleGeneration {
        /// The highest generation seen there.
        seen: Generation,
    },
}

/// A datagram of the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// See [`Hello`].
    Hello(Hello),
    /// See [`HelloAck`].
    HelloAck(HelloAck),
    /// See [`Refuse`].
    Refuse(Refuse),
    /// The session the sender of this does not know.
    Reset(SessionId),
}

impl Handshake {
    /// Writes everything up to, not including, the trailer.
    ///
    /// # Errors
    ///
    /// [`Full`] when it does not fit; what was written is then of no use.
    pub fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        match self {
            Self::Hello(hello) => {
                let start = w.len();
                w.put(&[
                    MAGIC,
                    HANDSHAKE_VERSION,
                    Kind::Hello as u8,
                    hello.version_min,
                    hello.version_max,
                ])?;
                w.u64(hello.cluster)?;
                w.u64(hello.generation.0)?;
                w.u64(hello.session.0)?;
                w.u64(hello.nonce)?;
                hello.release.encode(w)?;
                let padding = (HELLO_BYTES - CHECKSUM_BYTES).saturating_sub(w.len() - start);
                w.put(&[0; HELLO_BYTES][..padding])
            }
            Self::HelloAck(ack) => {
                w.put(&[MAGIC, HANDSHAKE_VERSION, Kind::HelloAck as u8, ack.version])?;
                w.u64(ack.cluster)?;
                w.u64(ack.generation.0)?;
                w.u64(ack.session.0)?;
                w.u64(ack.echo_session.0)?;
                w.u64(ack.echo_nonce)
            }
            Self::Refuse(refuse) => {
                w.put(&[MAGIC, HANDSHAKE_VERSION, Kind::Refuse as u8])?;
                w.u64(refuse.echo_session.0)?;
                w.u64(refuse.echo_nonce)?;
                let (tag, detail) = refuse.reason.to_parts();
                w.u8(tag)?;
                w.u64(detail)?;
                match refuse.reason {
                    RefuseReason::Incompatible { release } => release.encode(w),
                    _ => Ok(()),
                }
            }
            Self::Reset(session) => {
                w.put(&[MAGIC, HANDSHAKE_VERSION, Kind::Reset as u8])?;
                w.u64(session.0)
            }
        }
    }

    /// Reads what follows [`peek_kind`], up to the trailer, which is already cut off.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] naming the bad field.
    pub fn decode(kind: Kind, r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match kind {
            Kind::Hello => Self::decode_hello(r),
            Kind::HelloAck => {
                let ack = HelloAck {
                    version: r.u8("hello ack version")?,
                    cluster: r.u64("hello ack cluster")?,
                    generation: Generation(r.u64("hello ack generation")?),
                    session: session(r, "hello ack session")?,
                    echo_session: session(r, "hello ack echoed session")?,
                    echo_nonce: r.u64("hello ack echoed nonce")?,
                };
                r.finish("hello ack").map(|()| Self::HelloAck(ack))
            }
            Kind::Refuse => {
                let refuse = Refuse {
                    echo_session: session(r, "refuse echoed session")?,
                    echo_nonce: r.u64("refuse echoed nonce")?,
                    reason: RefuseReason::decode(r)?,
                };
                r.finish("refuse").map(|()| Self::Refuse(refuse))
            }
            Kind::Reset => {
                let unknown = session(r, "reset session")?;
                r.finish("reset").map(|()| Self::Reset(unknown))
            }
            Kind::Data => Err(DecodeError::Invalid { field: "kind" }),
        }
    }

    fn decode_hello(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let hello = Hello {
            version_min: r.u8("hello version min")?,
            version_max: r.u8("hello version max")?,
            cluster: r.u64("hello cluster")?,
            generation: Generation(r.u64("hello generation")?),
            session: session(r, "hello session")?,
            nonce: r.u64("hello nonce")?,
            release: AppRelease::decode(r)?,
        };
        const FIELDS: usize = 3 + 2 + 4 * 8 + AppRelease::BYTES;
        let padding = r.take(HELLO_BYTES - CHECKSUM_BYTES - FIELDS, "hello padding")?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(DecodeError::Invalid {
                field: "hello padding",
            });
        }
        if hello.version_min > hello.version_max {
            return Err(DecodeError::Invalid {
                field: "hello version max",
            });
        }
        r.finish("hello").map(|()| Self::Hello(hello))
    }
}

impl RefuseReason {
    const fn to_parts(self) -> (u8, u64) {
        match self {
            Self::Version { min, max } => (1, (min as u64) << 8 | max as u64),
            Self::Cluster => (2, 0),
            Self::StaleGeneration { seen } => (3, seen.0),
            Self::Incompatible { .. } => (4, 0),
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (tag, detail) = (r.u8("refuse reason")?, r.u64("refuse detail")?);
        match (tag, detail.to_be_bytes()) {
            (1, [0, 0, 0, 0, 0, 0, min, max]) => Ok(Self::Version { min, max }),
            (2, [0, 0, 0, 0, 0, 0, 0, 0]) => Ok(Self::Cluster),
            (3, _) => Ok(Self::StaleGeneration {
                seen: Generation(detail),
            }),
            (4, [0, 0, 0, 0, 0, 0, 0, 0]) => Ok(Self::Incompatible {
                release: AppRelease::decode(r)?,
            }),
            _ => Err(DecodeError::Invalid {
                field: "refuse reason",
            }),
        }
    }
}

fn session(r: &mut Reader<'_>, field: &'static str) -> Result<SessionId, DecodeError> {
    match r.u64(field)? {
        0 => Err(DecodeError::Invalid { field }),
        id => Ok(SessionId(id)),
    }
}

/// What stands before the frames of a data datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataHeader {
    /// The negotiated version.
    pub version: u8,
    /// The receiver's session.
    pub session: SessionId,
    /// The sender's number for this datagram.
    pub packet: PacketNumber,
}

impl DataHeader {
    /// Writes the header.
    ///
    /// # Errors
    ///
    /// [`Full`] when it does not fit; what was written is then of no use.
    pub fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        w.put(&[MAGIC, self.version, Kind::Data as u8])?;
        w.u64(self.session.0)?;
        w.varint(VarInt::from(self.packet))
    }

    /// Reads what follows [`peek_kind`]; the reader then stands at the first frame.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] naming the bad field.
    pub fn decode(version: u8, r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            version,
            session: session(r, "data session")?,
            packet: PacketNumber::from(r.varint("packet number")?),
        })
    }
}
