//! What larder's calls take on each board: the firmware of `targets/counts`, run in QEMU.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::commit::Source;
use super::pages::{self, Page};
use super::table::{Table, fixed, grouped};
use crate::board::{Board, Name};
use crate::toolchain::Toolchain;
use crate::{project, qemu, step};

const JSON: &str = "boards.json";
/// The package of the firmware.
pub const PACKAGE: &str = "larder-counts";
const LIMIT: Duration = Duration::from_secs(120);
/// `targets/counts/src/count.rs` relies on the 1,024 ns an instruction.
const SHIFT: u32 = 10;

/// One board for each kind of core.
const BOARDS: [(Name, &str); 6] = [
    (Name::CortexM0, "Cortex-M0"),
    (Name::CortexM3, "Cortex-M3"),
    (Name::CortexM4, "Cortex-M4F"),
    (Name::CortexM33, "Cortex-M33"),
    (Name::RiscvImac, "RV32IMAC"),
    (Name::RiscvImc, "RV32IMC"),
];

#[derive(Args)]
pub struct Options {
    /// Only this board; the results in the repository stay as they are
    #[arg(long, value_enum)]
    board: Option<Name>,
}

/// What `benches/results/boards.json` has of a board.
#[derive(Serialize, Deserialize)]
pub struct Measured {
    core: String,
    target: String,
    figures: Vec<Figure>,
}

/// The calls of one kind, in instructions.
#[derive(Serialize, Deserialize)]
struct Figure {
    /// `pooled` or `large`.
    workload: String,
    /// `alloc` and `free`: what the call takes. `masked`, and `masked-try` under the policy `Try`: for how long it masks interrupts, at most
    /// at a time.
    figure: String,
    calls: u64,
    median: u64,
    average: f64,
    most: u64,
}

pub fn run(options: &Options) -> Result<bool> {
    let source = Source::whole();
    let wanted = |name: Name| options.board.is_none_or(|only| only.board().triple == name.board().triple);
    let mut results = Vec::new();
    for (name, core) in BOARDS.into_iter().filter(|(name, _)| wanted(*name)) {
        results.push(measure(name.board(), core).with_context(|| format!("on {name}"))?);
    }
    result_line!("{}", summary(&results));
    if options.board.is_none() {
        pages::save(JSON, &results, &source, &["core", "workload"])?;
    }
    Ok(true)
}

fn measure(board: &Board, core: &str) -> Result<Measured> {
    let mut figures = Vec::new();
    for binary in ["counts", "masked", "masked-try"] {
        let outcome = qemu::run_at(board, &build(board, binary)?, LIMIT, SHIFT)?;
        if !outcome.success {
            bail!("the firmware failed; it said:\n{}", step::quote(&outcome.output));
        }
        let parsed: Option<Vec<Figure>> = outcome.output.lines().map(Figure::parse).collect();
        let parsed = parsed.with_context(|| format!("{binary} said what can't be read:\n{}", outcome.output))?;
        figures.extend(parsed.into_iter().map(|figure| figure.of(binary)));
    }
    Ok(Measured { core: core.to_owned(), target: board.triple.to_owned(), figures })
}

/// `masked` and `masked-try` bring a critical section of their own, which measures.
fn build(board: &Board, binary: &str) -> Result<PathBuf> {
    let toolchain = Toolchain::for_target(board.triple)?;
    let mut command = toolchain.cargo("build");
    command.args(["--profile", "measured", "--package", PACKAGE, "--bin", binary]);
    command.args(binary.starts_with("masked").then_some("--no-default-features"));
    command.arg("--manifest-path").arg(project::root().join("targets/Cargo.toml"));
    step::require(&format!("build {binary} for {}", board.triple), &mut command)?;
    Ok(toolchain.binary("measured", binary))
}

impl Figure {
    /// Says which binary measured it: what `masked-try` says of its masking is not what `masked` does.
    fn of(mut self, binary: &str) -> Self {
        if binary == "masked-try" {
            self.figure = binary.to_owned();
        }
        self
    }

    /// `pooled alloc 2023 50 62.1 639`
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (workload, figure) = (words.next()?.to_owned(), words.next()?.to_owned());
        let (calls, median) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let (average, most) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        words.next().is_none().then_some(Self { workload, figure, calls, median, average, most })
    }
}

pub fn load() -> Result<Option<Vec<Measured>>> {
    pages::load(JSON)
}

pub fn pages() -> Result<Vec<Page>> {
    let Some(results) = load()? else { return Ok(Vec::new()) };
    Ok(vec![Page::new("boards.md", format!("{ABOUT}\n{}", summary(&results)))])
}

/// A row for each core.
pub fn summary(results: &[Measured]) -> String {
    let mut table = Table::new(&[
        "instructions",
        "pooled alloc / free, median",
        "average",
        "most",
        "large alloc / free, average",
        "most",
        "masked, pooled median",
        "masked, most of all",
        "under `try`, most of all",
    ]);
    for measured in results {
        let both = |workload, show: fn(&Figure) -> String| {
            ["alloc", "free"].map(|figure| measured.show(workload, figure, show)).join(" / ")
        };
        let average = |figure: &Figure| fixed(Some(figure.average), 0);
        let most = |figure: &Figure| grouped(figure.most as i64);
        let median = |figure: &Figure| figure.median.to_string();
        table.row(vec![
            format!("{}, `{}`", measured.core, measured.target),
            both("pooled", median),
            both("pooled", average),
            both("pooled", most),
            both("large", average),
            both("large", most),
            measured.show("pooled", "masked", median),
            measured.longest("masked"),
            measured.longest("masked-try"),
        ]);
    }
    table.to_string()
}

impl Measured {
    /// The most of any workload.
    fn longest(&self, name: &str) -> String {
        let most = self.figures.iter().filter(|figure| figure.figure == name).map(|figure| figure.most).max();
        most.map_or("-".to_owned(), |most| grouped(most as i64))
    }

    fn show(&self, workload: &str, name: &str, show: impl Fn(&Figure) -> String) -> String {
        let figure = self.figures.iter().find(|figure| figure.workload == workload && figure.figure == name);
        figure.map_or("-".to_owned(), show)
    }
}

const ABOUT: &str = "\
# What calls take on each core

Made by `cargo xtask bench boards`. Instructions from call to return, counted exactly in QEMU and checked at each start against functions
of known length; opt-level \"s\", an arena of 8 KiB on each board, the default policy and large tier, one core, no interrupts.

- **pooled**: a random churn of 8 to 64 bytes, about half the arena in use. The median is a call that needs no page.
- **large**: a random churn of 65 to 600 bytes, three quarters of the arena in use; requests that are refused are left out.
- **masked**: for how long a call masks interrupts, between masking and unmasking: the median of the pooled calls, and the longest of all
  calls, refills and refusals included, under the default policy and under `Try`. Where there is no compare-and-swap, every read-modify-write of a pooled call is a critical section of its own.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_firmware_is_read() {
        let figure = Figure::parse("large free 1945 337 334.4 389").unwrap();
        assert_eq!((figure.workload.as_str(), figure.figure.as_str()), ("large", "free"));
        assert_eq!((figure.calls, figure.median, figure.average, figure.most), (1945, 337, 334.4, 389));
        assert!(Figure::parse("panicked at counts").is_none());
        assert!(Figure::parse("large free 1 2 3 4 5").is_none());
    }

    #[test]
    fn the_longest_masking_is_that_of_any_workload_under_that_policy() {
        let lines = [
            ("masked", "pooled masked 4000 13 20.7 539"),
            ("masked", "large masked 3927 352 346.0 1880"),
            ("masked", "large alloc 3927 500 510.0 9999"),
            ("masked-try", "large masked 3927 13 13.0 2014"),
        ];
        let figures = lines.map(|(binary, line)| Figure::parse(line).unwrap().of(binary)).into();
        let measured = Measured { core: String::new(), target: String::new(), figures };
        assert_eq!(measured.longest("masked"), "1,880");
        // Whatever `masked-try` measures is its masking.
        assert_eq!(measured.longest("masked-try"), "2,014");
        assert_eq!(measured.longest("masked-spin"), "-");
    }
}
