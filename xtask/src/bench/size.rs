//! Where larder's bytes are: flash on a Cortex-M3 and code in a wasm module, by symbol. Kept in `benches/results/size.md`, so
//! that a change shows what grew.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use clap::Args;
use serde::{Deserialize, Serialize};

use super::commit::Source;
use super::mcu::firmware::{Bench, Level};
use super::mcu::size::added_symbols;
use super::names;
use super::pages::{self, Page};
use super::table::{Table, grouped};
use super::wasm::code;
use super::wasm::module::{Image, Modules};

const JSON: &str = "size.json";

#[derive(Args)]
pub struct Options {
    /// These allocators, by feature of benches/mcu or benches/wasm, instead of every variant of larder; the results in the
    /// repository stay as they are
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

impl Options {
    fn wants(&self, feature: &str, is_ours: bool) -> bool {
        if self.only.is_empty() { is_ours } else { self.only.iter().any(|wanted| wanted == feature) }
    }
}

/// What a program has more with an allocator than without.
#[derive(Clone, Serialize, Deserialize)]
pub struct Added {
    pub bytes: i64,
    /// By name; what is in none of them are constants and padding.
    pub symbols: BTreeMap<String, i64>,
}

impl Added {
    pub fn new(bytes: i64, with: &BTreeMap<String, i64>, without: &BTreeMap<String, i64>) -> Self {
        let more = with.iter().map(|(name, bytes)| (name.clone(), bytes - without.get(name).unwrap_or(&0)));
        Self { bytes, symbols: more.filter(|&(_, bytes)| bytes != 0).collect() }
    }
}

/// One configuration on one target.
#[derive(Serialize, Deserialize)]
struct Size {
    title: String,
    target: String,
    level: String,
    added: Added,
}

pub fn run(options: &Options) -> Result<bool> {
    let source = Source::whole();
    let (bench, modules) = (Bench::new()?, Modules::new()?);
    names::check("allocator", &options.only, features(&bench, &modules))?;
    let mut sizes = Vec::new();
    measure_firmware(&bench, options, &mut sizes)?;
    measure_modules(&modules, options, &mut sizes)?;
    result_line!("{}", tables(&sizes));
    if options.only.is_empty() {
        pages::save(JSON, &sizes, &source, &["title"])?;
    }
    Ok(true)
}

pub fn pages() -> Result<Vec<Page>> {
    let Some(sizes) = pages::load::<Vec<Size>>(JSON)? else { return Ok(Vec::new()) };
    Ok(vec![Page::new("size.md", format!("{ABOUT}\n{}", tables(&sizes)))])
}

const ABOUT: &str = "\
# Where the bytes are

What larder adds to a program that allocates, frees and resizes, by symbol. Made by `cargo xtask bench size`. Copying functions (`memcpy` and
the like) are not counted in firmware, which has them anyway; wasm has instructions for them.
";

/// Every allocator that is in firmware, in wasm modules or in both, once.
fn features<'a>(bench: &'a Bench, modules: &'a Modules) -> BTreeSet<&'a str> {
    let in_firmware = bench.allocators.iter().map(|allocator| allocator.feature.as_str());
    in_firmware.chain(modules.allocators.iter().map(|allocator| allocator.feature.as_str())).collect()
}

fn measure_firmware(bench: &Bench, options: &Options, sizes: &mut Vec<Size>) -> Result<()> {
    for allocator in bench.allocators.iter().filter(|allocator| options.wants(&allocator.feature, allocator.is_ours()))
    {
        for level in [Level::Size, Level::Speed] {
            let added = added_symbols(bench, &allocator.feature, level)?;
            sizes.push(Size::new(&allocator.title, "Cortex-M3", &level.to_string(), added));
        }
    }
    Ok(())
}

fn measure_modules(modules: &Modules, options: &Options, sizes: &mut Vec<Size>) -> Result<()> {
    for allocator in
        modules.allocators.iter().filter(|allocator| options.wants(&allocator.feature, allocator.is_ours()))
    {
        for level in code::LEVELS {
            let image = |feature: &str| Image::read(&modules.build("size", feature, level)?);
            let (with, without) = (image(&allocator.feature)?, image(code::NOTHING)?);
            let added = Added::new(with.bytes - without.bytes, &with.functions, &without.functions);
            sizes.push(Size::new(&allocator.title, "wasm32", level.name(), added));
        }
    }
    Ok(())
}

impl Size {
    fn new(title: &str, target: &str, level: &str, added: Added) -> Self {
        Self { title: title.to_owned(), target: target.to_owned(), level: level.to_owned(), added }
    }
}

/// The sums, then the symbols of each.
fn tables(sizes: &[Size]) -> String {
    let mut sums = Table::new(&["", "target", "opt-level", "bytes"]);
    for size in sizes {
        sums.row(vec![size.title.clone(), size.target.clone(), size.level.clone(), grouped(size.added.bytes)]);
    }
    let each = sizes.iter().map(|size| {
        format!("\n## {}, {}, opt-level {}\n\n{}", size.title, size.target, size.level, symbols(&size.added))
    });
    each.fold(sums.to_string(), |text, table| text + &table)
}

fn symbols(added: &Added) -> Table {
    let mut largest_first: Vec<(&String, &i64)> = added.symbols.iter().collect();
    largest_first.sort_by_key(|&(name, bytes)| (-bytes, name));
    let mut table = Table::new(&["symbol", "bytes"]);
    for (name, &bytes) in largest_first {
        table.row(vec![format!("`{name}`"), grouped(bytes)]);
    }
    let named: i64 = added.symbols.values().sum();
    table.row(vec!["constants, padding".to_owned(), grouped(added.bytes - named)]);
    table.row(vec!["**in all**".to_owned(), format!("**{}**", grouped(added.bytes))]);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols_of(named: &[(&str, i64)]) -> BTreeMap<String, i64> {
        named.iter().map(|&(name, bytes)| (name.to_owned(), bytes)).collect()
    }

    #[test]
    fn only_what_is_more_is_counted() {
        let added = Added::new(10, &symbols_of(&[("a", 7), ("b", 5)]), &symbols_of(&[("a", 7), ("b", 3), ("c", 4)]));
        assert_eq!(added.symbols, symbols_of(&[("b", 2)]));
        let table = symbols(&added).to_string();
        let rest = table.lines().find(|line| line.contains("constants, padding")).unwrap();
        assert!(rest.ends_with(" 8 |"), "{rest}");
    }
}
