//! Prints what an input of the property `operations` does, up to where it fails.
//!
//!     cargo run -p hobnob-fuzz-properties --example show_operations FILE

#![allow(clippy::print_stdout, reason = "it is what the program is for")]

use std::{env, fs, io};

fn main() -> io::Result<()> {
    for file in env::args_os().skip(1) {
        hobnob_fuzz_properties::show_operations(&fs::read(file)?, |line| println!("{line}"));
    }
    Ok(())
}
