//! Doubly linked lists through the entries of a [`Keyed`] table: O(1) at both ends and in the middle,
//! without an allocation.

use crate::key::Keyed;

const NIL: u32 = u32::MAX;

/// An entry's neighbours in the one list it is in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links {
    prev: u32,
    next: u32,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            prev: NIL,
            next: NIL,
        }
    }
}

/// An entry that can be in a list.
pub(crate) trait Linked {
    fn links(&self) -> &Links;
    fn links_mut(&mut self) -> &mut Links;
}

/// The ends of a list. Entries are named by their index in the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    head: u32,
    tail: u32,
}

impl List {
    pub(crate) const EMPTY: Self = Self {
        head: NIL,
        tail: NIL,
    };

    pub(crate) const fn is_empty(&self) -> bool {
        self.head == NIL
    }

    pub(crate) fn front(&self) -> Option<u32> {
        (self.head != NIL).then_some(self.head)
    }

    pub(crate) fn after<T: Linked>(table: &Keyed<T>, index: u32) -> Option<u32> {
        let next = table.at(index).links().next;
        (next != NIL).then_some(next)
    }

    pub(crate) fn push_back<T: Linked>(&mut self, table: &mut Keyed<T>, index: u32) {
        *table.at_mut(index).links_mut() = Links {
            prev: self.tail,
            next: NIL,
        };
        match self.tail {
            NIL => self.head = index,
            tail => table.at_mut(tail).links_mut().next = index,
        }
        self.tail = index;
    }

    pub(crate) fn remove<T: Linked>(&mut self, table: &mut Keyed<T>, index: u32) {
        let Links { prev, next } = core::mem::take(table.at_mut(index).links_mut());
        match prev {
            NIL => self.head = next,
            prev => table.at_mut(prev).links_mut().next = next,
        }
        match next {
            NIL => self.tail = prev,
            next => table.at_mut(next).links_mut().prev = prev,
        }
    }

    pub(crate) fn pop_front<T: Linked>(&mut self, table: &mut Keyed<T>) -> Option<u32> {
        let index = self.front()?;
        self.remove(table, index);
        Some(index)
    }
}
