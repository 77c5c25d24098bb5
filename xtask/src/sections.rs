//! How large a firmware's sections are.

use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;
use object::{Object, ObjectSection};

use crate::firmware::Firmware;

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    firmware: Firmware,
}

/// Prints a line for each section: its name and its bytes.
pub fn run_command(options: &Options) -> Result<bool> {
    for (name, bytes) in of(&options.firmware.build()?)? {
        result_line!("{name} {bytes}");
    }
    Ok(true)
}

fn of(elf: &Path) -> Result<Vec<(String, u64)>> {
    let data = std::fs::read(elf)?;
    let file = object::File::parse(&*data).with_context(|| format!("{} is no ELF file", elf.display()))?;
    let sections = file.sections().filter_map(|section| Some((section.name().ok()?.to_owned(), section.size())));
    Ok(sections.filter(|(name, _)| !name.is_empty()).collect())
}
