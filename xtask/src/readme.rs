//! Keeps the figures in README.md, and the pages and plots in `benches/results`, those of the JSON there; and the README's demo
//! what the demo says.
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

/// The block that needs the emulator: written on demand alone.
const DEMO: &str = "demo";
const END: &str = "<!-- /bench -->";

#[derive(Args)]
pub struct Options {
    /// Change nothing; fail when a figure in README.md, or a page or plot, is not what the JSON in benches/results says
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
        let text = fs::read_to_string(path())?;
        fs::write(path(), with_block(&text, DEMO, &figures::demo(&demo::capture(&demo::Options::default())?))?)?;
    }
    Ok(true)
}

/// Writes the figures into README.md again, and the pages and plots.
pub fn refresh() -> Result<()> {
    for page in pages::all()?.iter().filter(|page| !is_fresh(page)) {
        fs::write(page.path(), &page.text)?;
    }
    let text = fs::read_to_string(path())?;
    let filled = with_figures(&text)?;
    if filled != text {
        fs::write(path(), filled)?;
        step::note("README.md has the new figures");
    }
    Ok(())
}

fn check() -> Result<bool> {
    let text = fs::read_to_string(path())?;
    let readme = (with_figures(&text)? != text).then(|| "README.md".to_owned());
    let pages =
        pages::all()?.into_iter().filter(|page| !is_fresh(page)).map(|page| format!("benches/results/{}", page.file));
    let stale: Vec<String> = readme.into_iter().chain(pages).collect();
    for name in &stale {
        eprintln!("FAIL {name} is not what the results say: run `cargo xtask readme`");
    }
    Ok(stale.is_empty())
}

fn is_fresh(page: &Page) -> bool {
    fs::read_to_string(page.path()).is_ok_and(|text| text == page.text)
}

fn path() -> PathBuf {
    project::root().join("README.md")
}

fn with_figures(text: &str) -> Result<String> {
    figures::all()?.into_iter().try_fold(text.to_owned(), |text, (name, block)| with_block(&text, name, &block))
}

/// The text with another block of that name.
fn with_block(text: &str, name: &str, block: &str) -> Result<String> {
    let begin = format!("<!-- bench:{name} -->");
    let (before, rest) = text.split_once(&begin).with_context(|| format!("README.md has no {begin}"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("README.md has no {END} after {begin}"))?;
    Ok(format!("{before}{begin}\n\n{}\n\n{END}{after}", block.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_replaced_and_nothing_else() {
        let text = "a\n<!-- bench:x -->\nold\n<!-- /bench -->\nb <!-- bench:y --> <!-- /bench -->\n";
        let filled = with_block(text, "x", "new\n").unwrap();
        assert_eq!(filled, "a\n<!-- bench:x -->\n\nnew\n\n<!-- /bench -->\nb <!-- bench:y --> <!-- /bench -->\n");
        assert!(with_block(text, "z", "").is_err());
    }

    #[test]
    fn the_figures_in_the_readme_are_those_of_the_results() {
        assert!(check().unwrap());
    }
}
