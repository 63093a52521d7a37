//! The command line: what may be written, and how a mistake in it is told.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{self, NodeArgs};
use crate::failure::Failure;
use crate::output::{self, Format};

/// Children that `dev` can watch at once: a screenful, and each is a process.
const MAX_DEV_NODES: u16 = 32;

#[derive(Debug, Parser)]
#[command(
    name = "hobnob",
    version,
    about = "Servers of one cluster that know each other and talk to each other."
)]
#[command(arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run a node until SIGTERM or SIGINT
    Node(Box<NodeArgs>),
    /// List the nodes that a node knows, itself included
    Members(MembersArgs),
    /// List the nodes that a node met or heard of and does not work with, and why
    Incompatible(Target),
    /// Follow what happens to the nodes that a node knows
    Events(Target),
    /// Send a request and show the response
    Request(RequestArgs),
    /// Send a message to some nodes, or to every online node of a type
    Send(SendArgs),
    /// Say why a node is suspected, counts as failed or is not listed
    Why(WhyArgs),
    /// Have a node, and all it reaches, forget one that has left or failed
    Forget(ForgetArgs),
    /// Make a node leave, and wait until it has left
    Leave(Target),
    /// Show a node's counters
    Stats(Target),
    /// Start some nodes on this machine and show them at work
    Dev(DevArgs),
}

/// A parsed command line.
#[derive(Debug)]
pub(crate) enum Command {
    Node(Box<NodeArgs>),
    Client(ClientCommand),
    Dev(DevArgs),
}

/// A command that talks to a node's admin endpoint.
#[derive(Debug)]
pub(crate) enum ClientCommand {
    Members(MembersArgs),
    Incompatible(Target),
    Events(Target),
    Request(RequestArgs),
    Send(SendArgs),
    Forget(ForgetArgs),
    Leave(Target),
    Stats(Target),
    Why(WhyArgs),
}

/// Which node to ask, and how to show the answer.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// Admin address of the node to ask
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "HOBNOB_ADMIN",
        hide_env_values = true
    )]
    pub(crate) admin: String,
    /// How to show the result
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
}

#[derive(Debug, Args)]
pub(crate) struct MembersArgs {
    /// Show in the table, too, what each node has set for the others to read
    #[arg(long)]
    pub(crate) values: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    /// Mesh address or name of the node that it is about
    #[arg(value_name = "NODE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) node: String,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct ForgetArgs {
    /// Mesh address or name of the node that is gone
    #[arg(value_name = "NODE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) node: String,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// The payload of a message; without one it is empty.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct DataArgs {
    /// Send the bytes of this text
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) data: Option<String>,
    /// Send this JSON object as a capsule
    #[arg(long, value_name = "JSON")]
    pub(crate) json: Option<String>,
    /// Send the bytes of this file
    #[arg(long, value_name = "PATH")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Number of the command
    #[arg(long, value_name = "NUMBER")]
    pub(crate) command: u16,
    /// Mesh address of the node that is to answer
    #[arg(long, value_name = "IP:PORT", value_parser = mesh_address)]
    pub(crate) to: SocketAddr,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// How long to wait for the response [default: the node's own]
    #[arg(long, value_name = "SECONDS", value_parser = config::seconds)]
    pub(crate) timeout: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Number of the command
    #[arg(long, value_name = "NUMBER")]
    pub(crate) command: u16,
    #[command(flatten)]
    pub(crate) receivers: Receivers,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Deliveries in flight at once; datagrams a burst with --unreliable [default: 32]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) limit: Option<u16>,
    /// Send one datagram to each and wait for no acknowledgement
    #[arg(long)]
    pub(crate) unreliable: bool,
    /// How long to try each delivery [default: the node's own]
    #[arg(long, value_name = "SECONDS", value_parser = config::seconds, conflicts_with = "unreliable")]
    pub(crate) timeout: Option<Duration>,
}

/// Who gets a message.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Receivers {
    /// Mesh address of a receiver; may be repeated
    #[arg(long, value_name = "IP:PORT", value_parser = mesh_address)]
    pub(crate) to: Vec<SocketAddr>,
    /// Send to every online node of this type, except the one that sends
    #[arg(long, value_name = "TYPE")]
    pub(crate) to_type: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// How many nodes to start [default: one for each of --types]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_DEV_NODES)))]
    pub(crate) nodes: Option<u16>,
    /// Their types, begun anew where there are more nodes than types
    #[arg(
        long,
        value_name = "TYPE,…",
        value_delimiter = ',',
        value_parser = clap::builder::NonEmptyStringValueParser::new(),
        default_value = "udp,udp,tcp,http,ws"
    )]
    pub(crate) types: Vec<String>,
    /// End after this long, as by Ctrl-C
    #[arg(long, value_name = "SECONDS", value_parser = config::seconds)]
    pub(crate) duration: Option<Duration>,
}

/// Parses the command line. `None` when it asked only for help or the version,
/// which is then printed.
///
/// # Errors
///
/// [`Failure::Usage`] with the mistake in one line.
pub(crate) fn parse() -> Result<Option<Command>, Failure> {
    let parsed = Cli::command()
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => Ok(Some(cli.command.into())),
        Err(error) if error.use_stderr() => Err(mistake(&error)),
        Err(help) => {
            output::line(help.render().to_string().trim_end())?;
            Ok(None)
        }
    }
}

impl From<Verb> for Command {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Node(node) => Self::Node(node),
            Verb::Dev(dev) => Self::Dev(dev),
            Verb::Members(args) => Self::Client(ClientCommand::Members(args)),
            Verb::Incompatible(target) => Self::Client(ClientCommand::Incompatible(target)),
            Verb::Events(target) => Self::Client(ClientCommand::Events(target)),
            Verb::Request(args) => Self::Client(ClientCommand::Request(args)),
            Verb::Send(args) => Self::Client(ClientCommand::Send(args)),
            Verb::Leave(target) => Self::Client(ClientCommand::Leave(target)),
            Verb::Forget(args) => Self::Client(ClientCommand::Forget(args)),
            Verb::Why(args) => Self::Client(ClientCommand::Why(args)),
            Verb::Stats(target) => Self::Client(ClientCommand::Stats(target)),
        }
    }
}

/// Folds clap's report, a paragraph for the mistake, some for tips and a usage,
/// into one line.
fn mistake(error: &clap::Error) -> Failure {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Failure::usage("no command given; 'hobnob --help' lists them");
    }
    let report = error.render().to_string();
    let one_line = |paragraph: &str| {
        let words = paragraph.split_whitespace().collect::<Vec<_>>();
        words.join(" ")
    };
    let paragraphs = report.split("\n\n").map(one_line);
    let told = paragraphs.filter(|p| !p.starts_with("Usage:") && !p.starts_with("For more"));
    let message = told.collect::<Vec<_>>().join("; ");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    Failure::usage(format!("{message}; see --help"))
}

fn mesh_address(text: &str) -> Result<SocketAddr, String> {
    config::address(text)
}
