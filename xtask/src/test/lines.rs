//! Projects that are made of the documents, and have to compile: the README's dependency lines and quick starts, beside the newest
//! version of their platforms' crates; and what is behind each diff of docs/migration.md.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::tally::Tally;
use crate::project;
use crate::toolchain::{self, Toolchain};

/// The version that the documents name.
const VERSION: &str = "0.1";

/// A program where the README has none.
const HEAP: &str = "\
#![no_std]

#[global_allocator]
static HEAP: larder::Heap<{ 16 * 1024 }> = larder::Heap::new();
";

/// What a platform is, besides its line in the README.
struct Platform {
    /// As the README calls it.
    name: &'static str,
    /// Its crates.
    crates: &'static str,
}

const PLATFORMS: [Platform; 6] = [
    Platform { name: "cortex-m-rt", crates: "cortex-m-rt = '*'\npanic-halt = '*'" },
    Platform {
        name: "embassy",
        crates: "embassy-executor = { version = '*', features = ['platform-cortex-m', 'executor-thread'] }",
    },
    Platform { name: "RTIC", crates: "rtic = { version = '*', features = ['thumbv7-backend'] }" },
    Platform { name: "RP2040", crates: "rp2040-hal = '*'" },
    Platform { name: "ESP32-C3", crates: "esp-hal = '*'" },
    Platform { name: "wasm-bindgen", crates: "wasm-bindgen = '*'" },
];

/// A row of the README's table.
#[derive(Debug)]
struct Row {
    platform: String,
    triple: String,
    /// Lines for `[dependencies]`.
    lines: Vec<String>,
}

/// Checks each row's project.
pub fn dependency_lines(tally: &mut Tally) -> Result<()> {
    let readme = document("README.md")?;
    let rows = rows(&readme)?;
    for Platform { name, crates } in PLATFORMS {
        let row = rows.iter().find(|row| row.platform == name);
        let row = row.with_context(|| format!("README.md has no dependency line for {name}"))?;
        let dependencies = dependencies(row, crates);
        let program = quick_start(&readme, name).unwrap_or(HEAP);
        let project = Project { name: format!("on-{}", name.to_lowercase()), dependencies: &dependencies, program };
        project.check(tally, &format!("the README's dependency line for {name}"), Some(&row.triple))?;
    }
    Ok(())
}

/// Checks what each diff leads to.
pub fn migrations(tally: &mut Tally) -> Result<()> {
    for Migration { name, triple, program } in migrations_in(&document("docs/migration.md")?)? {
        let dependencies = format!("larder = \"{}\"", VERSION);
        let project = Project { name: format!("from-{name}"), dependencies: &dependencies, program: &program };
        project.check(tally, &format!("the migration from {name}"), triple.as_deref())?;
    }
    Ok(())
}

fn document(file: &str) -> Result<String> {
    fs::read_to_string(project::root().join(file)).with_context(|| format!("{file} can't be read"))
}

/// A package of its own, with larder's lines as a document has them.
struct Project<'text> {
    name: String,
    dependencies: &'text str,
    program: &'text str,
}

impl Project<'_> {
    /// Checks it for a target, or for this machine.
    fn check(&self, tally: &mut Tally, title: &str, triple: Option<&str>) -> Result<()> {
        match self.command(triple) {
            Err(reason) => {
                tally.skip(title, &toolchain::first_line(&reason));
                Ok(())
            }
            Ok(mut command) => tally.check(title, &mut command),
        }
    }

    /// Writes it, has cargo fetch what it needs, and returns the command that checks it. An error: something can't be had here.
    fn command(&self, triple: Option<&str>) -> Result<Command> {
        let mut command = match triple {
            Some(triple) => Toolchain::for_target(triple)?.cargo("check"),
            None => {
                let mut command = project::cargo("check");
                command.arg("--target-dir").arg(project::root().join("target/documents/target"));
                command
            }
        };
        let manifest = self.write()?;
        for step in ["update", "fetch"] {
            let output = project::cargo(step).arg("--manifest-path").arg(&manifest).output()?;
            if !output.status.success() {
                bail!("cargo {step} can't get its crates: {}", last_line(&output.stderr));
            }
        }
        command.arg("--manifest-path").arg(&manifest);
        Ok(command)
    }

    /// Returns the path of the manifest.
    fn write(&self) -> Result<PathBuf> {
        let directory = project::root().join("target/documents").join(&self.name);
        let source = directory.join("src");
        if source.exists() {
            fs::remove_dir_all(&source)?;
        }
        fs::create_dir_all(&source)?;
        let file = if self.program.contains("no_main") { "main.rs" } else { "lib.rs" };
        fs::write(source.join(file), self.program)?;
        let manifest = directory.join("Cargo.toml");
        let text = format!(
            "# Made of a document by `cargo xtask test --only lines`.\n[package]\nname = '{}'\nversion = '0.0.0'\nedition = '2024'\n\n\
             [workspace]\n\n[dependencies]\n{}\n\n[patch.crates-io]\nlarder = {{ path = '{}' }}\n",
            self.name,
            self.dependencies,
            project::root().display(),
        );
        fs::write(&manifest, text)?;
        Ok(manifest)
    }
}

fn last_line(said: &[u8]) -> String {
    String::from_utf8_lossy(said).lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

/// What a diff of docs/migration.md leads to.
struct Migration {
    name: String,
    triple: Option<String>,
    program: String,
}

/// A diff stands behind a mark with a name, and a target if it is not for the host.
fn migrations_in(text: &str) -> Result<Vec<Migration>> {
    let parts = text.split("<!-- migration:").skip(1);
    let migration = |part: &str| {
        let (mark, rest) = part.split_once(" -->").context("a mark of docs/migration.md does not end")?;
        let diff = rest.split_once("```diff\n").and_then(|(_, rest)| rest.split_once("```"));
        let (diff, _) = diff.with_context(|| format!("docs/migration.md has no diff for {mark}"))?;
        let (name, triple) =
            mark.split_once(' ').map_or((mark, None), |(name, triple)| (name, Some(triple.to_owned())));
        Ok(Migration { name: name.to_owned(), triple, program: behind(diff) })
    };
    parts.map(migration).collect()
}

/// The lines that a diff leaves.
fn behind(diff: &str) -> String {
    let lines = diff.lines().filter(|line| !line.starts_with('-'));
    lines.map(|line| line.get(1..).unwrap_or_default().to_owned() + "\n").collect()
}

/// The row's lines, and those of the platform's crates that it does not name.
fn dependencies(row: &Row, crates: &str) -> String {
    let name = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
    let named: Vec<String> = row.lines.iter().map(|line| name(line)).collect();
    let others = crates.lines().filter(|line| !named.contains(&name(line))).map(str::to_owned);
    row.lines.iter().cloned().chain(others).collect::<Vec<_>>().join("\n")
}

/// The rows of the table behind the mark.
fn rows(readme: &str) -> Result<Vec<Row>> {
    let (_, rest) =
        readme.split_once("<!-- dependency-lines -->").context("README.md has no <!-- dependency-lines -->")?;
    let table = rest.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    table.skip(2).map(row).collect()
}

fn row(line: &str) -> Result<Row> {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [platform, triple, lines @ ..] = cells.as_slice() else { bail!("not a row of dependency lines: {line}") };
    let code = |cell: &&str| cell.trim_matches('`').to_owned();
    let lines: Vec<String> = lines.iter().map(code).filter(|line| !line.is_empty()).collect();
    if !lines.first().is_some_and(|line| line.starts_with("larder = ")) {
        bail!("no dependency on larder: {line}");
    }
    Ok(Row { platform: (*platform).to_owned(), triple: code(triple), lines })
}

/// The program behind a platform's mark, if the README has one.
fn quick_start<'readme>(readme: &'readme str, platform: &str) -> Option<&'readme str> {
    let (_, rest) = readme.split_once(&format!("<!-- quick-start:{platform} -->"))?;
    let (_, rest) = rest.split_once("```rust,ignore\n")?;
    Some(rest.split_once("```")?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readme() -> String {
        document("README.md").unwrap()
    }

    #[test]
    fn a_diff_leads_to_a_program() {
        let text = "<!-- migration:a wasm32 -->\n\n```diff\n-old\n+new\n same\n```\n<!-- migration:b -->\n\n```diff\n\n+x\n```\n";
        let migrations = migrations_in(text).unwrap();
        assert_eq!((migrations[0].name.as_str(), migrations[0].triple.as_deref()), ("a", Some("wasm32")));
        assert_eq!((migrations[0].program.as_str(), migrations[1].program.as_str()), ("new\nsame\n", "\nx\n"));
        assert!(migrations_in("<!-- migration:a -->").is_err());
        assert!(migrations_in(&document("docs/migration.md").unwrap()).unwrap().len() >= 5);
    }

    #[test]
    fn every_row_of_the_readme_is_a_platform_that_is_compiled() {
        let rows = rows(&readme()).unwrap();
        let named: Vec<&str> = rows.iter().map(|row| row.platform.as_str()).collect();
        assert_eq!(named, PLATFORMS.map(|platform| platform.name));
    }

    #[test]
    fn the_readme_has_two_quick_starts() {
        let readme = readme();
        assert!(quick_start(&readme, "cortex-m-rt").is_some_and(|program| program.contains("fn main() -> !")));
        assert!(quick_start(&readme, "wasm-bindgen").is_some_and(|program| program.contains("fn main()")));
        assert!(quick_start(&readme, "RTIC").is_none());
    }

    #[test]
    fn a_row_is_read_and_a_wrong_one_is_refused() {
        let row =
            row("| RTIC | `thumbv7m-none-eabi` | `larder = \"0.1\"` | `cortex-m = { version = \"0.7\" }` |").unwrap();
        assert_eq!((row.platform.as_str(), row.triple.as_str()), ("RTIC", "thumbv7m-none-eabi"));
        assert_eq!(row.lines, ["larder = \"0.1\"", "cortex-m = { version = \"0.7\" }"]);
        let all = dependencies(&row, "cortex-m = '*'\nrtic = '*'");
        assert_eq!(all, "larder = \"0.1\"\ncortex-m = { version = \"0.7\" }\nrtic = '*'");
        assert!(super::row("| RTIC | `thumbv7m-none-eabi` | |").is_err());
    }
}
