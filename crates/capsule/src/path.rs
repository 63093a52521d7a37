//! The place of a value inside a capsule, as text for an error: `appointments[2].date`.
//!
//! A path is written from the inside out, while an error is on its way up.

use alloc::format;
use alloc::string::String;
use core::fmt::{self, Write};

/// Of a name, at most this many bytes go into a path. Names can come from a peer and can be as long
/// as a packing; 64 bytes are enough to recognise one and keep an error within a log line.
const MAX_SHOWN_NAME: usize = 64;

/// Puts `path` inside the value named `name`.
pub(crate) fn inside_name(path: &mut String, name: &str) {
    let joint = joint(path, ".");
    *path = format!("{}{joint}{path}", Name(name));
}

/// Puts `path` inside the item at `index` of a list.
pub(crate) fn inside_item(path: &mut String, index: usize) {
    let joint = joint(path, ".");
    *path = format!("[{index}]{joint}{path}");
}

fn joint<'a>(path: &str, joint: &'a str) -> &'a str {
    if path.is_empty() || path.starts_with('[') {
        ""
    } else {
        joint
    }
}

/// A name that is cut if it is too long to show.
pub(crate) struct Name<'a>(pub(crate) &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() <= MAX_SHOWN_NAME {
            return f.write_str(self.0);
        }
        let shown = self.0.char_indices();
        for (_, char) in shown.take_while(|(at, char)| at + char.len_utf8() <= MAX_SHOWN_NAME) {
            f.write_char(char)?;
        }
        f.write_char('…')
    }
}

/// A whole path; the empty one stands for the value at the root.
pub(crate) struct Place<'a>(pub(crate) &'a str);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "" => f.write_str("the value itself"),
            path => write!(f, "`{path}`"),
        }
    }
}
