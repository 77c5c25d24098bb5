//! Modules whose own memory ends so many bytes behind what the linker has put into it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use wasmparser::{Operator, Parser, Payload};

use super::{build_with, node};
use crate::test::tally::Tally;
use crate::toolchain::Toolchain;

const PACKAGE: &str = "wasm-edge";

/// None; too few for a table; just enough; and so many that pages which others have end where a table that is placed too low by as little as
/// what is rounded off is in them.
const LEFT_BYTES: [u32; 5] = [0, 16, 1008, 1024, 65_264];

const WASM_PAGE_BYTES: u32 = 64 * 1024;

/// A stack's length, to begin with.
const STACK_BYTES: u32 = 64 * 1024;

pub fn under_node(tally: &mut Tally, toolchain: &Toolchain) -> Result<()> {
    let heap_base = heap_base(&build(toolchain, STACK_BYTES)?)?;
    let mut command = node(&[], "wasm-edge/node/run.mjs");
    for left in LEFT_BYTES {
        // The stack comes first: what follows moves with its end.
        let more = (heap_base + left).wrapping_neg() % WASM_PAGE_BYTES;
        let module = build(toolchain, STACK_BYTES + more)?;
        let kept = module.with_file_name(format!("larder_wasm_edge_{left}.wasm"));
        fs::copy(&module, &kept).with_context(|| format!("{} can't be copied", module.display()))?;
        command.arg(format!("{left}={}", kept.display()));
    }
    tally.cargo_test("wasm under Node, targets/wasm-edge", &mut command)
}

fn build(toolchain: &Toolchain, stack_bytes: u32) -> Result<PathBuf> {
    let environment = [("LARDER_STACK_BYTES", stack_bytes.to_string())];
    build_with(toolchain, PACKAGE, &format!("with a stack of {stack_bytes} bytes"), &environment)
}

/// Where the linker's data ends: the value of the export `__heap_base`.
fn heap_base(module: &Path) -> Result<u32> {
    let bytes = fs::read(module).with_context(|| format!("{} can't be read", module.display()))?;
    let mut constants = Vec::new();
    for payload in Parser::new(0).parse_all(&bytes) {
        match payload? {
            Payload::GlobalSection(globals) => {
                for global in globals {
                    constants.push(match global?.init_expr.get_operators_reader().read()? {
                        Operator::I32Const { value } => value as u32,
                        _ => 0,
                    });
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    if export.name == "__heap_base" {
                        return constants.get(export.index as usize).copied().context("__heap_base is no global");
                    }
                }
            }
            _ => {}
        }
    }
    anyhow::bail!("{} exports no __heap_base", module.display())
}
