//! The flags and variables of `hobnob node`, made from the table of keys.

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use super::keys::{KEYS, Key, Kind};
use super::settings::{Origin, Setting, Settings};

const CONFIG: &str = "config";
const EXIT_WITH_STDIN: &str = "exit-with-stdin";

const AFTER_HELP: &str = "\
A flag goes before its variable, a variable before the file, the file before the default.
The file's keys are the flags with '_' for '-'; there, 'seeds' is an array of strings and
'values' a table of texts, numbers, true and false. HOBNOB_LOG sets what is logged to stderr, such as \"info\" or
\"hobnob=debug\" [default: warn].";

/// What `hobnob node` was started with, not yet checked.
#[derive(Clone, Debug)]
pub(crate) struct NodeArgs {
    pub(super) settings: Settings,
    pub(super) config: Option<PathBuf>,
    /// Whether the end of stdin asks the node to leave, as a signal does. A
    /// parent that holds the other end can then not leave nodes behind.
    pub(crate) exit_with_stdin: bool,
}

impl Args for NodeArgs {
    fn augment_args(command: Command) -> Command {
        let command = command
            .after_help(AFTER_HELP)
            .args(KEYS.iter().map(flag))
            .arg(
                Arg::new(CONFIG)
                    .long(CONFIG)
                    .env("HOBNOB_CONFIG")
                    .hide_env_values(true)
                    .value_name("FILE")
                    .value_parser(clap::value_parser!(PathBuf))
                    .help("Read settings from this TOML file"),
            );
        command.arg(
            Arg::new(EXIT_WITH_STDIN)
                .long(EXIT_WITH_STDIN)
                .action(ArgAction::SetTrue)
                .hide(true),
        )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for NodeArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut settings = Settings::default();
        for key in KEYS {
            if let Some(setting) = given(key, matches) {
                settings.set(key.name, setting);
            }
        }
        let config = matches.get_one::<PathBuf>(CONFIG).cloned();
        Ok(Self {
            settings,
            config: config.filter(|path| !path.as_os_str().is_empty()),
            exit_with_stdin: matches.get_flag(EXIT_WITH_STDIN),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn flag(key: &Key) -> Arg {
    let arg = Arg::new(key.name)
        .long(key.flag)
        .env(key.environment)
        .hide_env_values(true)
        .value_name(key.value)
        .help(key.help);
    match key.kind {
        Kind::One => arg,
        Kind::Switch => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        Kind::List | Kind::Map => arg.action(ArgAction::Append),
    }
}

/// What was written for a key. An empty variable counts as unset.
fn given(key: &Key, matches: &ArgMatches) -> Option<Setting> {
    let texts = matches.get_many::<String>(key.name)?.cloned();
    if matches.value_source(key.name) == Some(ValueSource::CommandLine) {
        let origin = Origin::Flag(key.flag);
        return Some(Setting {
            texts: texts.collect(),
            origin,
        });
    }
    let origin = Origin::Environment(key.environment);
    let texts = match key.kind {
        Kind::One | Kind::Switch => texts.filter(|text| !text.is_empty()).collect(),
        Kind::List | Kind::Map => texts.flat_map(|text| split(&text)).collect::<Vec<_>>(),
    };
    (!texts.is_empty()).then_some(Setting { texts, origin })
}

fn split(list: &str) -> Vec<String> {
    let parts = list.split(',').map(str::trim);
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}
