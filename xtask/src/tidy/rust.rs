//! Rules about Rust files.

use crate::finding::Finding;
use crate::source::{code_only, find_word, line_of};
use crate::tree::is_test_path;

/// Lines above which a production file is refused: nobody holds more in the head.
pub const LONGEST_FILE: usize = 600;

/// Lines above which a production file is named in the report. 200 is usual.
pub const LONG_FILE: usize = 400;

/// Code that says the work is not done, or that a check is switched off.
const UNFINISHED: &[&str] = &[
    "todo!(",
    "unimplemented!(",
    "dbg!(",
    "#[ignore",
    "#![ignore",
];

/// Marks of work put off, in comments too. In pieces, because this file is read as well.
const MARKS: &[&str] = &[
    concat!("FIX", "ME"),
    concat!("X", "XX"),
    concat!("HA", "CK"),
];

/// Files that may hold unsafe code, each with a reason beside it. None does.
const MAY_BE_UNSAFE: &[&str] = &[];

/// What unsafe code looks like. The compiler refuses it in every member; this
/// also covers `fuzz`, which does not share the workspace's lints.
const UNSAFE: &[&str] = &[
    "unsafe {",
    "unsafe fn",
    "unsafe impl",
    "unsafe trait",
    "unsafe extern",
    "allow(unsafe_code",
    "expect(unsafe_code",
];

/// Everything that one file may break.
pub fn check(path: &str, text: &str) -> Vec<Finding> {
    let code = code_only(text);
    let mut findings = Vec::new();
    let mut refuse = |text: &str, words: &[&str], rule, message: &str| {
        for word in words {
            for at in find_word(text, word) {
                let line = line_of(text, at);
                findings.push(Finding::at(
                    path,
                    line,
                    rule,
                    format!("`{word}`: {message}"),
                ));
            }
        }
    };
    refuse(&code, UNFINISHED, "unfinished", "finish it");
    refuse(text, MARKS, "mark", "do it, or say what holds");
    if !MAY_BE_UNSAFE.contains(&path) {
        refuse(&code, UNSAFE, "unsafe", "no file may hold unsafe code");
    }
    let lines = production_lines(path, text);
    if lines > LONGEST_FILE {
        let message = format!("{lines} lines; at most {LONGEST_FILE}");
        findings.push(Finding::file(path, "length", message));
    }
    findings
}

/// A line for the report if a file is on its way to being too long.
pub fn length_note(path: &str, text: &str) -> Option<String> {
    let lines = production_lines(path, text);
    (lines > LONG_FILE && lines <= LONGEST_FILE).then(|| format!("{path} has {lines} lines"))
}

fn production_lines(path: &str, text: &str) -> usize {
    if is_test_path(path) {
        0
    } else {
        text.lines().count()
    }
}
