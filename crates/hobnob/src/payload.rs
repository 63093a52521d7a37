//! What a message carries: bytes, and on top of them typed values and capsules.

use bytes::Bytes;
use hobnob_capsule::Capsule;
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

/// A value of any serde type, carried as postcard.
///
/// Both sides must know the type: postcard writes no field names. Where they may differ, use a
/// [`Capsule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Typed<T>(pub T);

/// A payload that could not be encoded. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the payload cannot be encoded: {reason}")]
pub struct EncodeError {
    reason: String,
}

/// A payload that is not what it was asked to be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the payload is not {expected}: {reason}")]
pub struct DecodeError {
    expected: &'static str,
    reason: String,
}

/// What can be sent as a payload.
pub trait IntoPayload {
    /// The bytes to send.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when the value has no encoding.
    fn into_payload(self) -> Result<Bytes, EncodeError>;
}

/// What a payload can be read as.
pub trait FromPayload: Sized {
    /// Reads the bytes that came.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when they are something else.
    fn from_payload(payload: Bytes) -> Result<Self, DecodeError>;
}

/// A response's payload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload(Bytes);

impl Payload {
    pub(crate) const fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The plain bytes.
    pub const fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The plain bytes, taken.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// Reads it as text, a capsule, a [`Typed`] value …
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when it is something else.
    pub fn decode<T: FromPayload>(&self) -> Result<T, DecodeError> {
        T::from_payload(self.0.clone())
    }
}

impl From<Payload> for () {
    fn from(_: Payload) {}
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

macro_rules! into_payload {
    ($($type:ty: $this:ident => $bytes:expr;)*) => {
        $(impl IntoPayload for $type {
            fn into_payload(self) -> Result<Bytes, EncodeError> {
                let $this = self;
                Ok($bytes)
            }
        })*
    };
}

into_payload! {
    Bytes: this => this;
    &Bytes: this => this.clone();
    Vec<u8>: this => this.into();
    &[u8]: this => Bytes::copy_from_slice(this);
    String: this => this.into();
    &str: this => Bytes::copy_from_slice(this.as_bytes());
    Payload: this => this.0;
    (): _this => Bytes::new();
}

impl<const N: usize> IntoPayload for &[u8; N] {
    fn into_payload(self) -> Result<Bytes, EncodeError> {
        Ok(Bytes::copy_from_slice(self))
    }
}

impl IntoPayload for &Capsule {
    fn into_payload(self) -> Result<Bytes, EncodeError> {
        self.pack().map(Bytes::from).map_err(|error| EncodeError {
            reason: error.to_string(),
        })
    }
}

impl IntoPayload for Capsule {
    fn into_payload(self) -> Result<Bytes, EncodeError> {
        (&self).into_payload()
    }
}

impl<T: Serialize> IntoPayload for Typed<T> {
    fn into_payload(self) -> Result<Bytes, EncodeError> {
        postcard::to_stdvec(&self.0)
            .map(Bytes::from)
            .map_err(|error| EncodeError {
                reason: error.to_string(),
            })
    }
}

impl FromPayload for Bytes {
    fn from_payload(payload: Bytes) -> Result<Self, DecodeError> {
        Ok(payload)
    }
}

impl FromPayload for Payload {
    fn from_payload(payload: Bytes) -> Result<Self, DecodeError> {
        Ok(Self(payload))
    }
}

impl FromPayload for Vec<u8> {
    fn from_payload(payload: Bytes) -> Result<Self, DecodeError> {
        Ok(payload.into())
    }
}

impl FromPayload for () {
    fn from_payload(payload: Bytes) -> Result<Self, DecodeError> {
        match payload.len() {
            0 => Ok(()),
            len => Err(DecodeError {
                expected: "empty",
                reason: format!("it has {len} bytes"),
            }),
        }
    }
}

impl FromPayload for String {
    fn from_payload(payload: Bytes) -> Result<Self, DecodeError> {
        Self::from_utf8(payload.into()).map_err(|error| DecodeError {
            expected: "text",
            reason: error.to_string(),
        })
    }
}

impl FromPayload for Capsule {
    fn from_payload(payload: Bytes) -> Result<Self, DecodeError> {
        Self::unpack(&payload).map_err(|error| DecodeError {
            expected: "a capsule",
            reason: error.to_string(),
        })
    }
}

impl<T: DeserializeOwned> FromPayload for Typed<T> {
    fn from_payload(payload: Bytes) -> Result<Self, DecodeError> {
        let expected = std::any::type_name::<T>();
        match postcard::take_from_bytes(&payload) {
            Ok((value, [])) => Ok(Self(value)),
            Ok((_, rest)) => Err(DecodeError {
                expected,
                reason: format!("{} bytes are left over", rest.len()),
            }),
            Err(error) => Err(DecodeError {
                expected,
                reason: error.to_string(),
            }),
        }
    }
}
