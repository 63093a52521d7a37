//! The configuration file.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{self, KEYS, Key, Kind};
use super::settings::{Origin, Setting, Settings};
use crate::failure::Failure;

/// Largest file that is read: a configuration has tens of lines, and a wrong
/// path may name anything.
const MAX_BYTES: u64 = 1 << 20;

/// Reads the settings of a file.
///
/// # Errors
///
/// [`Failure::Usage`] with path and line: the file cannot be read, is no TOML,
/// or has a key that is unknown or of the wrong shape.
pub(super) fn read(path: &Path) -> Result<Settings, Failure> {
    let text = read_text(path).map_err(|reason| {
        let path = path.display();
        Failure::usage(format!(
            "{path}: cannot read the configuration: {reason}; name a TOML file with --config"
        ))
    })?;
    let file = File { path, text: &text };
    let table = DeTable::parse(&text)
        .map_err(|error| file.wrong(error.span().map_or(0, |span| span.start), error.message()))?;
    file.settings(table.get_ref())
}

fn read_text(path: &Path) -> Result<String, String> {
    let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > MAX_BYTES {
        return Err(format!("it has {size} bytes, more than {MAX_BYTES}"));
    }
    std::fs::read_to_string(path).map_err(|e| e.to_string())
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    fn settings(&self, table: &DeTable<'_>) -> Result<Settings, Failure> {
        let mut settings = Settings::default();
        for (name, value) in table {
            let at = name.span().start;
            let Some(key) = keys::find(name.get_ref()) else {
                let known = KEYS.iter().map(|key| key.name).collect::<Vec<_>>();
                let reason = format!(
                    "unknown key {:?}; known are {}",
                    name.get_ref(),
                    known.join(", ")
                );
                return Err(self.wrong(at, &reason));
            };
            let Some(texts) = texts(key, value) else {
                let reason = format!("{}: expected {}", key.name, shape(key.kind));
                return Err(self.wrong(at, &reason));
            };
            let origin = Origin::File {
                path: self.path.to_owned(),
                line: self.line(at),
                key: key.name,
            };
            settings.set(key.name, Setting { texts, origin });
        }
        Ok(settings)
    }

    fn wrong(&self, at: usize, reason: &str) -> Failure {
        let path = self.path.display();
        Failure::usage(format!("{path}:{}: {reason}", self.line(at)))
    }

    fn line(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or(self.text);
        1 + before.matches('\n').count()
    }
}

fn shape(kind: Kind) -> &'static str {
    match kind {
        Kind::One => "one value",
        Kind::Switch => "true or false",
        Kind::List => "an array of strings",
        Kind::Map => "a table of strings, numbers, true and false",
    }
}

/// The values in the spelling of the flags, or `None` for another shape.
fn texts(key: &Key, value: &Spanned<DeValue<'_>>) -> Option<Vec<String>> {
    match (key.kind, value.get_ref()) {
        (Kind::List, DeValue::Array(items)) => items.iter().map(|i| text(i.get_ref())).collect(),
        (Kind::Map, DeValue::Table(table)) => {
            let pair = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
                let name = name.get_ref();
                Some(match value.get_ref() {
                    DeValue::String(text) => format!("{name}={text}"),
                    DeValue::Boolean(on) => format!("{name}:={on}"),
                    number => format!("{name}:={}", text(number)?),
                })
            };
            table.iter().map(pair).collect()
        }
        (Kind::List | Kind::Map, _) => None,
        (Kind::Switch, DeValue::Boolean(on)) => Some(vec![on.to_string()]),
        (Kind::Switch, _) => None,
        (Kind::One, value) => Some(vec![text(value)?]),
    }
}

fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        _ => None,
    }
}
