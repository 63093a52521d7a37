//! Values as they were written, each with the place where it stands.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::failure::Failure;

/// Where a value was written.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    Flag(&'static str),
    Environment(&'static str),
    File {
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        key: &'static str,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "--{flag}"),
            Self::Environment(variable) => f.write_str(variable),
            Self::File { path, line, key } => write!(f, "{}:{line}: {key}", path.display()),
        }
    }
}

/// One value, or the values of a list, as written.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) texts: Vec<String>,
    pub(super) origin: Origin,
}

/// The settings of one place, or of several laid over each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    by_key: BTreeMap<&'static str, Setting>,
}

impl Settings {
    pub(super) fn set(&mut self, key: &'static str, setting: Setting) {
        self.by_key.insert(key, setting);
    }

    /// Takes from `lower` what is not set here. A list is taken whole: places
    /// are laid over each other, never mixed.
    pub(super) fn fill_from(&mut self, lower: Self) {
        for (key, setting) in lower.by_key {
            self.by_key.entry(key).or_insert(setting);
        }
    }

    /// The checked value of a key.
    pub(super) fn one<T>(&self, key: &str, parse: Parse<T>) -> Result<Option<T>, Failure> {
        Ok(self.many(key, parse)?.pop())
    }

    /// The checked values of a list.
    pub(super) fn many<T>(&self, key: &str, parse: Parse<T>) -> Result<Vec<T>, Failure> {
        let texts = self.by_key.get(key).map(|s| s.texts.as_slice());
        let parsed = texts.unwrap_or_default().iter().map(|text| parse(text));
        let checked: Result<_, String> = parsed.collect();
        checked.map_err(|reason| self.wrong(key, &reason))
    }

    /// Where a key was set, if it was.
    pub(super) fn origin(&self, key: &str) -> Option<&Origin> {
        self.by_key.get(key).map(|setting| &setting.origin)
    }

    /// The failure of a key's value, told with its origin.
    pub(super) fn wrong(&self, key: &str, reason: &str) -> Failure {
        match self.origin(key) {
            Some(origin) => Failure::usage(format!("{origin}: {reason}")),
            None => Failure::usage(format!("{key}: {reason}")),
        }
    }
}

/// Turns a text into a value, or says what is wrong with it and how to write it.
pub(super) type Parse<T> = fn(&str) -> Result<T, String>;
