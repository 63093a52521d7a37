//! The commands that ask a node's admin endpoint.

mod call;
mod events;
mod forget;
mod http;
mod members;
mod why;

use crate::args::ClientCommand;
use crate::failure::Failure;
pub(crate) use events::describe;
pub(crate) use http::{Admin, Lines};

/// Runs a command to its end.
///
/// # Errors
///
/// [`Failure::Usage`] for data that cannot be sent, else [`Failure::Runtime`]
/// or [`Failure::Reported`].
pub(crate) async fn run(command: ClientCommand) -> Result<(), Failure> {
    match command {
        ClientCommand::Members(args) => members::members(&args).await,
        ClientCommand::Incompatible(target) => members::incompatible(&target).await,
        ClientCommand::Stats(target) => members::stats(&target).await,
        ClientCommand::Why(args) => why::why(&args).await,
        ClientCommand::Forget(args) => forget::forget(&args).await,
        ClientCommand::Leave(target) => members::leave(&target).await,
        ClientCommand::Events(target) => events::follow(&target).await,
        ClientCommand::Request(args) => call::request(args).await,
        ClientCommand::Send(args) => call::send(args).await,
    }
}
