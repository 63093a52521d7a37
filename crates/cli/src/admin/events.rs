//! The stream of events, one line of JSON each.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use hobnob::{Event, Events, EventsError, Node};
use tokio::sync::OwnedSemaphorePermit;

use super::AdminState;
use super::error::AdminError;
use super::leave::Leave;
use crate::api::{EventKind, EventLine, Member, Successor};

/// `GET /events`: the nodes known now, as `present`, and then what happens to
/// them, until the node has left.
pub(super) async fn events(State(state): State<AdminState>) -> Result<Response, AdminError> {
    let slot = Arc::clone(&state.followers).try_acquire_owned();
    let slot = slot.map_err(|_| AdminError::busy("too many followers of events; try again"))?;
    let lines = stream::unfold(Follower::new(&state, slot), async |mut follower| {
        let line = follower.next().await?;
        Some((Ok::<_, Infallible>(encode(&line)), follower))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}

struct Follower {
    me: SocketAddr,
    present: VecDeque<EventLine>,
    events: Events,
    leave: Leave,
    _slot: OwnedSemaphorePermit,
}

impl Follower {
    fn new(state: &AdminState, slot: OwnedSemaphorePermit) -> Self {
        let me = state.mesh.address();
        // Before the snapshot, so that nothing falls between the two.
        let events = state.mesh.events();
        let nodes = std::iter::once(state.mesh.me()).chain(state.mesh.nodes());
        let present = nodes.map(|node| about(EventKind::Present, &node, me));
        Self {
            me,
            present: present.collect(),
            events,
            leave: state.leave.clone(),
            _slot: slot,
        }
    }

    async fn next(&mut self) -> Option<EventLine> {
        if let Some(line) = self.present.pop_front() {
            return Some(line);
        }
        let event = tokio::select! {
            // What happened before the end is told before it.
            biased;
            event = self.events.recv() => event,
            _ = self.leave.finished() => return None,
        };
        match event {
            Ok(event) => Some(line(&event, self.me)),
            Err(EventsError::Lagged(missed)) => Some(EventLine {
                missed: Some(missed),
                ..nameless(EventKind::Lagged)
            }),
            Err(_) => None,
        }
    }
}

fn line(event: &Event, me: SocketAddr) -> EventLine {
    match event {
        Event::NodeUp(node) => about(EventKind::Up, node, me),
        Event::StateChanged { node, from, to } => EventLine {
            from: Some(from.to_string()),
            to: Some(to.to_string()),
            ..about(EventKind::State, node, me)
        },
        Event::MetadataChanged(node) => about(EventKind::Metadata, node, me),
        Event::ValuesChanged { node, keys } => EventLine {
            keys: keys.iter().map(ToString::to_string).collect(),
            ..about(EventKind::Values, node, me)
        },
        Event::Left(node) => about(EventKind::Left, node, me),
        Event::Failed(node) => about(EventKind::Failed, node, me),
        Event::Replaced {
            old,
            address,
            generation,
        } => EventLine {
            by: Some(Successor {
                address: *address,
                generation: *generation,
            }),
            ..about(EventKind::Replaced, old, me)
        },
        Event::NameConflict {
            name,
            address,
            is_refused,
            ..
        } => EventLine {
            other: Some(*address),
            reason: Some(if *is_refused {
                format!("the name {name:?} is its own: this node is refused")
            } else {
                format!("the name {name:?} is this node's: it is refused")
            }),
            ..nameless(EventKind::Conflict)
        },
        Event::NameFree { name } => EventLine {
            reason: Some(format!("the name {name:?} is this node's now")),
            ..nameless(EventKind::Free)
        },
        Event::Incompatible { address, reason } => EventLine {
            other: Some(*address),
            reason: Some(reason.to_string()),
            ..nameless(EventKind::Incompatible)
        },
        _ => nameless(EventKind::Other),
    }
}

fn about(event: EventKind, node: &Node, me: SocketAddr) -> EventLine {
    EventLine {
        member: Some(Member::new(node, me)),
        ..nameless(event)
    }
}

fn nameless(event: EventKind) -> EventLine {
    EventLine {
        event,
        from: None,
        to: None,
        by: None,
        keys: Vec::new(),
        other: None,
        reason: None,
        missed: None,
        member: None,
    }
}

fn encode(line: &EventLine) -> Bytes {
    // Strings, numbers and addresses always become JSON.
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes.into()
}
