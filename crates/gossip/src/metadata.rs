//! What a node says about itself, apart from its state.

use alloc::string::{String, ToString};

use hobnob_wire::{AppRelease, AppVersions, DecodeError, Full, Reader, Writer};
use thiserror::Error;

use crate::limits::{
    APP_BYTES_MAX, APP_VERSION_BYTES_MAX, COMPATIBLE_WITH_BYTES_MAX, ENDPOINT_BYTES_MAX,
    NAME_BYTES_MAX, NODE_TYPE_BYTES_MAX, ROLE_BYTES_MAX,
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
    /// The versions of the application that this node works with, as in `1.2..2`; empty for all. Up to
    /// [`COMPATIBLE_WITH_BYTES_MAX`] bytes.
    pub compatible_with: String,
}

/// What a node says about itself, checked: every field is within its limit, so all of it together takes at most
/// [`METADATA_BYTES_MAX`](crate::limits::METADATA_BYTES_MAX) bytes on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata(MetadataFields);

/// Why metadata was refused. Nothing was changed; it is the caller's input, and can be mended.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// A field is longer than it may be.
    #[error("{field} {value:?} has {} bytes; it may have {limit}: shorten it", value.len())]
    TooLong {
        /// Which field.
        field: &'static str,
        /// Its text.
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
    /// What should be a range of versions is none.
    #[error(
        "compatible_with {value:?} is no range of versions: give the first one that works and the first one that does \
         not any more, such as 1.2..2"
    )]
    NoRange {
        /// The text.
        value: String,
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
        check_range(&fields.compatible_with)?;
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

    /// The versions of the application that it works with, or empty for all.
    pub fn compatible_with(&self) -> &str {
        &self.0.compatible_with
    }

    /// What it declares of its application, as it counts.
    pub fn release(&self) -> AppRelease {
        AppRelease {
            version: self.app_version().parse().ok(),
            compatible_with: self.compatible_with().parse().ok(),
        }
    }

    /// The plain fields, to change and check again.
    pub fn into_fields(self) -> MetadataFields {
        self.0
    }

    pub(crate) fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        for text in texts(&self.0) {
            writer.bytes(text.as_bytes())?;
        }
        Ok(())
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let fields = MetadataFields {
            node_type: take_text(reader, "node type")?,
            role: take_text(reader, "role")?,
            name: take_text(reader, "name")?,
            endpoint: Some(take_text(reader, "endpoint")?).filter(|text| !text.is_empty()),
            app: take_text(reader, "app")?,
            app_version: take_text(reader, "app version")?,
            compatible_with: take_text(reader, "compatible with")?,
        };
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

fn check_range(text: &str) -> Result<(), MetadataError> {
    check_text("compatible with", text, COMPATIBLE_WITH_BYTES_MAX)?;
    if text.is_empty() || text.parse::<AppVersions>().is_ok() {
        return Ok(());
    }
    Err(MetadataError::NoRange {
        value: text.to_string(),
    })
}

/// The texts in the order of the wire.
fn texts(fields: &MetadataFields) -> [&str; 7] {
    [
        &fields.node_type,
        &fields.role,
        &fields.name,
        fields.endpoint.as_deref().unwrap_or_default(),
        &fields.app,
        &fields.app_version,
        &fields.compatible_with,
    ]
}

fn take_text(reader: &mut Reader<'_>, field: &'static str) -> Result<String, DecodeError> {
    let bytes = reader.bytes(field)?;
    match core::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_string()),
        Err(_) => Err(DecodeError::Invalid { field }),
    }
}
