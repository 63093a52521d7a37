//! Where the journals of a run are.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::id,
};

use crate::{Result, tool::is_gone};

/// What the name of a folder begins with whose run goes on; the pid follows.
const PREFIX: &str = "hobnob-netns-";

/// What the name of a folder begins with that is kept.
const KEPT_PREFIX: &str = "hobnob-journals-";

/// A folder for journals, which is removed with what is in it unless it is kept.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes one, and removes those of runs that were killed.
    ///
    /// # Errors
    ///
    /// If it can't be made.
    pub fn make() -> Result<Self> {
        let base = env::temp_dir();
        sweep(&base)?;
        let path = base.join(format!("{PREFIX}{}", id()));
        fs::create_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Keeps it under another name, which is returned.
    ///
    /// # Errors
    ///
    /// If it can't be renamed.
    pub fn keep(self) -> Result<PathBuf> {
        let kept = self.0.with_file_name(format!("{KEPT_PREFIX}{}", id()));
        fs::rename(&self.0, &kept)?;
        Ok(kept)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It has another name if it is kept; one that is left behind goes with the next run.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn sweep(base: &Path) -> Result<()> {
    for entry in fs::read_dir(base)? {
        let entry = entry?;
        let name = entry.file_name();
        let maker = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let maker = maker.and_then(|maker| maker.parse::<u32>().ok());
        if maker.is_some_and(|maker| maker == id() || is_gone(maker)) {
            // Somebody else may remove it at the same time.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}
