//! The configuration of a node: flags over environment over file over defaults.
//!
//! Every key of [`keys::KEYS`] can be given in each of the three places, in the
//! same spelling of its value. A value keeps its origin until it is checked, so
//! that a wrong one is reported with the place to correct.

mod file;
mod flags;
mod keys;
mod parse;
mod settings;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use hobnob::{Profile, Value};

use crate::failure::Failure;
pub(crate) use flags::NodeArgs;
pub(crate) use parse::{address, seconds};
use settings::Settings;

/// Where a node binds when nothing says otherwise: this machine, any port.
const DEFAULT_BIND: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The type of a node when nothing says otherwise.
const DEFAULT_TYPE: &str = hobnob::node_type::UDP;

/// A checked configuration. Texts that are not set are empty.
#[derive(Debug)]
pub(crate) struct NodeConfig {
    pub(crate) bind: SocketAddr,
    pub(crate) advertise: Option<SocketAddr>,
    pub(crate) node_type: String,
    pub(crate) name: String,
    pub(crate) role: String,
    pub(crate) endpoint: String,
    pub(crate) app: String,
    pub(crate) app_version: String,
    pub(crate) compatible_with: String,
    pub(crate) seeds: Vec<String>,
    pub(crate) peers_file: Option<PathBuf>,
    pub(crate) values: Vec<(String, Value)>,
    pub(crate) profile: Profile,
    pub(crate) insecure: bool,
    pub(crate) request_timeout: Option<Duration>,
    pub(crate) shutdown_timeout: Option<Duration>,
    pub(crate) forget_after: Option<Duration>,
    pub(crate) admin: Option<SocketAddr>,
    settings: Settings,
}

impl NodeConfig {
    /// Reads the file, if one is named, and checks every value.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`], which names the origin of the wrong value.
    pub(crate) fn load(args: &NodeArgs) -> Result<Self, Failure> {
        let mut settings = args.settings.clone();
        if let Some(path) = &args.config {
            settings.fill_from(file::read(path)?);
        }
        Self::check(settings)
    }

    /// What went wrong with the value of a key later on, told with its origin.
    pub(crate) fn told(&self, key: &str, reason: &str) -> String {
        match self.settings.origin(key) {
            Some(origin) => format!("{origin}: {reason}"),
            None => reason.to_owned(),
        }
    }

    fn check(settings: Settings) -> Result<Self, Failure> {
        let insecure = settings.one("insecure", parse::switch)?.unwrap_or(false);
        let word = |key, default: &str| {
            let word = settings.one(key, parse::word)?;
            Ok::<_, Failure>(word.unwrap_or_else(|| default.to_owned()))
        };
        Ok(Self {
            bind: settings
                .one("bind", parse::address)?
                .unwrap_or(DEFAULT_BIND),
            advertise: settings.one("advertise", parse::address)?,
            node_type: word("type", DEFAULT_TYPE)?,
            name: word("name", "")?,
            role: word("role", "")?,
            endpoint: settings
                .one("endpoint", parse::host_and_port)?
                .unwrap_or_default(),
            app: word("app", "")?,
            app_version: word("app_version", "")?,
            compatible_with: word("compatible_with", "")?,
            seeds: settings.many("seeds", parse::host_and_port)?,
            peers_file: settings.one("peers_file", parse::file)?,
            values: check_values(&settings)?,
            profile: settings
                .one("profile", parse::profile)?
                .unwrap_or(Profile::Lan),
            insecure,
            request_timeout: settings.one("request_timeout", parse::seconds)?,
            shutdown_timeout: settings.one("shutdown_timeout", parse::pause)?,
            forget_after: settings.one("forget_after", parse::pause)?,
            admin: check_admin(&settings, insecure)?,
            settings,
        })
    }
}

fn check_values(settings: &Settings) -> Result<Vec<(String, Value)>, Failure> {
    let values = settings.many("values", parse::key_and_value)?;
    let mut keys = BTreeSet::new();
    match values.iter().find(|(key, _)| !keys.insert(key)) {
        None => Ok(values),
        Some((key, _)) => {
            let reason = format!("{key:?} is set twice: keep one of the two");
            Err(settings.wrong("values", &reason))
        }
    }
}

fn check_admin(settings: &Settings, insecure: bool) -> Result<Option<SocketAddr>, Failure> {
    let admin = settings.one("admin", parse::address)?;
    match admin.filter(|address| !address.ip().is_loopback() && !insecure) {
        None => Ok(admin),
        Some(address) => {
            let reason = format!(
                "{address} is not a loopback address and the admin endpoint asks for no password: \
                 listen on 127.0.0.1, or add --insecure on a network you trust"
            );
            Err(settings.wrong("admin", &reason))
        }
    }
}
