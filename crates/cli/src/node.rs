//! `hobnob node`: one node of the mesh as a process.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use hobnob::{Context, Mesh, MetadataError, ShutdownReport, StartError};

use crate::admin::{AdminState, Leave, Listener};
use crate::api::{self, ReadyLine};
use crate::config::{NodeArgs, NodeConfig};
use crate::failure::Failure;
use crate::output;

/// Answers a request with its payload.
pub(crate) const ECHO: u16 = 1;
/// Counts what it receives; a request is answered with the count as text.
pub(crate) const COUNT: u16 = 2;

/// Runs a node until a signal, the end of stdin where that was asked for, or a
/// request to leave.
///
/// # Errors
///
/// [`Failure::Usage`] for a wrong configuration, [`Failure::Runtime`] when the
/// node or its admin endpoint cannot start.
pub(crate) async fn run(args: &NodeArgs) -> Result<(), Failure> {
    let config = NodeConfig::load(args)?;
    let listener = match config.admin {
        Some(address) => Some(
            Listener::bind(address)
                .await
                .map_err(|reason| Failure::runtime(config.told("admin", &reason)))?,
        ),
        None => None,
    };
    let mesh = start(&config).await?;
    let received = Arc::new(AtomicU64::new(0));
    add_builtins(&mesh, &received);

    let leave = Leave::new();
    if args.exit_with_stdin {
        leave_with_stdin(leave.clone());
    }
    let ready = ready_line(&mesh, listener.as_ref());
    let server = listener.map(|listener| {
        let state = AdminState::new(mesh.clone(), received, leave.clone());
        listener.serve(state)
    });
    let end = run_until_asked(&mesh, &leave);
    tokio::pin!(end);
    let report = tokio::select! {
        // First, so that signals are caught before anybody reads the line.
        biased;
        report = &mut end => report?,
        () = announce(&ready) => end.await?,
    };
    tracing::info!(?report, "left the mesh");
    leave.finish(&report);
    if let Some(server) = server {
        server.stop().await;
    }
    Ok(())
}

async fn start(config: &NodeConfig) -> Result<Mesh, Failure> {
    let mut builder = Mesh::builder(&config.node_type)
        .bind(config.bind)
        .name(&config.name)
        .role(&config.role)
        .endpoint(&config.endpoint)
        .application(&config.app)
        .version(&config.app_version)
        .compatible_with(&config.compatible_with)
        .seeds(&config.seeds)
        .profile(config.profile)
        .insecure(config.insecure);
    if let Some(address) = config.advertise {
        builder = builder.advertise(address);
    }
    if let Some(path) = &config.peers_file {
        builder = builder.peers_file(path);
    }
    if let Some(timeout) = config.request_timeout {
        builder = builder.request_timeout(timeout);
    }
    if let Some(time) = config.forget_after {
        builder = builder.forget_after(time);
    }
    if let Some(timeout) = config.shutdown_timeout {
        builder = builder.shutdown_timeout(timeout);
    }
    for (key, value) in &config.values {
        builder = builder.value(key, value.clone());
    }
    let started = builder.start().await;
    started.map_err(|error| not_started(config, &error))
}

/// The system's word about an address is a failure, a value that no node can
/// run with is a wrong configuration.
fn not_started(config: &NodeConfig, error: &StartError) -> Failure {
    let reason = error.to_string();
    let wrong = |key| Failure::usage(config.told(key, &reason));
    match error {
        StartError::AddressInUse { .. }
        | StartError::AddressNotAvailable { .. }
        | StartError::Bind { .. } => Failure::runtime(config.told("bind", &reason)),
        StartError::NoEntropy => Failure::runtime(reason),
        StartError::Config { field, .. } => wrong(field),
        StartError::Unsealed { addr } if config.advertise == Some(*addr) => wrong("advertise"),
        StartError::Unsealed { .. } => wrong("bind"),
        StartError::Metadata(error) => wrong(key_of(error)),
        StartError::Value(_) => wrong("values"),
        // The only one of its fields that can be set here.
        StartError::Endpoint(_) => wrong("forget_after"),
        _ => Failure::usage(reason),
    }
}

/// The setting that what a node says of itself comes from.
fn key_of(error: &MetadataError) -> &'static str {
    match error {
        MetadataError::TooLong { field, .. }
        | MetadataError::ControlCharacter { field, .. }
        | MetadataError::Empty { field } => match *field {
            "node type" => "type",
            "app version" => "app_version",
            same => same,
        },
        _ => "compatible_with",
    }
}

fn add_builtins(mesh: &Mesh, received: &Arc<AtomicU64>) {
    mesh.handle_reserved(ECHO, async |_: Context, payload: Bytes| {
        Ok::<_, Infallible>(payload)
    });
    let received = Arc::clone(received);
    mesh.handle_reserved(COUNT, move |context: Context, _: Bytes| {
        let count = received.fetch_add(1, Ordering::Relaxed) + 1;
        let answer = context.is_request().then(|| count.to_string());
        async move { Ok::<_, Infallible>(answer) }
    });
}

fn ready_line(mesh: &Mesh, listener: Option<&Listener>) -> ReadyLine {
    let me = mesh.me();
    ReadyLine {
        event: "ready".to_owned(),
        mesh: mesh.address(),
        admin: listener.map(Listener::address),
        name: api::set(me.name()),
        generation: me.generation(),
    }
}

/// Prints the ready line. A node whose stdout is closed serves all the same.
async fn announce(ready: &ReadyLine) {
    if let Err(failure) = output::json_line(ready) {
        tracing::warn!(?failure, "the ready line was not read");
    }
}

/// Signals are watched to the end, however the leave began: one more ends the
/// process at once.
async fn run_until_asked(mesh: &Mesh, leave: &Leave) -> Result<ShutdownReport, Failure> {
    let asked = async {
        leave.asked().await;
        mesh.shutdown().await
    };
    tokio::select! {
        report = mesh.run_until_signal() => {
            report.map_err(|error| Failure::runtime(format!("cannot watch signals: {error}")))
        }
        report = asked => Ok(report),
    }
}

/// A thread of its own, because a blocked read of stdin cannot be cancelled and
/// would keep the runtime from ending.
fn leave_with_stdin(leave: Leave) {
    std::thread::spawn(move || {
        // An error ends stdin as well as its end does.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        leave.ask();
    });
}
