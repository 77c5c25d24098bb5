//! The outputs in `docs/tools.md`: each block behind a line `<!-- run: ARGUMENTS -->` is what `larder-tools` prints.
//!
//! A line `<!-- measure: ARGUMENTS -->` is for outputs that differ from machine to machine.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Parser;

use crate::commands::Command;

/// Where the document is.
pub fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/tools.md")
}

/// Runs a command line on the files of a folder.
///
/// # Errors
/// As the command.
pub fn run(line: &str, folder: &Path) -> Result<String> {
    // A word with an ending is a file, in the folder unless it says where it is.
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let is_file =
        |word: &str| !word.starts_with('-') && (word.contains('.') || ["broken", "missing", "out"].contains(&word));
    let words = line.split_whitespace().map(|word| match word {
        word if word.starts_with("benches/") => repository.join(word).into_os_string(),
        word if is_file(word) => folder.join(word).into_os_string(),
        word => word.into(),
    });
    Command::try_parse_from(std::iter::once("larder-tools".into()).chain(words))?.text()
}

/// The document with fresh outputs; those that differ from machine to machine only if `measured`.
///
/// # Errors
/// If a command fails, or a block has no end.
pub fn make(text: &str, measured: bool) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let mut out = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        out += line;
        out += "\n";
        let command = |kind: &str| line.strip_prefix(kind)?.strip_suffix("-->").map(str::trim);
        let Some(command) = command("<!-- run:").or(command("<!-- measure:").filter(|_| measured)) else { continue };
        let printed = run(command, folder.path()).with_context(|| command.to_owned())?;
        if printed.is_empty() {
            continue;
        }
        if lines.next() != Some("```text") {
            bail!("a block must begin with ```text directly behind the line of {command}");
        }
        lines.by_ref().find(|&line| line == "```").context("a block has no end")?;
        out += &format!("```text\n{}\n```\n", printed.trim_end());
    }
    Ok(out)
}
