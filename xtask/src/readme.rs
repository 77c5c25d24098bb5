//! Keeps the figures in README.md and docs/benchmarks.md, and the pages and plots in `benches/results`, those of the JSON there;
//! and the demo in docs/benchmarks.md what the demo says.
//!
//! A block is what stands between `<!-- bench:NAME -->` and `<!-- /bench -->`. None is written by hand: every benchmark
//! that changes the results writes the blocks again, and a test compares them.

mod figures;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use crate::bench::pages::{self, Page};
use crate::{demo, project, step};
use figures::Block;

/// The block that needs the emulator: written on demand alone.
const DEMO: &str = "demo";
const END: &str = "<!-- /bench -->";

/// A text with blocks in it.
struct Document {
    /// Its path in the repository.
    file: &'static str,
    /// Its blocks that are made of `benches/results`.
    figures: fn() -> Result<Vec<Block>>,
}

const README: Document = Document { file: "README.md", figures: figures::in_readme };
const BENCHMARKS: Document = Document { file: "docs/benchmarks.md", figures: figures::in_benchmarks };
const DOCUMENTS: [Document; 2] = [README, BENCHMARKS];

#[derive(Args)]
pub struct Options {
    /// Change nothing; fail when a figure in a document, or a page or plot, is not what the JSON in benches/results says
    #[arg(long)]
    check: bool,
    /// Run the demo as well, and show what it says now
    #[arg(long, conflicts_with = "check")]
    demo: bool,
}

pub fn run(options: &Options) -> Result<bool> {
    if options.check {
        return check();
    }
    refresh()?;
    if options.demo {
        let said = figures::demo(&demo::capture(&demo::Options::default())?);
        BENCHMARKS.write(&BENCHMARKS.with_block(&BENCHMARKS.read()?, DEMO, &said)?)?;
    }
    Ok(true)
}

/// Writes the figures into the documents again, and the pages and plots.
pub fn refresh() -> Result<()> {
    for page in pages::all()?.iter().filter(|page| !is_fresh(page)) {
        fs::write(page.path(), &page.text)?;
    }
    for document in &DOCUMENTS {
        let text = document.read()?;
        let filled = document.with_figures(&text)?;
        if filled != text {
            document.write(&filled)?;
            step::note(&format!("{} has the new figures", document.file));
        }
    }
    Ok(())
}

fn check() -> Result<bool> {
    let mut stale = Vec::new();
    for document in &DOCUMENTS {
        let text = document.read()?;
        if document.with_figures(&text)? != text {
            stale.push(document.file.to_owned());
        }
    }
    let pages = pages::all()?;
    stale.extend(pages.iter().filter(|page| !is_fresh(page)).map(|page| format!("benches/results/{}", page.file)));
    for name in &stale {
        note_line!("FAIL {name} is not what the results say: run `cargo xtask readme`");
    }
    Ok(stale.is_empty())
}

fn is_fresh(page: &Page) -> bool {
    fs::read_to_string(page.path()).is_ok_and(|text| text == page.text)
}

impl Document {
    fn path(&self) -> PathBuf {
        project::root().join(self.file)
    }

    fn read(&self) -> Result<String> {
        fs::read_to_string(self.path()).with_context(|| format!("{} can't be read", self.file))
    }

    fn write(&self, text: &str) -> Result<()> {
        fs::write(self.path(), text).with_context(|| format!("{} can't be written", self.file))
    }

    fn with_figures(&self, text: &str) -> Result<String> {
        let mut blocks = (self.figures)()?.into_iter();
        blocks.try_fold(text.to_owned(), |text, (name, block)| self.with_block(&text, name, &block))
    }

    /// The text with another block of that name.
    fn with_block(&self, text: &str, name: &str, block: &str) -> Result<String> {
        let begin = format!("<!-- bench:{name} -->");
        let (before, rest) = text.split_once(&begin).with_context(|| format!("{} has no {begin}", self.file))?;
        let (_, after) = rest.split_once(END).with_context(|| format!("{} has no {END} after {begin}", self.file))?;
        Ok(format!("{before}{begin}\n\n{}\n\n{END}{after}", block.trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_replaced_and_nothing_else() {
        let text = "a\n<!-- bench:x -->\nold\n<!-- /bench -->\nb <!-- bench:y --> <!-- /bench -->\n";
        let filled = README.with_block(text, "x", "new\n").unwrap();
        assert_eq!(filled, "a\n<!-- bench:x -->\n\nnew\n\n<!-- /bench -->\nb <!-- bench:y --> <!-- /bench -->\n");
        assert!(README.with_block(text, "z", "").is_err());
    }

    #[test]
    fn the_figures_in_the_documents_are_those_of_the_results() {
        assert!(check().unwrap());
    }

    /// A block that nothing writes would keep its figures for ever.
    #[test]
    fn every_block_in_a_document_is_written_by_this_command() {
        for document in &DOCUMENTS {
            let text = document.read().unwrap();
            let marks = text.split("<!-- bench:").skip(1);
            let found: Vec<&str> = marks.map(|rest| rest.split(" -->").next().unwrap()).collect();
            assert!(!found.is_empty(), "{} has no block", document.file);
            let written: Vec<&str> = (document.figures)().unwrap().iter().map(|(name, _)| *name).collect();
            let strange: Vec<_> = found.iter().filter(|name| **name != DEMO && !written.contains(name)).collect();
            assert!(strange.is_empty(), "{}: {strange:?}", document.file);
        }
    }
}
