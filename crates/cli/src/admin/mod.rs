//! The admin endpoint: HTTP for operators and for the commands of this binary.
//!
//! `GET /members`, `GET /incompatible`, `GET /events` (lines of JSON as things happen), `GET /stats`,
//! `GET /why?node=…`, `GET /health`, `POST /request`, `POST /send`, `POST /forget`, `POST /leave`. It has no
//! password, so it listens on loopback unless told otherwise, and `guard` keeps
//! web pages in a browser on the same machine out. An answer that is no success
//! is always a [`Problem`](crate::api::Problem).

mod call;
mod error;
mod events;
mod forget;
mod guard;
mod leave;
mod members;
mod payload;
mod why;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use hobnob::Mesh;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub(crate) use call::ROUND_TRIP_HEADER;
pub(crate) use leave::Leave;

/// Largest body of a request: a message of 16 MiB, the mesh's own default
/// maximum, grows by a third in base64; the rest is room for the other fields.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024 / 3 * 4 + 64 * 1024;

/// Calls under way at once. Each may hold a body, so this bounds the memory of
/// the endpoint to about 700 MiB in the worst case; one more is answered 503.
/// What carries no body is not counted: `/leave` works under any load.
const MAX_CALLS: usize = 32;

/// Followers of `/events` at once: far more than people look at one node, few
/// enough that dashboards left open cost nothing. One more is answered 503.
const MAX_FOLLOWERS: usize = 64;

/// How long answers under way may take once the node has left: enough to hand
/// over the report of `/leave` on any network an operator sits on.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// What every route sees.
#[derive(Clone, Debug)]
pub(crate) struct AdminState {
    pub(crate) mesh: Mesh,
    /// Messages that reached the counting command.
    pub(crate) received: Arc<AtomicU64>,
    pub(crate) leave: Leave,
    calls: Arc<Semaphore>,
    followers: Arc<Semaphore>,
}

impl AdminState {
    pub(crate) fn new(mesh: Mesh, received: Arc<AtomicU64>, leave: Leave) -> Self {
        Self {
            mesh,
            received,
            leave,
            calls: Arc::new(Semaphore::new(MAX_CALLS)),
            followers: Arc::new(Semaphore::new(MAX_FOLLOWERS)),
        }
    }
}

/// The endpoint's port, taken but not served yet.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Takes the port, so that a node whose endpoint cannot be served fails
    /// before it joins anything.
    ///
    /// # Errors
    ///
    /// What is wrong and what to do.
    pub(crate) async fn bind(at: SocketAddr) -> Result<Self, String> {
        let bound = TcpListener::bind(at).await;
        let bound = bound.and_then(|socket| Ok((socket.local_addr()?, socket)));
        let (address, socket) = bound.map_err(|error| not_bound(at, &error))?;
        Ok(Self { socket, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until [`Server::stop`].
    pub(crate) fn serve(self, state: AdminState) -> Server {
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let service = axum::serve(self.socket, router(state));
            let served = service.with_graceful_shutdown(async {
                // An error means the `Server` is gone, which stops it as well.
                let _ = stopped.await;
            });
            if let Err(error) = served.await {
                tracing::error!(%error, "the admin endpoint stopped");
            }
        });
        Server { stop, task }
    }
}

/// A served endpoint.
#[derive(Debug)]
pub(crate) struct Server {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    /// Takes no more requests and gives those under way a moment to end.
    pub(crate) async fn stop(mut self) {
        // The receiver is gone only where serving ended by itself.
        let _ = self.stop.send(());
        if timeout(STOP_GRACE, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

fn router(state: AdminState) -> Router {
    let calls = Router::new()
        .route("/request", post(call::request))
        .route("/send", post(call::send))
        .layer(from_fn_with_state(state.clone(), guard::calls));
    Router::new()
        .route("/members", get(members::members))
        .route("/incompatible", get(members::incompatible))
        .route("/stats", get(members::stats))
        .route("/why", get(why::why))
        .route("/health", get(members::health))
        .route("/events", get(events::events))
        .route("/forget", post(forget::forget))
        .route("/leave", post(leave::leave))
        .merge(calls)
        .fallback(error::no_such_path)
        .method_not_allowed_fallback(error::wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn(guard::origin))
        .with_state(state)
}

fn not_bound(address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("{address} is in use: choose another port, or 0 for a free one")
        }
        io::ErrorKind::AddrNotAvailable => format!(
            "{address} is not an address of this machine: use one of its own, such as 127.0.0.1"
        ),
        io::ErrorKind::PermissionDenied => {
            format!("no permission to listen on {address}: choose a port from 1024 up")
        }
        _ => format!("cannot listen on {address}: {error}"),
    }
}
