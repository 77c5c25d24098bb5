//! Modules at the limits of their memory: of those that tests set, and of wasm32's own.

use std::fs;

use anyhow::{Context, Result};

use super::{build_with, node};
use crate::test::tally::Tally;
use crate::toolchain::Toolchain;

const PACKAGE: &str = "wasm-limits";

/// How long the modules' own memories are, in wasm's pages: next to nothing; 1.1 GiB and 2.1 GiB; and all that there can be.
const INITIAL_PAGES: [u64; 4] = [16, 18_023, 34_407, 65_536];

const WASM_PAGE_BYTES: u64 = 64 * 1024;

pub fn under_node(tally: &mut Tally, toolchain: &Toolchain) -> Result<()> {
    let mut command = node(&[], "wasm-limits/node/run.mjs");
    for pages in INITIAL_PAGES {
        let environment = [("LARDER_INITIAL_BYTES", (pages * WASM_PAGE_BYTES).to_string())];
        let module = build_with(toolchain, PACKAGE, &format!("with {pages} pages of its own"), &environment)?;
        let kept = module.with_file_name(format!("larder_wasm_limits_{pages}.wasm"));
        fs::copy(&module, &kept).with_context(|| format!("{} can't be copied", module.display()))?;
        command.arg(format!("{pages}={}", kept.display()));
    }
    tally.cargo_test("wasm under Node, targets/wasm-limits", &mut command)
}
