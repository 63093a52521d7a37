//! What the machine must have.

use rustix::process::geteuid;

use super::{Network, Rate};
use crate::{Result, tool::run};

/// A question that each tool answers, and the Debian package that holds the tool.
const TOOLS: &[(&str, &str)] = &[
    ("ip -V", "iproute2"),
    ("tc -V", "iproute2"),
    ("nft --version", "nftables"),
];

/// Whether namespaces with all that a [`Network`] needs can be made here: looks for the tools, then makes a
/// small one.
///
/// # Errors
///
/// Why not, in one line, with the command that helps if there is one.
pub fn probe() -> Result<()> {
    if !geteuid().is_root() {
        return Err("only root can make network namespaces".into());
    }
    if let Some(package) = missing().next() {
        return Err(format!("{package} is missing: apt-get install -y {package}").into());
    }
    let network = Network::make(2)?;
    network.lose(10)?;
    network.double(2)?;
    network.cut(&[1])?;
    let rate = Rate {
        megabits: 10,
        queue_kib: 64,
    };
    network.limit(1, Some(rate))
}

/// Installs the tools that are missing.
///
/// # Errors
///
/// If there is no `apt-get`, or it fails: with the command that was tried.
pub fn install() -> Result<()> {
    for package in missing() {
        let install = format!("apt-get install -y {package}");
        if run(&install).is_err() {
            // A fresh machine does not know yet which packages there are.
            run("apt-get update")?;
            run(&install)?;
        }
    }
    Ok(())
}

/// Packages whose tools do not answer.
fn missing() -> impl Iterator<Item = &'static str> {
    let silent = TOOLS.iter().filter(|(question, _)| run(question).is_err());
    silent.map(|(_, package)| *package)
}
