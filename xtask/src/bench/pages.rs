//! What is kept in `benches/results`: what was measured, as JSON, and what is made of it, pages and plots.
//!
//! Pages and plots are only ever made of the JSON, by [`all`], so that they can be compared with it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{boards, host, latency, mcu, memory, size, wasm, wasm_threads};
use crate::{project, readme, step};

/// A file that is made of results.
pub struct Page {
    /// Its name in `benches/results`.
    pub file: &'static str,
    pub text: String,
}

impl Page {
    pub fn new(file: &'static str, text: String) -> Self {
        Self { file, text }
    }

    pub fn path(&self) -> PathBuf {
        directory().join(self.file)
    }
}

/// Everything that is made of the results there are.
pub fn all() -> Result<Vec<Page>> {
    let pages = [
        mcu::pages()?,
        boards::pages()?,
        latency::pages()?,
        memory::pages()?,
        wasm::pages()?,
        wasm_threads::pages()?,
        host::pages()?,
        size::pages()?,
    ];
    Ok(pages.into_iter().flatten().collect())
}

pub fn directory() -> PathBuf {
    project::root().join("benches/results")
}

/// What was measured; nothing if it never was.
pub fn load<T: DeserializeOwned>(file: &str) -> Result<Option<T>> {
    let path = directory().join(file);
    if !path.exists() {
        return Ok(None);
    }
    let parsed = serde_json::from_slice(&fs::read(&path)?);
    Ok(Some(parsed.with_context(|| format!("{} is not what it should be", path.display()))?))
}

/// Keeps what was measured, and writes again what is made of it: pages, plots and README.md.
///
/// A line for each object that begins with one of these keys: short, and a difference between two runs can be read.
pub fn save<T: Serialize>(file: &str, results: &T, line_keys: &[&str]) -> Result<()> {
    let mut text = serde_json::to_string(results)?;
    for key in line_keys {
        text = text.replace(&format!("{{\"{key}\""), &format!("\n{{\"{key}\""));
    }
    fs::create_dir_all(directory())?;
    fs::write(directory().join(file), text + "\n")?;
    step::note("the results are in benches/results");
    readme::refresh()
}
