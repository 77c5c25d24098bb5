//! Building and running the firmware in `benches/mcu`.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use cargo_metadata::{Metadata, MetadataCommand};
use serde::Deserialize;

use super::results::{Allocator, Output};
use crate::toolchain::Toolchain;
use crate::{packages, project, step};

const TRIPLE: &str = "thumbv7m-none-eabi";
const EMULATOR: &str = "qemu-system-arm";
/// Virtual time is instructions: `benches/mcu/src/count.rs` relies on the 128 ns each.
const MACHINE: [&str; 4] = ["-machine", "mps2-an385", "-icount", "shift=7,align=off,sleep=off"];
/// Far more than the slowest allocator takes.
const LIMIT: Duration = Duration::from_secs(900);

/// What the compiler optimises for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Size,
    Speed,
}

impl Level {
    fn profile(self) -> &'static str {
        match self {
            Level::Size => "release",
            Level::Speed => "speed",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Level::Size => "s",
            Level::Speed => "3",
        })
    }
}

/// How the firmware is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// With the critical section of `cortex-m`.
    Plain,
    /// With one that measures.
    Masked,
    /// As `Plain`, with the copying functions only where the allocator needs them.
    Charged,
}

impl Kind {
    fn features(self) -> &'static str {
        match self {
            Kind::Plain => "plain",
            Kind::Masked => "masked",
            Kind::Charged => "plain,charged",
        }
    }
}

/// The firmware's package, and a way to build it.
pub struct Bench {
    pub allocators: Vec<Allocator>,
    toolchain: Toolchain,
}

/// A row of `package.metadata.allocators`.
#[derive(Deserialize)]
struct Row {
    feature: String,
    title: String,
    #[serde(rename = "crate")]
    krate: Option<String>,
}

impl Bench {
    pub fn new() -> Result<Self> {
        packages::require_program(EMULATOR, EMULATOR)?;
        Ok(Self { allocators: allocators()?, toolchain: Toolchain::for_target(TRIPLE)? })
    }

    /// Builds one of the firmware's binaries and keeps it where the next build does not replace it.
    pub fn build(&self, binary: &str, feature: &str, level: Level, kind: Kind) -> Result<PathBuf> {
        let mut command = self.toolchain.cargo("build");
        command.args(["--profile", level.profile(), "--bin", binary]);
        command.arg("--features").arg(format!("{feature},{}", kind.features()));
        command.arg("--manifest-path").arg(manifest());
        step::require(&format!("build {binary} with {feature}, {}, opt-level {level}", kind.features()), &mut command)?;
        let built = project::cross_target_dir().join(TRIPLE).join(level.profile()).join(binary);
        let kept = project::cross_target_dir().join("bench-mcu");
        fs::create_dir_all(&kept)?;
        let kept = kept.join(format!("{binary}-{feature}-{}-{level}.elf", kind.features().replace(',', "-")));
        fs::copy(&built, &kept).with_context(|| format!("{} is missing", built.display()))?;
        Ok(kept)
    }

    /// Builds and runs the workloads.
    pub fn run(&self, feature: &str, level: Level, kind: Kind) -> Result<Output> {
        let elf = self.build("bench", feature, level, kind)?;
        let mut command = Command::new(EMULATOR);
        command.args(MACHINE).args(["-nographic", "-monitor", "none", "-serial", "none"]);
        command.args(["-semihosting-config", "enable=on,target=native", "-kernel"]).arg(&elf);
        let outcome = step::run_limited(&format!("run {feature}"), &mut command, Some(LIMIT))?;
        if !outcome.success {
            bail!("the firmware failed; it said:\n{}", step::quote(&outcome.output));
        }
        Output::parse(&outcome.output)
    }
}

fn manifest() -> PathBuf {
    project::root().join("benches/mcu/Cargo.toml")
}

fn allocators() -> Result<Vec<Allocator>> {
    let metadata = MetadataCommand::new()
        .manifest_path(manifest())
        .features(cargo_metadata::CargoOpt::AllFeatures)
        .exec()
        .context("cargo metadata failed")?;
    let package = metadata.root_package().context("benches/mcu has no package")?;
    let rows: Vec<Row> = serde_json::from_value(package.metadata["allocators"].clone())?;
    Ok(rows.into_iter().map(|row| allocator(row, &metadata)).collect())
}

fn allocator(row: Row, metadata: &Metadata) -> Allocator {
    let version = row.krate.and_then(|name| {
        let package = metadata.packages.iter().find(|package| package.name.as_str() == name)?;
        Some(package.version.to_string())
    });
    Allocator { feature: row.feature, title: row.title, version, ..Allocator::default() }
}
