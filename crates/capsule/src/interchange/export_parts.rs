//! Containers while a serde type reads them.

use core::slice;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::ExportError;
use super::export::Exporter;
use super::export_key::KeyExporter;
use crate::{Iter, Map, Value};

/// The items of a list.
pub(super) struct ItemAccess<'de> {
    items: slice::Iter<'de, Value>,
    len: usize,
    level: usize,
}

impl<'de> ItemAccess<'de> {
    pub(super) fn new(items: &'de [Value], level: usize) -> ItemAccess<'de> {
        ItemAccess {
            items: items.iter(),
            len: items.len(),
            level,
        }
    }

    /// An error if the type left items over: a pair is no reading of a list of three.
    pub(super) fn end(&self) -> Result<(), ExportError> {
        match self.items.len() {
            0 => Ok(()),
            left => {
                let wanted = self.len - left;
                Err(ExportError::custom(format_args!(
                    "the list has {} items, not {wanted}",
                    self.len
                )))
            }
        }
    }
}

impl<'de> SeqAccess<'de> for ItemAccess<'de> {
    type Error = ExportError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ExportError> {
        let index = self.len - self.items.len();
        let Some(item) = self.items.next() else {
            return Ok(None);
        };
        let item = seed.deserialize(Exporter::inside(item, self.level));
        item.map(Some).map_err(|error| error.inside_item(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The names and values of a map or a capsule.
pub(super) struct EntryAccess<'de> {
    entries: Iter<'de>,
    /// The entry whose name was given and whose value was not.
    current: Option<(&'de str, &'de Value)>,
    level: usize,
}

impl<'de> EntryAccess<'de> {
    pub(super) fn new(map: &'de Map, level: usize) -> EntryAccess<'de> {
        EntryAccess {
            entries: map.iter(),
            current: None,
            level,
        }
    }
}

impl<'de> MapAccess<'de> for EntryAccess<'de> {
    type Error = ExportError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ExportError> {
        self.current = self.entries.next();
        let Some((name, _)) = self.current else {
            return Ok(None);
        };
        let key = seed.deserialize(KeyExporter(name));
        key.map(Some).map_err(|error| error.inside_name(name))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, ExportError> {
        let Some((name, value)) = self.current.take() else {
            return Err(ExportError::custom("a value was asked for before its name"));
        };
        let value = seed.deserialize(Exporter::inside(value, self.level));
        value.map_err(|error| error.inside_name(name))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// A variant with content.
pub(super) struct VariantExporter<'de> {
    pub(super) name: &'de str,
    pub(super) content: Exporter<'de>,
}

impl<'de> EnumAccess<'de> for VariantExporter<'de> {
    type Error = ExportError;
    type Variant = VariantExporter<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), ExportError> {
        let variant = seed.deserialize(KeyExporter(self.name))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for VariantExporter<'de> {
    type Error = ExportError;

    fn unit_variant(self) -> Result<(), ExportError> {
        if self.content.is_empty_list() {
            return Ok(());
        }
        let error = self.content.wrong_type("a variant without content");
        Err(error.inside_name(self.name))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, ExportError> {
        let content = seed.deserialize(self.content);
        content.map_err(|error| error.inside_name(self.name))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, ExportError> {
        let content = self.content.deserialize_tuple(len, visitor);
        content.map_err(|error| error.inside_name(self.name))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ExportError> {
        let content = self.content.deserialize_map(visitor);
        content.map_err(|error| error.inside_name(self.name))
    }
}
