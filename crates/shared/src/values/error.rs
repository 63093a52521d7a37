//! Why a value was not set.

use alloc::string::String;

use thiserror::Error;

use super::limits::VALUE_KEY_BYTES_MAX;

/// A value was not set. Nothing changed; it is the caller's input, and can be mended.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The key is empty or too long.
    #[error("the key {key:?} has {} bytes; it must have 1 to {VALUE_KEY_BYTES_MAX}", key.len())]
    Key {
        /// Which key.
        key: String,
    },
    /// The key holds a control character, which would garble every list it is shown in.
    #[error("the key {key:?} holds a control character: leave it out")]
    ControlCharacter {
        /// Which key.
        key: String,
    },
    /// All values of the node together would be more than it may have.
    #[error(
        "with {len} bytes under {key:?} the values of this node would have {total} bytes, keys included; they may have \
         {max}: remove some, or say where to find it instead"
    )]
    TooLarge {
        /// Which key.
        key: String,
        /// Bytes of its value.
        len: usize,
        /// Bytes that all values would have, keys included.
        total: usize,
        /// How many they may have: [`VALUES_BYTES_MAX`](crate::values::limits::VALUES_BYTES_MAX).
        max: usize,
    },
    /// There are as many values as a node may have.
    #[error(
        "{key:?} would be one more than the {max} values a node may have: remove some, or put several into one"
    )]
    TooMany {
        /// Which key.
        key: String,
        /// How many there may be: [`VALUES_MAX`](crate::values::limits::VALUES_MAX).
        max: usize,
    },
}
