//! Building firmware.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::board::{self, Board};
use crate::project;
use crate::step;
use crate::toolchain::Toolchain;

/// The package of the binaries that interrupt calls at chosen instructions.
pub const INTERRUPTS: &str = "larder-interrupts";
/// The package of the binary that logs through defmt.
pub const DEFMT: &str = "larder-defmt";
/// Packages for all Cortex-M boards, and where their binaries are.
const FOR_CORTEX_M: [(&str, &str); 2] = [(INTERRUPTS, "targets/interrupts/src/bin"), (DEFMT, "targets/defmt/src/bin")];

/// Who may enter the heap's large tier, and how: one firmware binary for each.
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
        if self.policy == Policy::Small && self.binary == "demo" {
            bail!("demo shows a heap with pools: it can't be had with the policy small");
        }
        build(self.board.board(), &self.name(), profile)
    }
}

pub fn run_command(options: &Options) -> Result<bool> {
    println!("{}", options.firmware.build()?.display());
    Ok(true)
}

/// The package that has the binary: the board's own, or one for all Cortex-M boards.
fn package(board: &Board, binary: &str) -> Result<&'static str> {
    let has_binary = |folder| project::root().join(folder).join(binary).with_extension("rs").exists();
    match FOR_CORTEX_M.iter().find(|(_, folder)| has_binary(folder)) {
        None => Ok(board.package),
        Some((package, _)) if board.is_cortex_m() => Ok(package),
        Some(_) => bail!("{binary} is for Cortex-M boards"),
    }
}

fn build(board: &Board, binary: &str, profile: &str) -> Result<PathBuf> {
    let toolchain = Toolchain::for_target(board.triple)?;
    let mut command = toolchain.cargo("build");
    command.args(["--profile", profile, "--bin", binary]).args(board.package_arguments(package(board, binary)?));
    command.arg("--manifest-path").arg(project::root().join("targets/Cargo.toml"));
    step::require(&format!("build {binary} for {}", board.triple), &mut command)?;
    let elf = toolchain.binary(profile, binary);
    if !elf.exists() {
        bail!("cargo built {binary} but {} is missing", elf.display());
    }
    Ok(elf)
}
