//! Copying, comparing, printing and dropping values of any depth.
//!
//! Nothing stops a program from nesting values in a loop until a derived implementation would
//! overflow the stack. These keep their place on the heap instead; printing, which is for people,
//! stops at [`MAX_DEPTH`].

use alloc::vec::Vec;
use core::fmt;

use crate::{Capsule, MAX_DEPTH, Map, Value};

impl Clone for Value {
    fn clone(&self) -> Value {
        let mut open: Vec<Copying<'_>> = Vec::new();
        let mut source = self;
        loop {
            let mut copy = match source {
                Value::List(_) | Value::Map(_) | Value::Capsule(_) => {
                    open.push(Copying::new(source));
                    None
                }
                scalar => Some(clone_scalar(scalar)),
            };
            source = loop {
                let Some(mut inmost) = open.pop() else {
                    // Only a copied value gets here: a container was pushed just now.
                    return copy.unwrap_or(Value::Bool(false));
                };
                inmost.copies.extend(copy.take());
                match inmost.next() {
                    Some(next) => {
                        open.push(inmost);
                        break next;
                    }
                    None => copy = Some(inmost.finish()),
                }
            };
        }
    }
}
