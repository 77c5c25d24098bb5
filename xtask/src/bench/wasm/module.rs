//! Building the modules of `benches/wasm`, and taking them apart.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustc_demangle::demangle;
use serde::Deserialize;
use wasmparser::{KnownCustom, Name, Parser, Payload};

use crate::bench::names;
use crate::toolchain::Toolchain;
use crate::{project, step};

const TRIPLE: &str = "wasm32-unknown-unknown";

/// What the compiler optimises for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Smallest,
    Small,
    Speed,
}

impl Level {
    pub fn name(self) -> &'static str {
        match self {
            Level::Smallest => "z",
            Level::Small => "s",
            Level::Speed => "3",
        }
    }

    fn profile(self) -> &'static str {
        match self {
            Level::Smallest => "smallest",
            Level::Small => "small",
            Level::Speed => "release",
        }
    }
}

/// A row of `package.metadata.allocators`.
#[derive(Clone, Deserialize)]
pub struct Allocator {
    pub feature: String,
    pub title: String,
    /// It asks for memory as it needs it.
    #[serde(default)]
    pub grows: bool,
}

impl Allocator {
    pub fn is_ours(&self) -> bool {
        self.feature.starts_with("larder")
    }
}

/// The package, and a way to build it.
pub struct Modules {
    pub allocators: Vec<Allocator>,
    toolchain: Toolchain,
}

impl Modules {
    pub fn new() -> Result<Self> {
        Ok(Self { allocators: names::allocators(&manifest())?, toolchain: Toolchain::for_target(TRIPLE)? })
    }

    /// Builds one of the examples with one allocator, and keeps it where the next build does not replace it.
    pub fn build(&self, example: &str, feature: &str, level: Level) -> Result<PathBuf> {
        let mut command = self.toolchain.cargo("build");
        command.args(["--profile", level.profile(), "--example", example, "--features", feature]);
        command.arg("--manifest-path").arg(manifest());
        step::require(&format!("build {example} with {feature} for wasm, opt-level {}", level.name()), &mut command)?;
        let built = project::cross_target_dir().join(TRIPLE).join(level.profile()).join("examples");
        let kept = project::cross_target_dir().join("bench-wasm");
        fs::create_dir_all(&kept)?;
        let kept = kept.join(format!("{example}-{feature}-{}.wasm", level.name()));
        let built = built.join(example).with_extension("wasm");
        fs::copy(&built, &kept).with_context(|| format!("{} is missing", built.display()))?;
        Ok(kept)
    }
}

fn manifest() -> PathBuf {
    project::root().join("benches/wasm/Cargo.toml")
}

/// How large a module is, and what of it is what.
pub struct Image {
    /// Every section that a browser loads to run it, so without names.
    pub bytes: i64,
    /// By demangled name.
    pub functions: BTreeMap<String, i64>,
}

impl Image {
    pub fn read(file: &Path) -> Result<Self> {
        let data = fs::read(file).with_context(|| file.display().to_string())?;
        Self::parse(&data).with_context(|| format!("{} is no module", file.display()))
    }

    fn parse(data: &[u8]) -> Result<Self> {
        let (mut bytes, mut imported, mut bodies, mut names) = (0, 0, Vec::new(), BTreeMap::new());
        for payload in Parser::new(0).parse_all(data) {
            let payload = payload?;
            match &payload {
                Payload::CustomSection(section) => {
                    if let KnownCustom::Name(reader) = section.as_known() {
                        for name in reader {
                            names.extend(function_names(name?)?);
                        }
                    }
                    continue;
                }
                Payload::ImportSection(section) => imported = section.count(),
                Payload::CodeSectionEntry(body) => bodies.push(length(&body.range())),
                _ => {}
            }
            if let Some((_, range)) = payload.as_section() {
                bytes += length(&range);
            }
        }
        if imported != 0 {
            bail!("it imports something, so functions do not begin at 0");
        }
        let mut functions = BTreeMap::new();
        for (index, length) in bodies.into_iter().enumerate() {
            let name = names.get(&(index as u32)).map_or("?", String::as_str);
            *functions.entry(name.to_owned()).or_default() += length;
        }
        Ok(Self { bytes, functions })
    }
}

fn length(range: &Range<u64>) -> i64 {
    (range.end - range.start) as i64
}

fn function_names(name: Name) -> Result<Vec<(u32, String)>> {
    let Name::Function(map) = name else { return Ok(Vec::new()) };
    map.into_iter()
        .map(|naming| {
            let naming = naming?;
            Ok((naming.index, format!("{:#}", demangle(naming.name))))
        })
        .collect()
}
