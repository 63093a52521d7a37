//! Copying, comparing, printing and dropping values of any depth.
//!
//! Nothing stops a program from nesting values in a loop until a derived implementation would
//! overflow the stack. These keep their place on the heap instead; printing, which is for people,
//! stops at [`MAX_DEPTH`].

use alloc::vec::Vec;
use core::{fmt, mem};

use crate::{Capsule, MAX_DEPTH, Map, Value};

impl Clone for Value {
    fn clone(&self) -> Value {
        let mut outer = Vec::new();
        let mut inmost = Copying::new(self);
        loop {
            if let Some(next) = inmost.next() {
                outer.push(mem::replace(&mut inmost, Copying::new(next)));
                continue;
            }
            let copy = inmost.finish();
            let Some(parent) = outer.pop() else {
                return copy;
            };
            inmost = parent;
            inmost.copies.push(copy);
        }
    }
}

/// A value of which some of the parts have been copied.
struct Copying<'a> {
    source: &'a Value,
    copies: Vec<Value>,
}

impl<'a> Copying<'a> {
    fn new(source: &'a Value) -> Copying<'a> {
        let parts = match source {
            Value::List(items) => items.len(),
            other => other.as_map().map_or(0, Map::len),
        };
        Copying {
            source,
            copies: Vec::with_capacity(parts),
        }
    }

    /// The first part that has no copy yet.
    fn next(&self) -> Option<&'a Value> {
        let index = self.copies.len();
        match self.source {
            Value::List(items) => items.get(index),
            other => Some(&other.as_map()?.entries().get(index)?.1),
        }
    }

    fn finish(self) -> Value {
        match self.source {
            Value::Bool(value) => Value::Bool(*value),
            Value::I8(value) => Value::I8(*value),
            Value::I16(value) => Value::I16(*value),
            Value::I32(value) => Value::I32(*value),
            Value::I64(value) => Value::I64(*value),
            Value::U8(value) => Value::U8(*value),
            Value::U16(value) => Value::U16(*value),
            Value::U32(value) => Value::U32(*value),
            Value::U64(value) => Value::U64(*value),
            Value::F32(value) => Value::F32(*value),
            Value::F64(value) => Value::F64(*value),
            Value::String(value) => Value::String(value.clone()),
            Value::Bytes(value) => Value::Bytes(value.clone()),
            Value::List(_) => Value::List(self.copies),
            Value::Map(map) => Value::Map(map.with_values(self.copies)),
            Value::Capsule(capsule) => {
                Value::Capsule(Capsule::from(capsule.as_map().with_values(self.copies)))
            }
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        let mut pending = Vec::new();
        let mut pair = Some((self, other));
        while let Some((left, right)) = pair {
            let same = match (left, right) {
                (Value::List(left), Value::List(right)) => {
                    pending.extend(left.iter().zip(right));
                    left.len() == right.len()
                }
                (Value::Map(left), Value::Map(right)) => same_names(left, right, &mut pending),
                (Value::Capsule(left), Value::Capsule(right)) => {
                    same_names(left.as_map(), right.as_map(), &mut pending)
                }
                (left, right) => same_scalar(left, right),
            };
            if !same {
                return false;
            }
            pair = pending.pop();
        }
        true
    }
}

impl Eq for Value {}

/// Whether both maps have the same names; their values are left in `pending` to be compared.
fn same_names<'a>(
    left: &'a Map,
    right: &'a Map,
    pending: &mut Vec<(&'a Value, &'a Value)>,
) -> bool {
    let pairs = || left.entries().iter().zip(right.entries());
    pending.extend(pairs().map(|(left, right)| (&left.1, &right.1)));
    left.len() == right.len() && pairs().all(|(left, right)| left.0 == right.0)
}

fn same_scalar(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::I8(left), Value::I8(right)) => left == right,
        (Value::I16(left), Value::I16(right)) => left == right,
        (Value::I32(left), Value::I32(right)) => left == right,
        (Value::I64(left), Value::I64(right)) => left == right,
        (Value::U8(left), Value::U8(right)) => left == right,
        (Value::U16(left), Value::U16(right)) => left == right,
        (Value::U32(left), Value::U32(right)) => left == right,
        (Value::U64(left), Value::U64(right)) => left == right,
        (Value::F32(left), Value::F32(right)) => left.to_bits() == right.to_bits(),
        (Value::F64(left), Value::F64(right)) => left.to_bits() == right.to_bits(),
        (Value::String(left), Value::String(right)) => left == right,
        (Value::Bytes(left), Value::Bytes(right)) => left == right,
        _ => false,
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        let mut pending = Vec::new();
        move_containers(self, &mut pending);
        while let Some(mut value) = pending.pop() {
            move_containers(&mut value, &mut pending);
        }
    }
}

/// Empties a container: moves the containers in it to `pending` and drops the rest.
fn move_containers(value: &mut Value, pending: &mut Vec<Value>) {
    match value {
        Value::List(items) => pending.extend(items.drain(..).filter(is_filled_container)),
        Value::Map(map) => pending.extend(map.drain_values().filter(is_filled_container)),
        Value::Capsule(capsule) => {
            pending.extend(
                capsule
                    .as_map_mut()
                    .drain_values()
                    .filter(is_filled_container),
            );
        }
        _ => {}
    }
}

fn is_filled_container(value: &Value) -> bool {
    match value {
        Value::List(items) => !items.is_empty(),
        other => other.as_map().is_some_and(|map| !map.is_empty()),
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown {
            value: self,
            level: 0,
        }
        .fmt(f)
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show_entries(self, 0, f)
    }
}

impl fmt::Debug for Capsule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Capsule ")?;
        show_entries(self.as_map(), 0, f)
    }
}

/// A value that knows how many containers it is in.
struct Shown<'a> {
    value: &'a Value,
    level: usize,
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.level > MAX_DEPTH {
            return f.write_str("…");
        }
        match self.value {
            Value::Bool(value) => value.fmt(f),
            Value::I8(value) => write!(f, "{value}i8"),
            Value::I16(value) => write!(f, "{value}i16"),
            Value::I32(value) => write!(f, "{value}i32"),
            Value::I64(value) => write!(f, "{value}i64"),
            Value::U8(value) => write!(f, "{value}u8"),
            Value::U16(value) => write!(f, "{value}u16"),
            Value::U32(value) => write!(f, "{value}u32"),
            Value::U64(value) => write!(f, "{value}u64"),
            Value::F32(value) => write!(f, "{value:?}f32"),
            Value::F64(value) => write!(f, "{value:?}f64"),
            Value::String(value) => value.fmt(f),
            Value::Bytes(value) => write!(f, "b\"{}\"", value.escape_ascii()),
            Value::List(items) => {
                let level = self.level + 1;
                let items = items.iter().map(|value| Shown { value, level });
                f.debug_list().entries(items).finish()
            }
            Value::Map(map) => show_entries(map, self.level, f),
            Value::Capsule(capsule) => {
                f.write_str("Capsule ")?;
                show_entries(capsule.as_map(), self.level, f)
            }
        }
    }
}

fn show_entries(map: &Map, level: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let level = level + 1;
    let entries = map
        .iter()
        .map(|(name, value)| (name, Shown { value, level }));
    f.debug_map().entries(entries).finish()
}
