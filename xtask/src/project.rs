//! Where things are in the repository, and what its manifest says.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand, Package};

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the root")
}

/// The one target directory of everything that is not built for the host, so that a standard library built from source
/// is built once.
pub fn cross_target_dir() -> PathBuf {
    root().join("target/cross")
}

/// The cargo that runs this command, for the host, in the repository's root.
pub fn cargo(subcommand: &str) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.arg(subcommand).current_dir(root());
    command
}

pub fn metadata() -> Result<Metadata> {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().context("cargo metadata failed")
}

/// The library's own package.
pub fn library(metadata: &Metadata) -> Result<&Package> {
    metadata
        .packages
        .iter()
        .find(|package| package.name.as_str() == "larder")
        .context("the workspace has no package larder")
}
