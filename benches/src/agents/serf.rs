//! Where Serf comes from.

use std::{env, path::PathBuf, process::Command};

/// Debian's package of it.
const PACKAGE: &str = "serf";

/// The program of Serf's agent, installed first if it may be; otherwise why there is none.
pub(crate) fn find(install: bool) -> Result<PathBuf, String> {
    if let Some(program) = installed() {
        return Ok(program);
    }
    if !install {
        return Err(format!(
            "it is not installed; --install does so by `apt-get install {PACKAGE}`"
        ));
    }
    let output = Command::new("apt-get")
        .args(["install", "--yes", "--no-install-recommends", PACKAGE])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .output()
        .map_err(|error| format!("cannot run apt-get: {error}"))?;
    installed().ok_or_else(|| {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().last().unwrap_or("no word of why");
        format!("apt-get could not install it: {last}")
    })
}

fn installed() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join("serf"))
        .find(|program| program.is_file())
}
