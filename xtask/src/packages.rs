//! Installing what is missing with Debian's package manager, where we may.

use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Result, bail};

use crate::step;

/// Held while something is installed: neither apt-get nor rustup lets two of itself do that at once.
pub fn installing() -> MutexGuard<'static, ()> {
    static INSTALLING: Mutex<()> = Mutex::new(());
    INSTALLING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Installs packages; an error says in a sentence why it can't.
pub fn install(packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    if !program_exists("apt-get") {
        bail!("there is no apt-get to install {names} with");
    }
    if !is_root() {
        bail!("installing {names} with apt-get needs root");
    }
    let _alone = installing();
    let first = step::run(&format!("apt-get install {names}"), &mut install_command(packages))?;
    if first.success {
        return Ok(());
    }
    step::require("apt-get update", apt_get().arg("update"))?;
    step::require(&format!("apt-get install {names}, again"), &mut install_command(packages))?;
    Ok(())
}

/// Whether a program can be started: whether asking for its version does anything.
pub fn program_exists(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok()
}

/// A program of a Debian package, installed when it is missing.
pub fn require_program(program: &str, package: &str) -> Result<()> {
    if program_exists(program) {
        return Ok(());
    }
    match install(&[package]) {
        Ok(()) if program_exists(program) => Ok(()),
        outcome => {
            let reason =
                outcome.err().map_or_else(|| "apt-get did not bring it".to_owned(), |reason| format!("{reason:#}"));
            bail!("{program} is missing: install it (Debian's package is {package}); {reason}")
        }
    }
}

fn install_command(packages: &[&str]) -> Command {
    let mut command = apt_get();
    command.args(["install", "-y", "--no-install-recommends"]).args(packages);
    command
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
