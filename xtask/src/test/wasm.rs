//! wasm modules under Node.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use wasmparser::{FunctionBody, KnownCustom, Name, Operator, Parser, Payload};

use super::tally::Tally;
use crate::toolchain::{self, Toolchain};
use crate::{packages, project, step};

mod limits;

const TRIPLE: &str = "wasm32-unknown-unknown";

/// The other target without an operating system. Its compiler may use no more of wasm than the first version had.
const FIRST_VERSION: &str = "wasm32v1-none";

/// Targets with an operating system, whose programs Node runs.
const WASI: [&str; 2] = ["wasm32-wasip1", "wasm32-wasip1-threads"];

/// Of its programs, which are components, Node runs none.
const COMPONENTS: &str = "wasm32-wasip2";

/// What the linker adds to a module with shared memory: the first thread writes the data, and others that start meanwhile wait.
const LINKERS_OWN: &str = "__wasm_init_memory";

/// What makes V8 tell an instance nothing of the memory that others have grown until it grows it too, and check all its atomic accesses
/// against what it knows: what else an instance meets once in a thousand growths, it then meets in each.
const UNTOLD: [&str; 2] = ["--no-wasm-stack-checks", "--liftoff-only"];

/// All modules, without threads and with them.
pub fn under_node(tally: &mut Tally) -> Result<()> {
    if let Err(reason) = packages::require_program("node", "nodejs") {
        tally.skip("wasm modules under Node", &format!("{reason:#}"));
        return Ok(());
    }
    let mut command = node(&[], "wasm-threads/node/quiet-test.mjs");
    tally.cargo_test("when a sample of bench wasm-threads counts", &mut command)?;
    let toolchain = Toolchain::for_target(TRIPLE)?;
    suite(tally, &toolchain, TRIPLE)?;
    limits::under_node(tally, &toolchain)?;
    match Toolchain::for_target(FIRST_VERSION) {
        Err(reason) => tally.skip(&format!("targets/wasm-suite for {FIRST_VERSION}"), &toolchain::first_line(&reason)),
        Ok(toolchain) => suite(tally, &toolchain, FIRST_VERSION)?,
    }
    wasi(tally)?;
    let toolchain = Toolchain::for_wasm_threads()?;
    limits::of_shared_memory(tally, &toolchain)?;
    let module = build(&toolchain, "wasm-threads", "with shared memory")?;
    tally.that("no wait in a module with shared memory", verify_no_waits(&module));
    let script = "wasm-threads/node/test.mjs";
    tally.cargo_test("wasm threads under Node, targets/wasm-threads", node(&[], script).arg(&module))?;
    tally.cargo_test(
        "wasm threads that are not told of growth, targets/wasm-threads",
        node(&UNTOLD, script).arg(&module),
    )?;
    let mut command = build_command(&toolchain, "wasm-threads");
    command.args(["--no-default-features", "--features", "small"]);
    step::require("build wasm-threads with a small heap for wasm with shared memory", &mut command)?;
    tally.cargo_test(
        "wasm threads on a small heap, targets/wasm-threads",
        node(&[], "wasm-threads/node/small.mjs").arg(binary(&toolchain, "wasm-threads")),
    )
}

fn suite(tally: &mut Tally, toolchain: &Toolchain, triple: &str) -> Result<()> {
    let module = build(toolchain, "wasm-suite", &format!("without threads, {triple}"))?;
    let title = format!("{triple} under Node, targets/wasm-suite");
    tally.cargo_test(&title, node(&[], "wasm-suite/node/run.mjs").arg(module))
}

/// Programs in which the C library's malloc has memory of the same module.
fn wasi(tally: &mut Tally) -> Result<()> {
    for triple in WASI.into_iter().chain([COMPONENTS]) {
        let title = format!("targets/wasm-wasi for {triple}");
        let toolchain = match Toolchain::ready_made(triple) {
            Ok(toolchain) => toolchain,
            Err(reason) => {
                tally.skip(&title, &toolchain::first_line(&reason));
                continue;
            }
        };
        let mut command = build_command(&toolchain, "wasm-wasi");
        tally.check(&format!("build of {title}"), &mut command)?;
        if triple != COMPONENTS {
            let mut command = node(&["--no-warnings"], "wasm-wasi/node/run.mjs");
            command.arg(toolchain.release_binary("larder-wasm-wasi.wasm"));
            tally.cargo_test(&format!("{title}, under Node"), &mut command)?;
        }
    }
    Ok(())
}

fn build(toolchain: &Toolchain, package: &str, how: &str) -> Result<PathBuf> {
    build_with(toolchain, package, how, &[])
}

fn build_with(toolchain: &Toolchain, package: &str, how: &str, environment: &[(&str, String)]) -> Result<PathBuf> {
    let mut command = build_command(toolchain, package);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    step::require(&format!("build {package} for wasm {how}"), &mut command)?;
    Ok(binary(toolchain, package))
}

fn build_command(toolchain: &Toolchain, package: &str) -> Command {
    let mut command = toolchain.cargo("build");
    let manifest = project::root().join("targets").join(package).join("Cargo.toml");
    command.args(["--release", "--manifest-path"]).arg(manifest);
    command
}

fn binary(toolchain: &Toolchain, package: &str) -> PathBuf {
    toolchain.release_binary(&format!("larder_{}.wasm", package.replace('-', "_")))
}

fn node(options: &[&str], script: &str) -> Command {
    let mut command = Command::new("node");
    command.args(options).arg(project::root().join("targets").join(script));
    command
}

/// A browser's main thread must not execute `memory.atomic.wait`: no function of ours has one.
fn verify_no_waits(module: &Path) -> Result<()> {
    let bytes = std::fs::read(module).with_context(|| format!("{} can't be read", module.display()))?;
    let waiting = functions_that_wait(&bytes)?;
    let ours: Vec<&str> = waiting.iter().map(String::as_str).filter(|name| *name != LINKERS_OWN).collect();
    if !ours.is_empty() {
        bail!("these functions wait: {}", ours.join(", "));
    }
    if waiting.is_empty() {
        bail!(
            "not even the linker's {LINKERS_OWN} waits: this is no module with shared memory, or waits are not found"
        );
    }
    Ok(())
}

/// The names of all functions that contain an instruction that waits.
fn functions_that_wait(module: &[u8]) -> Result<Vec<String>> {
    let mut imported = 0;
    let mut waiting = Vec::new();
    let mut bodies = 0;
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += u32::from(matches!(import?.ty, wasmparser::TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => {
                if waits(&body)? {
                    waiting.push(bodies);
                }
                bodies += 1;
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(subsections) = section.as_known() {
                    for subsection in subsections {
                        if let Name::Function(map) = subsection? {
                            names = map.into_iter().collect::<Result<_, _>>()?;
                        }
                    }
                }
            }
            _ => {}
        }
    }
    let name = |index: u32| names.iter().find(|naming| naming.index == index).map(|naming| naming.name.to_owned());
    Ok(waiting.into_iter().map(|body| name(imported + body).unwrap_or(format!("function {body}"))).collect())
}

fn waits(body: &FunctionBody) -> Result<bool> {
    for operator in body.get_operators_reader()? {
        if matches!(operator?, Operator::MemoryAtomicWait32 { .. } | Operator::MemoryAtomicWait64 { .. }) {
            return Ok(true);
        }
    }
    Ok(false)
}
