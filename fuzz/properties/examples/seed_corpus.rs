//! Writes the seeds of every property into `fuzz/corpus`, next to what is there already.
//!
//!     cargo run -p hobnob-fuzz-properties --example seed_corpus

use std::path::Path;
use std::{fs, io};

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    for (property, seeds) in hobnob_fuzz_properties::seeds::all() {
        let folder = corpus.join(property);
        fs::create_dir_all(&folder)?;
        for (name, bytes) in seeds {
            fs::write(folder.join(name), bytes)?;
        }
    }
    Ok(())
}
