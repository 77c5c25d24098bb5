//! Builds of the library that have to work.

use std::process::Command;

use anyhow::Result;
use cargo_metadata::Package;

use super::tally::Tally;
use crate::toolchain::{self, Toolchain};
use crate::{packages, project, step};

/// One target with compare-and-swap and one without. Neither has a standard library: what builds there is `no_std`.
const BARE_METAL: [&str; 2] = ["thumbv7m-none-eabi", "thumbv6m-none-eabi"];

/// What is chosen for ARM without compare-and-swap, and changes nothing elsewhere.
const COMPARE_AND_SWAP: &str = "portable-atomic-critical-section";

/// As a binary chooses it whose only core runs at a privileged level: some hardware layers do.
const CHOSEN: &str = "['--cfg', 'portable_atomic_unsafe_assume_single_core']";

/// With one thread for sure, the same without the standard library, and of a system.
const WASM_KINDS: [&str; 3] = [WASM, "wasm32v1-none", "wasm32-wasip1"];

/// The target with types of its own.
const WASM: &str = "wasm32-unknown-unknown";

pub fn feature_combinations(tally: &mut Tally, library: &Package) -> Result<()> {
    let features = library.features.keys().map(String::as_str);
    let features: Vec<&str> = features.filter(|name| !["default", COMPARE_AND_SWAP].contains(name)).collect();
    for combination in power_set(&features) {
        let mut command = project::cargo("build");
        command.args(["--package", "larder", "--lib", "--no-default-features", "--features", &combination.join(",")]);
        let named = if combination.is_empty() { "no feature".to_owned() } else { combination.join(", ") };
        tally.check(&format!("build with {named}"), &mut command)?;
    }
    Ok(())
}

pub fn bare_metal(tally: &mut Tally) -> Result<()> {
    for triple in BARE_METAL {
        let title = format!("build for {triple}");
        match Toolchain::for_target(triple) {
            Err(reason) => tally.skip(&title, &toolchain::first_line(&reason)),
            Ok(toolchain) => {
                let mut command = toolchain.cargo("build");
                tally.check(&title, command.args(["--package", "larder", "--lib", "--release"]))?;
            }
        }
    }
    Ok(())
}

/// What the host's lints don't see: code that is only compiled where pointers are short or there is no compare-and-swap.
pub fn lints(tally: &mut Tally) -> Result<()> {
    for triple in BARE_METAL.into_iter().chain(WASM_KINDS) {
        let title = format!("lints of the library for {triple}");
        match Toolchain::for_target(triple).and_then(|toolchain| toolchain.clippy()) {
            Err(reason) => tally.skip(&title, &toolchain::first_line(&reason)),
            Ok(mut command) => {
                command.args(["--package", "larder", "--lib", "--", "-D", "warnings"]);
                tally.check(&title, &mut command)?;
            }
        }
    }
    Ok(())
}

/// Without the feature, the binary says where compare-and-swap comes from; on RISC-V, with it too.
pub fn chosen_atomics(tally: &mut Tally) -> Result<()> {
    let without = ["--no-default-features", "--features", "spin,critical-section"];
    for (triple, features) in [(BARE_METAL[1], without.as_slice()), ("riscv32imc-unknown-none-elf", &[])] {
        let title = format!("build for {triple} with the binary's choice of compare-and-swap");
        match Toolchain::for_target(triple) {
            Err(reason) => tally.skip(&title, &toolchain::first_line(&reason)),
            Ok(toolchain) => {
                let mut command = toolchain.cargo("build");
                command.args(["--package", "larder", "--lib"]).args(features);
                tally.check(&title, command.arg("--config").arg(format!("target.{triple}.rustflags={CHOSEN}")))?;
            }
        }
    }
    Ok(())
}

/// The documentation without any feature, as a user who has chosen none builds it, and that of what only wasm has, as
/// docs.rs does.
pub fn documentation(tally: &mut Tally) -> Result<()> {
    let mut command = project::cargo("doc");
    command.args(["--package", "larder", "--no-deps", "--no-default-features"]).env("RUSTDOCFLAGS", "-D warnings");
    tally.check("documentation with no feature", &mut command)?;
    let title = format!("documentation for {WASM}");
    match Toolchain::for_target(WASM) {
        Err(reason) => tally.skip(&title, &toolchain::first_line(&reason)),
        Ok(toolchain) => {
            let mut command = toolchain.doc();
            tally.check(&title, command.args(["--package", "larder", "--no-deps", "--all-features"]))?;
        }
    }
    Ok(())
}

/// A lint looks for what the standard library did not have then; a build with that compiler, where rustup has it or
/// gets it, is the proof.
pub fn oldest_compiler(tally: &mut Tally, library: &Package) -> Result<()> {
    let Some(version) = library.rust_version.as_ref().map(ToString::to_string) else {
        tally.skip("the oldest compiler", "Cargo.toml states no rust-version");
        return Ok(());
    };
    let mut command = project::cargo("clippy");
    command.args(["--package", "larder", "--lib", "--all-features", "--", "-D", "clippy::incompatible_msrv"]);
    tally.check(&format!("lint for what Rust {version} does not have"), &mut command)?;
    let title = format!("build with Rust {version}");
    match rustup_toolchain(&version) {
        Ok(mut command) => tally.check(&title, &mut command),
        Err(reason) => {
            tally.skip(&title, &toolchain::first_line(&reason));
            Ok(())
        }
    }
}

fn rustup_toolchain(version: &str) -> Result<Command> {
    if !packages::program_exists("rustup") {
        anyhow::bail!("there is no rustup to get that compiler with");
    }
    let mut probe = Command::new("rustup");
    let is_installed =
        probe.args(["run", version, "rustc", "--version"]).output().is_ok_and(|run| run.status.success());
    if !is_installed {
        let mut command = Command::new("rustup");
        command.args(["toolchain", "install", version, "--profile", "minimal", "--no-self-update"]);
        let _alone = packages::installing();
        if !step::run(&format!("rustup toolchain install {version}"), &mut command)?.success {
            anyhow::bail!("rustup can't get that compiler here; only the lint was run");
        }
    }
    let mut command = Command::new("rustup");
    command.args(["run", version, "cargo", "build", "--package", "larder", "--lib", "--all-features", "--target-dir"]);
    // This command's own cargo and compiler must not be taken for that toolchain's.
    command.arg(project::root().join("target/msrv")).current_dir(project::root());
    command.env_remove("RUSTC").env_remove("CARGO");
    Ok(command)
}

fn power_set<'name>(names: &[&'name str]) -> impl Iterator<Item = Vec<&'name str>> {
    let is_in = |set: u32, index: usize| set >> index & 1 == 1;
    (0..1_u32 << names.len()).map(move |set| {
        names.iter().enumerate().filter(|(index, _)| is_in(set, *index)).map(|(_, name)| *name).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_set_has_every_combination_once() {
        let sets: Vec<Vec<&str>> = power_set(&["a", "b"]).collect();
        assert_eq!(sets, [vec![], vec!["a"], vec!["b"], vec!["a", "b"]]);
    }
}
