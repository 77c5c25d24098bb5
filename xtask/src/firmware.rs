//! Building firmware.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::board;
use crate::project;
use crate::step;
use crate::toolchain::Toolchain;

/// The package of the binaries that interrupt calls at chosen instructions.
pub const INTERRUPTS: &str = "larder-interrupts";
/// The package of the binary that logs through defmt.
pub const DEFMT: &str = "larder-defmt";
/// Packages for all Cortex-M boards.
const FOR_CORTEX_M: [&str; 2] = [INTERRUPTS, DEFMT];

/// Which contexts may enter the heap's large tier, and how: one firmware binary for each.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum Policy {
    CriticalSection,
    Try,
    /// For threads alone: only the binary `tasks` has it
    Spin,
    /// None: the heap is a `Small`, which has no large tier
    Small,
}

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    pub firmware: Firmware,
}

/// One firmware binary.
#[derive(Args)]
pub struct Firmware {
    /// The binary's name, as in `src/bin` of the board's package
    pub binary: String,
    #[arg(long, value_enum, default_value = "cortex-m3")]
    pub board: board::Name,
    #[arg(long, value_enum, default_value = "critical-section")]
    pub policy: Policy,
}

impl Firmware {
    /// The name under which cargo builds it.
    pub fn name(&self) -> String {
        match self.policy {
            Policy::CriticalSection => self.binary.clone(),
            Policy::Try => format!("{}-try", self.binary),
            Policy::Spin => format!("{}-spin", self.binary),
            Policy::Small => format!("{}-small", self.binary),
        }
    }

    /// Builds it and returns the ELF file.
    pub fn build(&self) -> Result<PathBuf> {
        self.build_as("release")
    }

    /// Builds it with another profile.
    pub fn build_as(&self, profile: &str) -> Result<PathBuf> {
        if self.policy == Policy::Spin && self.binary != "tasks" {
            bail!(
                "{} has interrupt handlers, which must not wait: only tasks can be had with the policy spin",
                self.binary
            );
        }
        build(self.board, &self.name(), profile)
    }
}

pub fn run_command(options: &Options) -> Result<bool> {
    result_line!("{}", options.firmware.build()?.display());
    Ok(true)
}

/// The package that has the binary: the board's own, or one for all Cortex-M boards.
fn package(board: board::Name, binary: &str) -> Result<&'static str> {
    let own = board.board().package;
    let may_use_shared = board.board().is_cortex_m();
    let has_binary = |package: &&str| binaries(package).is_ok_and(|names| names.iter().any(|name| name == binary));
    match std::iter::once(own).chain(FOR_CORTEX_M).find(has_binary) {
        Some(package) if package == own || may_use_shared => Ok(package),
        Some(_) => bail!("{binary} is for Cortex-M boards"),
        None => bail!("no firmware for {board} is called {binary}; there are {}", all_for(board)?.join(", ")),
    }
}

/// Every binary for the board.
fn all_for(board: board::Name) -> Result<Vec<String>> {
    let shared = if board.board().is_cortex_m() { FOR_CORTEX_M.as_slice() } else { &[] };
    let packages = std::iter::once(board.board().package).chain(shared.iter().copied());
    let names = packages.map(binaries).collect::<Result<Vec<_>>>()?;
    Ok(names.concat())
}

/// The names of a package's binaries: those of the files in its `src/bin`.
fn binaries(package: &str) -> Result<Vec<String>> {
    let folder = project::root().join("targets").join(package.trim_start_matches("larder-")).join("src/bin");
    let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let sources = paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let mut names: Vec<String> =
        sources.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    names.sort();
    Ok(names)
}

fn build(name: board::Name, binary: &str, profile: &str) -> Result<PathBuf> {
    let (board, package) = (name.board(), package(name, binary)?);
    let toolchain = Toolchain::for_target(board.triple)?;
    let mut command = toolchain.cargo("build");
    command.args(["--profile", profile, "--bin", binary]).args(board.package_arguments(package));
    command.arg("--manifest-path").arg(project::root().join("targets/Cargo.toml"));
    step::require(&format!("build {binary} for {}", board.triple), &mut command)?;
    let elf = toolchain.binary(profile, binary);
    if !elf.exists() {
        bail!("cargo built {binary} but {} is missing", elf.display());
    }
    Ok(elf)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Name;

    #[test]
    fn a_binary_is_looked_for_where_the_board_has_it() {
        assert_eq!(package(Name::CortexM3, "demo").unwrap(), "larder-cortex-m");
        assert_eq!(package(Name::CortexM3, "tasks-spin").unwrap(), INTERRUPTS);
        assert_eq!(package(Name::RiscvImac, "suite-small").unwrap(), "larder-riscv");
        assert!(package(Name::RiscvImac, "tasks").unwrap_err().to_string().contains("Cortex-M"));
    }

    #[test]
    fn a_binary_that_is_not_there_is_one_line_that_names_those_that_are() {
        for name in ["demo-small", "nonsense", "../lib"] {
            let line = package(Name::CortexM3, name).unwrap_err().to_string();
            assert!(line.contains(name) && line.contains("storm-small") && line.contains("defmt"), "{line}");
            assert_eq!(line.lines().count(), 1, "{line}");
        }
        let line = package(Name::RiscvImac, "arena-24k").unwrap_err().to_string();
        assert!(!line.contains("tasks"), "{line}");
    }
}
