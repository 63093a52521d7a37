//! The file with every figure.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use serde::Serialize;

use crate::Result;

/// The file that a report goes to, if one was asked for.
pub(crate) struct JsonFile(Option<File>);

impl JsonFile {
    /// Opened before the run: nobody wants to learn of a wrong path after it.
    pub(crate) fn create(path: Option<&Path>) -> Result<Self> {
        let file = path.map(|path| {
            File::create(path).map_err(|error| format!("cannot write {}: {error}", path.display()))
        });
        Ok(Self(file.transpose()?))
    }

    pub(crate) fn write(self, report: &impl Serialize) -> Result<()> {
        if let Some(file) = self.0 {
            let mut file = BufWriter::new(file);
            serde_json::to_writer_pretty(&mut file, report)?;
            writeln!(file)?;
            file.flush()?;
        }
        Ok(())
    }
}
