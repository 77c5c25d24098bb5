//! Modules at the limits of their memory: of those that tests set, and of wasm32's own.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use super::{build_with, node};
use crate::test::tally::Tally;
use crate::toolchain::Toolchain;

const PACKAGE: &str = "wasm-limits";

/// How long the modules' own memories are, in wasm's pages: next to nothing; 1.1 GiB and 2.1 GiB; and all that there can be.
const INITIAL_PAGES: [u64; 4] = [16, 18_023, 34_407, 65_536];

const WASM_PAGE_BYTES: u64 = 64 * 1024;

/// The same where memory is shared.
const INITIAL_PAGES_SHARED: [u64; 2] = [16, 18_023];

pub fn under_node(tally: &mut Tally, toolchain: &Toolchain) -> Result<()> {
    let mut command = node(&[], "wasm-limits/node/run.mjs");
    add_modules(&mut command, toolchain, &INITIAL_PAGES)?;
    tally.cargo_test("wasm under Node, targets/wasm-limits", &mut command)
}

pub fn of_shared_memory(tally: &mut Tally, toolchain: &Toolchain) -> Result<()> {
    let mut command = node(&[], "wasm-limits/node/run.mjs");
    command.arg("shared");
    add_modules(&mut command, toolchain, &INITIAL_PAGES_SHARED)?;
    tally.cargo_test("shared memory under Node, targets/wasm-limits", &mut command)
}

fn add_modules(command: &mut Command, toolchain: &Toolchain, initial_pages: &[u64]) -> Result<()> {
    for pages in initial_pages {
        let environment = [("LARDER_INITIAL_BYTES", (pages * WASM_PAGE_BYTES).to_string())];
        let module = build_with(toolchain, PACKAGE, &format!("with {pages} pages of its own"), &environment)?;
        let kept = module.with_file_name(format!("larder_wasm_limits_{pages}.wasm"));
        fs::copy(&module, &kept).with_context(|| format!("{} can't be copied", module.display()))?;
        command.arg(format!("{pages}={}", kept.display()));
    }
    Ok(())
}
