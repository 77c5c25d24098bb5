//! The peers' versions: those that are measured, and whether crates.io has newer ones.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use cargo_metadata::{CargoOpt, MetadataCommand};
use clap::Args;

use super::table::Table;
use crate::{project, step};

const PEERS: [&str; 8] = [
    "buddy_system_allocator",
    "dlmalloc",
    "emballoc",
    "embedded-alloc",
    "linked_list_allocator",
    "lol_alloc",
    "rlsf",
    "talc",
];

/// Where they are measured.
const PACKAGES: [&str; 5] = ["benches/mcu", "benches/memory", "benches/wasm", "benches/host", "targets/wasm-threads"];

/// By crate.
pub type Versions = BTreeMap<String, String>;

/// The versions of the peers that a package of `benches` is built with, and larder's own.
pub fn versions(package: &str) -> Result<Versions> {
    let metadata = MetadataCommand::new()
        .manifest_path(project::root().join(package).join("Cargo.toml"))
        .features(CargoOpt::AllFeatures)
        .exec()
        .with_context(|| format!("cargo metadata failed for {package}"))?;
    let named = metadata.packages.iter().map(|package| (package.name.to_string(), package.version.to_string()));
    Ok(named.filter(|(name, _)| name == "larder" || PEERS.contains(&name.as_str())).collect())
}

/// As a sentence.
pub fn sentence(versions: &Versions) -> String {
    let named: Vec<String> = versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    named.join(", ")
}

#[derive(Args)]
pub struct Options {}

/// Asks crates.io, through cargo, for what is newer than what is measured.
pub fn run(_: &Options) -> Result<bool> {
    let mut table = Table::new(&["peer", "measured in", "version", "newest"]);
    let mut is_newest = true;
    for package in PACKAGES {
        let mut update = project::cargo("update");
        update
            .args(["--dry-run", "--verbose", "--manifest-path"])
            .arg(project::root().join(package).join("Cargo.toml"));
        let said = step::require(&format!("ask for what is newer than in {package}"), &mut update)?;
        for (name, version) in versions(package)?.into_iter().filter(|(name, _)| name != "larder") {
            let newer = newer(&said, &name);
            is_newest &= newer.is_none();
            let newest = newer.unwrap_or_else(|| version.clone());
            table.row(vec![name, package.to_owned(), version, newest]);
        }
    }
    result_line!("{table}");
    if !is_newest {
        note_line!("FAIL a peer is behind: run `cargo update` there, or change its Cargo.toml");
    }
    Ok(is_newest)
}

/// cargo says `Updating NAME v1.0.0 -> v1.0.1`, and `Unchanged NAME v1.0.0 (available: v2.0.0)`.
fn newer(said: &str, name: &str) -> Option<String> {
    let line = said.lines().find(|line| line.split_whitespace().nth(1) == Some(name))?;
    let version = line.split_once("available: ").or_else(|| line.split_once("-> "))?.1;
    Some(version.trim_start_matches('v').trim_end_matches(')').to_owned())
}

#[cfg(test)]
mod tests {
    use super::newer;

    #[test]
    fn a_newer_version_is_found_in_what_cargo_says() {
        let said = "   Unchanged talc v4.4.3 (available: v5.1.1)\n    Updating rlsf v0.2.2 -> v0.2.3\n   Unchanged dlmalloc v0.2.14\n";
        assert_eq!(newer(said, "talc").as_deref(), Some("5.1.1"));
        assert_eq!(newer(said, "rlsf").as_deref(), Some("0.2.3"));
        assert_eq!(newer(said, "dlmalloc"), None);
        assert_eq!(newer(said, "emballoc"), None);
    }
}
