//! What a node says about itself, apart from its state.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

use hobnob_wire::{DecodeError, Full, Reader, VarInt, Writer};
use thiserror::Error;

use crate::limits::{
    APP_BYTES_MAX, APP_VERSION_BYTES_MAX, ENDPOINT_BYTES_MAX, METADATA_BYTES_MAX, NAME_BYTES_MAX,
    NODE_TYPE_BYTES_MAX, ROLE_BYTES_MAX, VALUE_BYTES_MAX, VALUE_KEY_BYTES_MAX, VALUES_MAX,
};

/// The plain fields of [`Metadata`], before they are checked. Everything is empty unless set.
///
/// ```
/// use hobnob_gossip::{Metadata, MetadataFields};
///
/// let metadata = Metadata::new(MetadataFields {
///     node_type: "udp".into(),
///     endpoint: Some("game-7.example.org:4000".into()),
///     ..MetadataFields::default()
/// })?;
/// assert_eq!(metadata.node_type(), "udp");
/// # Ok::<(), hobnob_gossip::MetadataError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataFields {
    /// What kind of server this is, by which others look for it. Up to [`NODE_TYPE_BYTES_MAX`] bytes.
    pub node_type: String,
    /// What it does among its kind. Up to [`ROLE_BYTES_MAX`] bytes.
    pub role: String,
    /// A name that stays with the server over restarts and moves, unique in the cluster, or empty. Up to
    /// [`NAME_BYTES_MAX`] bytes.
    pub name: String,
    /// Where clients reach it, in whatever form clients understand; never empty. Up to
    /// [`ENDPOINT_BYTES_MAX`] bytes.
    pub endpoint: Option<String>,
    /// The application. Up to [`APP_BYTES_MAX`] bytes.
    pub app: String,
    /// The application's version. Up to [`APP_VERSION_BYTES_MAX`] bytes.
    pub app_version: String,
    /// The application's own values, opaque here. Up to [`VALUES_MAX`], keys up to
    /// [`VALUE_KEY_BYTES_MAX`] bytes, values up to [`VALUE_BYTES_MAX`].
    pub values: BTreeMap<String, Vec<u8>>,
}

/// What a node says about itself, checked: every field is within its limit, and all of it together takes
/// at most [`METADATA_BYTES_MAX`] bytes on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata(MetadataFields);

/// Why metadata was refused. Nothing was changed; it is the caller's input, and can be mended.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// A field is longer than it may be.
    #[error("{field} {value:?} takes more than {limit} bytes")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// Its text; of a user value, its key.
        value: String,
        /// The most bytes it may take.
        limit: usize,
    },
    /// A text holds a control character, which would garble every list it is shown in.
    #[error("{field} {value:?} holds a control character")]
    ControlCharacter {
        /// Which field.
        field: &'static str,
        /// Its text.
        value: String,
    },
    /// A field is there but empty.
    #[error("{field} is empty; leave it out instead")]
    Empty {
        /// Which field.
        field: &'static str,
    },
    /// There are more user values than a node may have.
    #[error("{count} values are more than {limit}")]
    TooManyValues {
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Each field is within its limit, all of them together are not.
    #[error("metadata takes {bytes} bytes, more than {limit}")]
    TooLarge {
        /// Encoded bytes of it all.
        bytes: usize,
        /// The most they may be.
        limit: usize,
    },
}

impl Metadata {
    /// Checks `fields`.
    ///
    /// # Errors
    ///
    /// [`MetadataError`] naming the field, its value and the limit.
    pub fn new(fields: MetadataFields) -> Result<Self, MetadataError> {
        check_text("node type", &fields.node_type, NODE_TYPE_BYTES_MAX)?;
        check_text("role", &fields.role, ROLE_BYTES_MAX)?;
        check_text("name", &fields.name, NAME_BYTES_MAX)?;
        if let Some(endpoint) = &fields.endpoint {
            if endpoint.is_empty() {
                return Err(MetadataError::Empty { field: "endpoint" });
            }
            check_text("endpoint", endpoint, ENDPOINT_BYTES_MAX)?;
        }
        check_text("app", &fields.app, APP_BYTES_MAX)?;
        check_text("app version", &fields.app_version, APP_VERSION_BYTES_MAX)?;
        check_values(&fields.values)?;
        let bytes = encoded_len(&fields);
        if bytes > METADATA_BYTES_MAX {
            return Err(MetadataError::TooLarge {
                bytes,
                limit: METADATA_BYTES_MAX,
            });
        }
        Ok(Self(fields))
    }

    /// What kind of server this is.
    pub fn node_type(&self) -> &str {
        &self.0.node_type
    }

    /// What it does among its kind.
    pub fn role(&self) -> &str {
        &self.0.role
    }

    /// The name that stays with it, or empty.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Where clients reach it.
    pub fn endpoint(&self) -> Option<&str> {
        self.0.endpoint.as_deref()
    }

    /// The application.
    pub fn app(&self) -> &str {
        &self.0.app
    }

    /// The application's version.
    pub fn app_version(&self) -> &str {
        &self.0.app_version
    }

    /// The application's own values.
    pub fn values(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.0.values
    }

    /// One of the application's own values.
    pub fn value(&self, key: &str) -> Option<&[u8]> {
        self.0.values.get(key).map(Vec::as_slice)
    }

    /// The plain fields, to change and check again.
    pub fn into_fields(self) -> MetadataFields {
        self.0
    }

    pub(crate) fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        for text in texts(&self.0) {
            writer.bytes(text.as_bytes())?;
        }
        writer.varint(count(self.0.values.len()))?;
        for (key, value) in &self.0.values {
            writer.bytes(key.as_bytes())?;
            writer.bytes(value)?;
        }
        Ok(())
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = MetadataFields {
            node_type: take_text(reader, "node type")?,
            role: take_text(reader, "role")?,
            name: take_text(reader, "name")?,
            endpoint: Some(take_text(reader, "endpoint")?).filter(|text| !text.is_empty()),
            app: take_text(reader, "app")?,
            app_version: take_text(reader, "app version")?,
            values: BTreeMap::new(),
        };
        let field = "values";
        let values = reader.varint(field)?.get();
        if values > VALUES_MAX as u64 {
            return Err(DecodeError::Invalid { field });
        }
        for _ in 0..values {
            let key = take_text(reader, "value key")?;
            let ascending = fields
                .values
                .last_key_value()
                .is_none_or(|(last, _)| *last < key);
            if !ascending {
                return Err(DecodeError::Invalid { field: "value key" });
            }
            let value = reader.bytes("value")?.to_vec();
            fields.values.insert(key, value);
        }
        Self::new(fields).map_err(|_| DecodeError::Invalid { field: "metadata" })
    }
}

fn check_text(field: &'static str, value: &str, limit: usize) -> Result<(), MetadataError> {
    if value.len() > limit {
        return Err(MetadataError::TooLong {
            field,
            value: value.to_string(),
            limit,
        });
    }
    if value.chars().any(char::is_control) {
        return Err(MetadataError::ControlCharacter {
            field,
            value: value.to_string(),
        });
    }
    Ok(())
}

fn check_values(values: &BTreeMap<String, Vec<u8>>) -> Result<(), MetadataError> {
    if values.len() > VALUES_MAX {
        return Err(MetadataError::TooManyValues {
            count: values.len(),
            limit: VALUES_MAX,
        });
    }
    for (key, value) in values {
        check_text("value key", key, VALUE_KEY_BYTES_MAX)?;
        if value.len() > VALUE_BYTES_MAX {
            return Err(MetadataError::TooLong {
                field: "value",
                value: key.clone(),
                limit: VALUE_BYTES_MAX,
            });
        }
    }
    Ok(())
}

/// The texts in the order of the wire.
fn texts(fields: &MetadataFields) -> [&str; 6] {
    [
        &fields.node_type,
        &fields.role,
        &fields.name,
        fields.endpoint.as_deref().unwrap_or_default(),
        &fields.app,
        &fields.app_version,
    ]
}

fn encoded_len(fields: &MetadataFields) -> usize {
    let prefixed = |len: usize| count(len).encoded_len() + len;
    let texts: usize = texts(fields).iter().map(|text| prefixed(text.len())).sum();
    let values: usize = fields
        .values
        .iter()
        .map(|(key, value)| prefixed(key.len()) + prefixed(value.len()))
        .sum();
    texts + count(fields.values.len()).encoded_len() + values
}

fn count(len: usize) -> VarInt {
    VarInt::ZERO.saturating_add(len as u64)
}

fn take_text(reader: &mut Reader<'_>, field: &'static str) -> Result<String, DecodeError> {
    let bytes = reader.bytes(field)?;
    match core::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_string()),
        Err(_) => Err(DecodeError::Invalid { field }),
    }
}
