//! The trace of a day: what the network carried, what the endpoints reported, and what was told to the model.

use std::{
    fmt::Display,
    sync::{Arc, Mutex},
};

use hobnob_endpoint::wire::Instant;

use crate::{Application, Sim};

type Sink = Box<dyn FnMut(&str) + Send>;

/// Takes lines from several sides.
#[derive(Clone)]
pub(super) struct Trace(Arc<Mutex<Sink>>);

impl Trace {
    pub(super) fn new(sink: Sink) -> Self {
        Self(Arc::new(Mutex::new(sink)))
    }

    /// Takes all that the world tells.
    pub(super) fn follow<A: Application>(&self, sim: &mut Sim<A>) {
        let sink = self.0.clone();
        sim.trace_into(move |line| sink.lock().expect("no panic while tracing")(line));
    }

    pub(super) fn line(&self, at: Instant, what: &dyn Display) {
        let nanos = at.as_nanos();
        let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        let line = format!("{seconds}.{nanos:09} {what}");
        self.0.lock().expect("no panic while tracing")(&line);
    }
}
