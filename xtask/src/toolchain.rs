//! How to run cargo for a target that is not the host.
//!
//! In this order, the first that works:
//!
//! 1. the compiler in use, when it has the target's standard library, or when `rustup target add` gets it;
//! 2. the compiler in use with the standard library's source, from which cargo builds it (`-Zbuild-std`);
//! 3. Debian's compiler with its source, installed through apt-get when it is missing.
//!
//! `LARDER_TOOLCHAIN=rustup` stops after the first, `LARDER_TOOLCHAIN=source` begins with the second.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};

use crate::{packages, project, step};

const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld"];
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_CLIPPY: &str = "/usr/bin/cargo-clippy";

/// What of the standard library a program for the target needs.
#[derive(Clone, Copy)]
pub enum Library {
    /// `core` and `alloc`: bare metal.
    CoreAlloc,
    /// All of it, with `panic = "abort"`: wasm.
    Std,
}

/// What code that shares its memory between wasm threads is built with, all of the standard library included.
const SHARED_MEMORY: &str = "-Ctarget-feature=+atomics,+bulk-memory,+mutable-globals";

/// A way to run cargo for one target.
pub struct Toolchain {
    triple: String,
    target_dir: PathBuf,
    cargo: PathBuf,
    rustc: Option<PathBuf>,
    environment: Vec<(String, OsString)>,
    arguments: Vec<String>,
}

impl Toolchain {
    /// For bare metal.
    pub fn for_target(triple: &str) -> Result<Self> {
        Self::with_library(triple, Library::CoreAlloc)
    }

    /// For a program on a system whose own libraries come with the standard library.
    pub fn ready_made(triple: &str) -> Result<Self> {
        prebuilt(triple)
    }

    /// For a program that needs as much of the standard library as `library` says.
    pub fn with_library(triple: &str, library: Library) -> Result<Self> {
        match std::env::var("LARDER_TOOLCHAIN").as_deref() {
            Err(_) => prebuilt(triple)
                .or_else(|first| from_source(triple, library).map_err(|second| nothing_works(triple, &first, &second))),
            Ok("rustup") => prebuilt(triple),
            Ok("source") => from_source(triple, library),
            Ok(other) => bail!("LARDER_TOOLCHAIN is {other:?}; it can be rustup or source"),
        }
    }

    /// For wasm threads. Nobody distributes the library so built, so it comes from source, into a target directory of its own.
    pub fn for_wasm_threads() -> Result<Self> {
        let triple = "wasm32-unknown-unknown";
        let mut toolchain = from_source(triple, Library::CoreAlloc)
            .map_err(|reason| anyhow!("no compiler for wasm threads: {}; {reason:#}", missing_source()))?;
        toolchain.target_dir = toolchain.target_dir.join("wasm-threads");
        let key = rustflags_key(triple);
        let flags = toolchain.environment.iter_mut().find(|(name, _)| *name == key);
        match flags {
            Some((_, flags)) => flags.push(format!(" {SHARED_MEMORY}")),
            None => toolchain.environment.push((key, SHARED_MEMORY.into())),
        }
        Ok(toolchain)
    }

    /// `cargo SUBCOMMAND` for the target, in the repository's root, into the shared target directory.
    pub fn cargo(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.cargo);
        command.arg(subcommand);
        self.configure(&mut command);
        command
    }

    /// `cargo clippy` for the target, or why it can't be had.
    pub fn clippy(&self) -> Result<Command> {
        let mut command = match &self.rustc {
            None => project::cargo("clippy"),
            Some(rustc) if rustc == Path::new(DEBIAN_RUSTC) => debian_clippy()?,
            Some(_) => bail!("a library built from source needs clippy of the same version"),
        };
        self.configure(&mut command);
        Ok(command)
    }

    /// `cargo doc` for the target, by the compiler's own rustdoc; what it warns of is an error.
    pub fn doc(&self) -> Command {
        let mut command = self.cargo("doc");
        if let Some(rustc) = &self.rustc {
            command.env("RUSTDOC", rustc.with_file_name("rustdoc"));
        }
        command.env("RUSTDOCFLAGS", "-D warnings");
        command
    }

    /// Where cargo leaves a binary of the release profile.
    pub fn release_binary(&self, name: &str) -> PathBuf {
        self.binary("release", name)
    }

    /// Where it leaves one of another profile.
    pub fn binary(&self, profile: &str, name: &str) -> PathBuf {
        self.target_dir.join(&self.triple).join(profile).join(name)
    }

    fn configure(&self, command: &mut Command) {
        command.current_dir(project::root()).envs(self.environment.iter().map(|(key, value)| (key, value)));
        command.arg("--target").arg(&self.triple).arg("--target-dir").arg(&self.target_dir);
        command.args(&self.arguments);
    }
}

/// The compiler in use, with the target's library as its distributor built it.
fn prebuilt(triple: &str) -> Result<Toolchain> {
    if !has_library(triple)? {
        let _alone = packages::installing();
        step::require(&format!("rustup target add {triple}"), Command::new("rustup").args(["target", "add", triple]))?;
    }
    if !has_library(triple)? {
        bail!("rustup's library for {triple} is not where rustc looks for it");
    }
    let cargo = PathBuf::from(project::cargo("").get_program());
    let target_dir = project::cross_target_dir();
    let (triple, environment, arguments) = (triple.to_owned(), Vec::new(), Vec::new());
    Ok(Toolchain { triple, target_dir, cargo, rustc: None, environment, arguments })
}

/// A compiler that has the library's source.
fn from_source(triple: &str, library: Library) -> Result<Toolchain> {
    let (rustc, cargo) = compiler_with_source()?;
    let mut environment = vec![("RUSTC_BOOTSTRAP".to_owned(), "1".into()), ("RUSTC".to_owned(), rustc.clone().into())];
    if rust_lld(&sysroot(&rustc)?).is_none() {
        environment.extend(linker(triple)?);
    }
    let crates = match library {
        Library::CoreAlloc => "core,alloc",
        Library::Std => "std,panic_abort",
    };
    let arguments = vec![format!("-Zbuild-std={crates}")];
    let target_dir = project::cross_target_dir();
    Ok(Toolchain { triple: triple.to_owned(), target_dir, cargo, rustc: Some(rustc), environment, arguments })
}

fn compiler_with_source() -> Result<(PathBuf, PathBuf)> {
    let in_use = PathBuf::from("rustc");
    if !has_source(&in_use) && !has_source(Path::new(DEBIAN_RUSTC)) && packages::program_exists("rustup") {
        let _alone = packages::installing();
        // Where that fails, Debian's compiler is next.
        step::run("rustup component add rust-src", Command::new("rustup").args(["component", "add", "rust-src"]))?;
    }
    if has_source(&in_use) {
        return Ok((in_use, PathBuf::from(project::cargo("").get_program())));
    }
    let debian = PathBuf::from(DEBIAN_RUSTC);
    if !has_source(&debian) || !Path::new(DEBIAN_CARGO).exists() {
        packages::install(&DEBIAN_PACKAGES)?;
    }
    if !has_source(&debian) {
        bail!("{DEBIAN_RUSTC} has no source of the standard library");
    }
    Ok((debian, DEBIAN_CARGO.into()))
}

/// A linker for a compiler that brings none: another compiler's, or Debian's.
fn linker(triple: &str) -> Result<Vec<(String, OsString)>> {
    let linker_key = format!("CARGO_TARGET_{}_LINKER", key(triple));
    let is_wasm = triple.starts_with("wasm");
    if let Some(lld) = sysroot(Path::new("rustc")).ok().and_then(|sysroot| rust_lld(&sysroot)) {
        let mut environment = vec![(linker_key, lld.into_os_string())];
        if is_wasm {
            environment.push((rustflags_key(triple), "-Clinker-flavor=wasm-ld".into()));
        }
        return Ok(environment);
    }
    let lld = if is_wasm { "wasm-ld" } else { "ld.lld" };
    packages::require_program(lld, "lld")?;
    Ok(vec![(linker_key, lld.into())])
}

/// A target's name in cargo's variables, which have neither dashes nor dots.
fn key(triple: &str) -> String {
    triple.replace(['-', '.'], "_").to_uppercase()
}

fn rustflags_key(triple: &str) -> String {
    format!("CARGO_TARGET_{}_RUSTFLAGS", key(triple))
}

fn missing_source() -> String {
    format!("run `rustup component add rust-src`, or `apt-get install {}` as root", DEBIAN_PACKAGES.join(" "))
}

fn debian_clippy() -> Result<Command> {
    if !Path::new(DEBIAN_CLIPPY).exists() {
        packages::install(&["rust-web-clippy"])?;
    }
    let mut command = Command::new(DEBIAN_CLIPPY);
    // Left to itself, cargo-clippy calls the cargo in PATH.
    command.arg("clippy").env("CARGO", DEBIAN_CARGO);
    Ok(command)
}

fn nothing_works(triple: &str, first: &anyhow::Error, second: &anyhow::Error) -> anyhow::Error {
    anyhow!(
        "no compiler for {triple}: install rustup (https://rustup.rs) and run `rustup target add {triple}`, or run \
         `apt-get install {}` as root (rustup: {}; source: {})",
        DEBIAN_PACKAGES.join(" "),
        first_line(first),
        first_line(second),
    )
}

/// An error in one line, without what the tool that failed said.
pub fn first_line(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    let line = text.lines().next().unwrap_or_default();
    line.trim_end_matches("; it said:").to_owned()
}

fn has_library(triple: &str) -> Result<bool> {
    let sysroot = sysroot(Path::new("rustc")).context("rustc can't be run; install Rust (https://rustup.rs)")?;
    Ok(sysroot.join("lib/rustlib").join(triple).join("lib").is_dir())
}

fn has_source(rustc: &Path) -> bool {
    sysroot(rustc).is_ok_and(|sysroot| sysroot.join("lib/rustlib/src/rust/library/Cargo.lock").exists())
}

fn rust_lld(sysroot: &Path) -> Option<PathBuf> {
    let installed = sysroot.join("lib/rustlib").read_dir().ok()?;
    installed.flatten().map(|entry| entry.path().join("bin/rust-lld")).find(|lld| lld.exists())
}

fn sysroot(rustc: &Path) -> Result<PathBuf> {
    let output = Command::new(rustc).args(["--print", "sysroot"]).current_dir(project::root()).output()?;
    if !output.status.success() {
        bail!("{} --print sysroot failed", rustc.display());
    }
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_with_a_dot_has_a_variable() {
        assert_eq!(key("thumbv8m.main-none-eabi"), "THUMBV8M_MAIN_NONE_EABI");
    }
}
