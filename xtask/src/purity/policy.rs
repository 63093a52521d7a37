//! The text of `ci/purity.toml`, read and made sure of.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Which crates are pure, and what may stand under them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    pub(super) house: BTreeMap<String, Vec<String>>,
    pub(super) strangers: Vec<Strangers>,
    pub(super) allowed: BTreeMap<String, Allowed>,
    pub(super) forbidden: BTreeMap<String, String>,
}

/// Two crates that may not know each other.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Strangers {
    pub(super) one: String,
    pub(super) other: String,
}

/// An outside crate that may stand under a pure one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Allowed {
    pub(super) why: String,
    /// The only crate that may ask for it.
    pub(super) behind: Option<String>,
}

impl Policy {
    /// Reads the policy.
    ///
    /// # Errors
    ///
    /// If it is no TOML of this shape, a reason is empty, a crate is both
    /// allowed and forbidden, or a name stands for no pure crate.
    pub fn parse(text: &str) -> Result<Self, String> {
        let policy: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for (name, allowed) in &policy.allowed {
            if policy.forbidden.contains_key(name) {
                return Err(format!("{name} is both allowed and forbidden"));
            }
            if allowed.why.trim().is_empty() {
                return Err(format!("{name} is allowed without a reason"));
            }
        }
        match policy.stray() {
            Some(name) => Err(format!("{name} is not a pure crate")),
            None => Ok(policy),
        }
    }

    /// Names of the pure crates, without the `hobnob-` of their packages.
    pub fn pure(&self) -> impl Iterator<Item = &str> {
        self.house.keys().map(String::as_str)
    }

    /// A name that should stand for a pure crate and does not.
    fn stray(&self) -> Option<String> {
        let pairs = self
            .strangers
            .iter()
            .flat_map(|pair| [&pair.one, &pair.other]);
        let mut named = self.house.values().flatten().chain(pairs);
        named.find(|name| !self.house.contains_key(*name)).cloned()
    }
}
