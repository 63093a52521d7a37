//! How a command ends when it does not succeed.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::output::printable;

/// The operation failed.
const EXIT_FAILED: u8 = 1;
/// The command line, the environment or the configuration was wrong.
const EXIT_USAGE: u8 = 2;

/// The end of a command that did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What the user wrote cannot be used; nothing was done.
    Usage(String),
    /// The operation was tried and failed.
    Runtime(String),
    /// The operation failed and the output already says how.
    Reported,
    /// Nobody reads stdout any more, as after `| head`. Not worth a word.
    ReaderGone,
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    pub(crate) fn runtime(message: impl Into<String>) -> Self {
        Self::Runtime(message.into())
    }

    /// Writes the one line to stderr and tells the exit status.
    pub(crate) fn report(&self) -> ExitCode {
        let (message, status) = match self {
            Self::Usage(message) => (message, EXIT_USAGE),
            Self::Runtime(message) => (message, EXIT_FAILED),
            Self::Reported => return ExitCode::from(EXIT_FAILED),
            Self::ReaderGone => return ExitCode::SUCCESS,
        };
        // With stderr closed too there is nobody left to tell.
        let _ = writeln!(io::stderr(), "hobnob: {}", printable(message));
        ExitCode::from(status)
    }
}

impl From<io::Error> for Failure {
    /// An error of writing to stdout.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::runtime(format!("cannot write to stdout: {error}")),
        }
    }
}
