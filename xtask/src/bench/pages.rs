//! What is kept in `benches/results`: what was measured, as JSON, and what is made of it, pages and plots.
//!
//! Pages and plots are only ever made of the JSON, by [`all`], so that they can be compared with it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::commit::{self, Commits, Source};
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
    pages.into_iter().flatten().map(with_commit).collect()
}

/// The page with a line below its title that says what was measured, as far as the JSON of that name knows.
fn with_commit(page: Page) -> Result<Page> {
    let Some(name) = page.file.strip_suffix(".md") else { return Ok(page) };
    let kept = read::<IgnoredAny>(&format!("{name}.json"))?;
    let Some(line) = kept.and_then(|kept| commit::sentence(&kept.commits)) else { return Ok(page) };
    let (title, text) = page.text.split_once("\n\n").with_context(|| format!("{} has no title", page.file))?;
    Ok(Page::new(page.file, format!("{title}\n\n{line}\n\n{text}")))
}

/// A file of results.
#[derive(Serialize, Deserialize)]
struct Kept<T> {
    #[serde(default)]
    commits: Commits,
    results: T,
}

pub fn directory() -> PathBuf {
    project::root().join("benches/results")
}

/// What was measured; nothing if it never was.
pub fn load<T: DeserializeOwned>(file: &str) -> Result<Option<T>> {
    Ok(read(file)?.map(|kept| kept.results))
}

fn read<T: DeserializeOwned>(file: &str) -> Result<Option<Kept<T>>> {
    let path = directory().join(file);
    if !path.exists() {
        return Ok(None);
    }
    let parsed = parse(&fs::read(&path)?);
    Ok(Some(parsed.with_context(|| format!("{} is not what it should be", path.display()))?))
}

/// Files that are older than the commits in them have the results alone.
fn parse<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<Kept<T>> {
    let value: Value = serde_json::from_slice(text)?;
    if value.get("results").is_some() {
        return serde_json::from_value(value);
    }
    Ok(Kept { commits: Commits::new(), results: serde_json::from_value(value)? })
}

/// Keeps what was measured, and writes again what is made of it: pages, plots and documents.
///
/// A line for each object that begins with one of these keys: short, and a difference between two runs can be read.
pub fn save<T: Serialize>(file: &str, results: &T, source: &Source, line_keys: &[&str]) -> Result<()> {
    let mut commits = read::<IgnoredAny>(file)?.map_or_else(Commits::new, |kept| kept.commits);
    source.note(&mut commits);
    let mut text = serde_json::to_string(&Kept { commits, results })?;
    for key in line_keys {
        text = text.replace(&format!("{{\"{key}\""), &format!("\n{{\"{key}\""));
    }
    fs::create_dir_all(directory())?;
    fs::write(directory().join(file), text + "\n")?;
    step::note("the results are in benches/results");
    readme::refresh()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_with_their_commits_or_without() {
        let with: Kept<Vec<u32>> = parse(br#"{"commits": {"all": "1234567"}, "results": [1, 2]}"#).unwrap();
        assert_eq!((with.commits["all"].as_str(), with.results), ("1234567", vec![1, 2]));
        let without: Kept<Vec<u32>> = parse(b"[1, 2]").unwrap();
        assert_eq!((without.commits, without.results), (Commits::new(), vec![1, 2]));
    }
}
