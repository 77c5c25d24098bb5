//! What an allocator adds to a firmware: flash, also by symbol, and RAM besides the arena.
//!
//! `benches/mcu/src/bin/size.rs` calls `alloc`, `realloc` and `dealloc` once each. What it has more than the same program
//! without an allocator is counted.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use object::elf::SHF_ALLOC;
use object::{File, Object, ObjectSection, ObjectSymbol, SectionFlags, SectionKind, SymbolKind};
use rustc_demangle::demangle;

use super::firmware::{Bench, Kind, Level};
use super::results::Footprint;
use crate::bench::size::Added;

/// What the other firmwares are compared with.
const NOTHING: &str = "none";
const ARENA_BYTES: i64 = 64 * 1024;

pub fn footprint(bench: &Bench, feature: &str, level: Level) -> Result<Footprint> {
    let (with, without) = images(bench, feature, level, Kind::Plain)?;
    let charged = images(bench, feature, level, Kind::Charged)?;
    let arena_bytes = if feature == super::FLOOR { with.largest_in_ram } else { ARENA_BYTES };
    Ok(Footprint {
        code_bytes: with.flash_bytes - without.flash_bytes,
        code_bytes_charged: charged.0.flash_bytes - charged.1.flash_bytes,
        state_bytes: with.ram_bytes - without.ram_bytes - arena_bytes,
    })
}

/// The compiler of the firmware, as it says itself.
pub fn compiler(bench: &Bench) -> Result<String> {
    let data = fs::read(bench.build("size", NOTHING, Level::Size, Kind::Plain)?)?;
    let file = File::parse(&*data)?;
    let comment = file.section_by_name(".comment").context("the firmware does not say what compiled it")?;
    let comment = String::from_utf8_lossy(comment.data()?).into_owned();
    let compiler = comment.split('\0').find(|part| part.starts_with("rustc"));
    Ok(compiler.unwrap_or("an unknown compiler").to_owned())
}

/// The program with the allocator, and the one without.
fn images(bench: &Bench, feature: &str, level: Level, kind: Kind) -> Result<(Image, Image)> {
    let image = |feature| Image::read(&bench.build("size", feature, level, kind)?);
    Ok((image(feature)?, image(NOTHING)?))
}

/// What the firmware has more with an allocator, by symbol.
pub fn added_symbols(bench: &Bench, feature: &str, level: Level) -> Result<Added> {
    let (with, without) = images(bench, feature, level, Kind::Plain)?;
    Ok(Added::new(with.flash_bytes - without.flash_bytes, &with.in_flash, &without.in_flash))
}

/// A firmware's sections and symbols.
struct Image {
    flash_bytes: i64,
    ram_bytes: i64,
    largest_in_ram: i64,
    /// By demangled name.
    in_flash: BTreeMap<String, i64>,
}

impl Image {
    fn read(elf: &Path) -> Result<Self> {
        let data = fs::read(elf).with_context(|| elf.display().to_string())?;
        let file = File::parse(&*data)?;
        let flash_bytes = flash_bytes(&file);
        let mut image = Self { flash_bytes, ram_bytes: 0, largest_in_ram: 0, in_flash: BTreeMap::new() };
        for symbol in file.symbols() {
            let bytes = symbol.size() as i64;
            match symbol.kind() {
                SymbolKind::Data if is_in_ram(symbol.address()) => {
                    image.ram_bytes += bytes;
                    image.largest_in_ram = image.largest_in_ram.max(bytes);
                }
                SymbolKind::Data | SymbolKind::Text => {
                    let name = format!("{:#}", demangle(symbol.name().unwrap_or("?")));
                    // A constant without a name has one that changes with every build.
                    if !name.starts_with(".L") {
                        *image.in_flash.entry(name).or_default() += bytes;
                    }
                }
                _ => {}
            }
        }
        Ok(image)
    }
}

fn is_in_ram(address: u64) -> bool {
    (0x2000_0000..0x4000_0000).contains(&address)
}

/// Every section that is loaded: code, constants and initial values.
fn flash_bytes(file: &File) -> i64 {
    let loaded = file.sections().filter(|section| {
        let SectionFlags::Elf { sh_flags, .. } = section.flags() else { return false };
        sh_flags.0 & SHF_ALLOC.0 != 0 && section.kind() != SectionKind::UninitializedData
    });
    loaded.map(|section| section.size() as i64).sum()
}
