//! A node on a thread of its own, which can be frozen as by SIGSTOP and crashed as by SIGKILL.

use std::{net::SocketAddr, sync::mpsc as blocking, thread};

use hobnob::{Mesh, MeshBuilder};
use tokio::{
    runtime::Builder,
    sync::{mpsc, oneshot},
};

/// A node with a runtime and a thread of its own.
pub(crate) struct Apart {
    address: SocketAddr,
    orders: mpsc::UnboundedSender<Freeze>,
    thread: thread::JoinHandle<()>,
}

struct Freeze {
    frozen: oneshot::Sender<()>,
    thaw: blocking::Receiver<()>,
}

/// A node that does nothing, its life signs included, until this is dropped.
#[must_use = "the node is thawed when this is dropped"]
pub(crate) struct Frozen {
    _thaw: blocking::Sender<()>,
}

impl Apart {
    /// Starts a node and lets `prepare` register its handlers. They must not keep a handle of the node: a
    /// crash would leave its socket open.
    pub(crate) async fn start(
        builder: MeshBuilder,
        prepare: impl FnOnce(&Mesh) + Send + 'static,
    ) -> Self {
        let (started, address) = oneshot::channel();
        let (orders, inbox) = mpsc::unbounded_channel();
        let thread = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime can be built");
            runtime.block_on(async {
                let mesh = builder.start().await.expect("its port is free");
                prepare(&mesh);
                started.send(mesh.address()).expect("the test waits");
                drop(mesh);
                obey(inbox).await;
            });
        });
        Self {
            address: address.await.expect("it started"),
            orders,
            thread,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops everything the node does.
    pub(crate) async fn freeze(&self) -> Frozen {
        let (frozen, is_frozen) = oneshot::channel();
        let (_thaw, thaw) = blocking::channel();
        let order = Freeze { frozen, thaw };
        assert!(self.orders.send(order).is_ok(), "it was not crashed");
        is_frozen.await.expect("it obeys");
        Frozen { _thaw }
    }

    /// Ends the node without a word to anybody. Its port is free afterwards.
    pub(crate) async fn crash(self) -> SocketAddr {
        self.crash_frozen(None).await
    }

    /// Ends the node before it has a look at what came while it was frozen.
    pub(crate) async fn crash_frozen(self, frozen: impl Into<Option<Frozen>>) -> SocketAddr {
        drop(self.orders);
        drop(frozen.into());
        let joined = tokio::task::spawn_blocking(|| self.thread.join()).await;
        joined
            .expect("joining does not panic")
            .expect("no panic over there");
        self.address
    }
}

async fn obey(mut orders: mpsc::UnboundedReceiver<Freeze>) {
    while let Some(Freeze { frozen, thaw }) = orders.recv().await {
        let _ = frozen.send(());
        // Blocks the only thread of the runtime, which is the point. Ends when the sender is dropped.
        let _ = thaw.recv();
    }
}
