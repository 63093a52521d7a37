//! The record of a node: its own word about itself, versioned by itself.

use alloc::sync::Arc;

use hobnob_wire::{DecodeError, Full, Generation, Reader, VarInt, Writer};

use crate::{
    identity::Life,
    metadata::Metadata,
    node::{DeclaredState, Node, NodeState},
};

/// What its owner declares in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Declared {
    Here(DeclaredState),
    /// The last word of a process: nothing of the same generation comes after it.
    Left,
}

/// A node's word about itself. Only its owner makes one; everybody passes it on unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) life: Life,
    /// Grows with each change the owner makes, over renewals too; the first one is 1.
    pub(crate) version: VarInt,
    pub(crate) declared: Declared,
    /// Its owner knows that its name belongs to another node, and is to be shown to nobody.
    pub(crate) yields: bool,
    pub(crate) metadata: Arc<Metadata>,
}

/// Added to what is declared where the owner yields.
const YIELDS: u8 = 4;

impl Record {
    /// Orders the records of one address: the newest wins.
    pub(crate) const fn age(&self) -> (Generation, VarInt) {
        (self.life.generation, self.version)
    }

    pub(crate) fn has_left(&self) -> bool {
        self.declared == Declared::Left
    }

    /// The node that its owner wants others to see.
    pub(crate) fn to_node(&self) -> Node {
        let (state, declared) = match self.declared {
            Declared::Here(declared) if self.yields => (NodeState::Refused, declared),
            Declared::Here(declared) => (declared.into(), declared),
            Declared::Left => (NodeState::Left, DeclaredState::Offline),
        };
        Node {
            identity: self.life.identity(),
            state,
            declared,
            metadata: Arc::clone(&self.metadata),
            version: self.version.get(),
        }
    }

    pub(crate) fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        self.life.encode(writer)?;
        writer.varint(self.version)?;
        let declared = match self.declared {
            Declared::Here(DeclaredState::Online) => 1,
            Declared::Here(DeclaredState::Taken) => 2,
            Declared::Here(DeclaredState::Offline) => 3,
            Declared::Left => 4,
        };
        let yields = self.yields && !self.has_left();
        writer.u8(declared + if yields { YIELDS } else { 0 })?;
        self.metadata.encode(writer)
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let life = Life::decode(reader)?;
        let version = reader.varint("record version")?;
        if version == VarInt::ZERO {
            return Err(DecodeError::Invalid {
                field: "record version",
            });
        }
        let field = "declared state";
        let byte = reader.u8(field)?;
        let yields = byte > YIELDS;
        let declared = match if yields { byte - YIELDS } else { byte } {
            1 => Declared::Here(DeclaredState::Online),
            2 => Declared::Here(DeclaredState::Taken),
            3 => Declared::Here(DeclaredState::Offline),
            4 if !yields => Declared::Left,
            _ => return Err(DecodeError::Invalid { field }),
        };
        let metadata = Arc::new(Metadata::decode(reader)?);
        Ok(Self {
            life,
            version,
            declared,
            yields,
            metadata,
        })
    }
}
