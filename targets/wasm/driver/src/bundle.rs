//! The page's files: the hand-written ones as they are, and of each wasm module what wasm-bindgen makes of it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

/// The modules, by the names that cargo gave them.
pub const MODULES: [&str; 5] = ["lab", "race_larder", "race_talc", "race_dlmalloc", "race_linked_list"];

/// Writes the page to `out`, from scratch. Returns how many bytes all of it has.
pub fn bundle(modules: &Path, site: &Path, out: &Path) -> Result<u64> {
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    fs::create_dir_all(out)?;
    for name in MODULES {
        let wasm = modules.join(name).with_extension("wasm");
        Bindgen::new()
            .input_path(&wasm)
            .web(true)?
            .typescript(false)
            .remove_name_section(true)
            .remove_producers_section(true)
            .omit_default_module_path(false)
            .generate(out)
            .with_context(|| format!("wasm-bindgen can't bundle {}", wasm.display()))?;
    }
    for file in fs::read_dir(site)? {
        let file = file?.path();
        fs::copy(&file, out.join(file.file_name().context("a file has a name")?))?;
    }
    weight(out)
}

/// Bytes of all files.
pub fn weight(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    for file in fs::read_dir(dir)? {
        bytes += file?.metadata()?.len();
    }
    Ok(bytes)
}
