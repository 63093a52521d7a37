//! Which node runs next.

use std::{cmp::Reverse, collections::BinaryHeap};

use hobnob_endpoint::wire::Instant;

use crate::node::{Node, NodeId};

/// A heap of deadlines. A deadline that moved on leaves its entry behind; it is looked at again when it comes
/// up, which is far cheaper than to move it with every datagram.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    order: BinaryHeap<Reverse<(Instant, NodeId)>>,
}

impl Schedule {
    /// A node was touched: it may be due earlier than before.
    pub(crate) fn touch(&mut self, node: &mut Node, id: NodeId) {
        if let Some(due) = node.due()
            && node.scheduled.is_none_or(|scheduled| due < scheduled)
        {
            node.scheduled = Some(due);
            self.order.push(Reverse((due, id)));
        }
    }

    /// The next node to run, and when; of several at one moment the one with the lowest number.
    pub(crate) fn next(&mut self, nodes: &mut [Node]) -> Option<(Instant, NodeId)> {
        while let Some(&Reverse((at, id))) = self.order.peek() {
            let node = &mut nodes[id.0];
            let is_live = node.scheduled == Some(at);
            if is_live && node.due() == Some(at) {
                return Some((at, id));
            }
            self.order.pop();
            if is_live {
                node.scheduled = None;
                self.touch(node, id);
            }
        }
        None
    }
}
