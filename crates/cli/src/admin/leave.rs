//! Leaving by request.

use axum::Json;
use axum::extract::State;
use hobnob::ShutdownReport;
use tokio::sync::watch;

use super::AdminState;
use crate::api::LeaveBody;

/// Carries the wish to leave to the node, and the report back to who wished it.
///
/// The node itself leaves, not the route: a client that hangs up meanwhile must
/// not stop a leave that the cluster has seen.
#[derive(Clone, Debug)]
pub(crate) struct Leave {
    asked: watch::Sender<bool>,
    report: watch::Sender<Option<LeaveBody>>,
}

impl Leave {
    pub(crate) fn new() -> Self {
        Self {
            asked: watch::Sender::new(false),
            report: watch::Sender::new(None),
        }
    }

    /// Asks the node to leave. Asking again changes nothing.
    pub(crate) fn ask(&self) {
        self.asked.send_replace(true);
    }

    /// Resolves when somebody has asked.
    pub(crate) async fn asked(&self) {
        // It cannot fail: `self` holds a sender.
        let _ = self.asked.subscribe().wait_for(|asked| *asked).await;
    }

    /// Tells everyone who waits that the node has left.
    pub(crate) fn finish(&self, report: &ShutdownReport) {
        self.report.send_replace(Some(LeaveBody {
            permits_outstanding: report.permits_outstanding,
            confirmed: report.confirmed,
            peers: report.peers,
            flushed: report.flushed,
        }));
    }

    /// Resolves when the node has left.
    pub(crate) async fn finished(&self) -> LeaveBody {
        let mut report = self.report.subscribe();
        loop {
            if let Some(body) = *report.borrow_and_update() {
                return body;
            }
            // It cannot fail: `self` holds a sender.
            let _ = report.changed().await;
        }
    }
}

/// `POST /leave`: answers when the node has left.
pub(super) async fn leave(State(state): State<AdminState>) -> Json<LeaveBody> {
    state.leave.ask();
    Json(state.leave.finished().await)
}
