//! A broken rule: where, which, and what to do about it.

use std::fmt;

/// One violation of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Path from the repository's root, with `/` between its parts.
    pub path: String,
    /// Line, counted from 1; 0 when the whole file is meant.
    pub line: usize,
    /// Short name of the rule, stable enough to search for.
    pub rule: &'static str,
    /// What is wrong, and the way out where it is not obvious.
    pub message: String,
}

impl Finding {
    /// A finding about a whole file.
    pub fn file(path: &str, rule: &'static str, message: impl Into<String>) -> Self {
        Self::at(path, 0, rule, message)
    }

    /// A finding about one line, counted from 1.
    pub fn at(path: &str, line: usize, rule: &'static str, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            rule,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            rule,
            message,
        } = self;
        match line {
            0 => write!(f, "{path}: {message} [{rule}]"),
            line => write!(f, "{path}:{line}: {message} [{rule}]"),
        }
    }
}
