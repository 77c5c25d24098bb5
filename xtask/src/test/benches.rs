//! The benchmarks' own tests and lints: their packages are workspaces of their own. Firmware and wasm modules verify each replay
//! when they run.

use std::path::PathBuf;

use anyhow::Result;

use super::tally::Tally;
use crate::project;

/// A package that runs on the host, and what its tests need.
struct Package {
    directory: &'static str,
    arguments: &'static [&'static str],
}

const PACKAGES: [Package; 3] = [
    Package { directory: "benches/traces", arguments: &["--package", "larder-trace"] },
    Package { directory: "benches/memory", arguments: &["--features", "peers,emballoc,none"] },
    Package { directory: "benches/host", arguments: &[] },
];

pub fn tests(tally: &mut Tally) -> Result<()> {
    for package in &PACKAGES {
        let mut command = package.cargo("clippy");
        command.args(["--all-targets", "--", "-D", "warnings"]);
        tally.check(&format!("lints of {}", package.directory), &mut command)?;
        let mut command = package.cargo("test");
        tally.cargo_test(package.directory, command.arg("--no-fail-fast"))?;
    }
    Ok(())
}

impl Package {
    fn cargo(&self, subcommand: &str) -> std::process::Command {
        let mut command = project::cargo(subcommand);
        command.arg("--manifest-path").arg(project::root().join(self.directory).join("Cargo.toml"));
        command.arg("--target-dir").arg(target_dir()).args(self.arguments);
        command
    }
}

/// One for all of them: they share the peers.
fn target_dir() -> PathBuf {
    project::root().join("target/benches")
}
