//! How long interrupts are masked, for each board and policy: the firmware `latency` of `targets/interrupts`, run in QEMU.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::commit::Source;
use super::pages::{self, Page};
use super::table::{Table, grouped};
use crate::board::Name;
use crate::firmware::{Firmware, Policy};
use crate::{qemu, step};

const JSON: &str = "latency.json";
const LIMIT: Duration = Duration::from_secs(300);
const BOARDS: [(Name, &str); 3] =
    [(Name::CortexM0, "Cortex-M0"), (Name::CortexM3, "Cortex-M3"), (Name::CortexM4, "Cortex-M4F")];
/// What docs/benchmarks.md shows: kinds of calls, and their headings.
const SHOWN: [(&str, &str); 8] = [
    ("pooled", "pooled call"),
    ("refill", "refill"),
    ("retirement", "page given back"),
    ("large alloc", "large alloc"),
    ("large free", "large free"),
    ("realloc", "realloc"),
    ("refused", "refusal"),
    ("stats", "`stats`"),
];

#[derive(Args)]
pub struct Options {
    /// Only this board; the results in the repository stay as they are
    #[arg(long, value_enum)]
    board: Option<Name>,
}

/// What one firmware measured.
#[derive(Serialize, Deserialize)]
pub struct Measured {
    board: String,
    policy: String,
    kinds: Vec<Kind>,
}

/// A kind of call: how many there were, how many of them masked, and the longest masking in instructions.
#[derive(Serialize, Deserialize)]
struct Kind {
    kind: String,
    calls: u64,
    masking: u64,
    longest: u64,
}

pub fn run(options: &Options) -> Result<bool> {
    let source = Source::whole();
    let wanted = |name: &Name| options.board.is_none_or(|only| only.board().triple == name.board().triple);
    let boards: Vec<_> = BOARDS.into_iter().filter(|(name, _)| wanted(name)).collect();
    if boards.is_empty() {
        let known = BOARDS.map(|(_, title)| title).join(", ");
        bail!("masking is measured on {known} only");
    }
    let mut results = Vec::new();
    for (board, title) in boards {
        for policy in [Policy::CriticalSection, Policy::Try, Policy::Small] {
            results.push(measure(board, title, policy)?);
        }
    }
    result_line!("{}", summary(&results));
    if options.board.is_none() {
        pages::save(JSON, &results, &source, &["board", "kind"])?;
    }
    Ok(true)
}

fn measure(board: Name, title: &str, policy: Policy) -> Result<Measured> {
    let firmware = Firmware { binary: "latency".to_owned(), board, policy };
    let outcome = qemu::run(board.board(), &firmware.build_as("measured")?, LIMIT)?;
    if !outcome.success {
        bail!("the firmware failed; it said:\n{}", step::quote(&outcome.output));
    }
    let kinds: Result<Vec<Kind>, _> = outcome.output.lines().map(serde_json::from_str).collect();
    let policy = policy.to_possible_value().context("every policy has a name")?.get_name().to_owned();
    Ok(Measured { board: title.to_owned(), policy, kinds: kinds.context("the firmware prints a line a kind")? })
}

pub fn load() -> Result<Option<Vec<Measured>>> {
    pages::load(JSON)
}

pub fn pages() -> Result<Vec<Page>> {
    let Some(results) = load()? else { return Ok(Vec::new()) };
    Ok(vec![Page::new("latency.md", format!("{ABOUT}\n{}\n{}", summary(&results), details(&results)))])
}

/// The longest masking of a call that allocates, frees or resizes, on the Cortex-M3 with the default policy.
pub fn longest(results: &[Measured]) -> Option<u64> {
    let measured =
        results.iter().find(|measured| measured.board == "Cortex-M3" && measured.policy == "critical-section")?;
    let looks = ["stats", "trim", "check"];
    measured.kinds.iter().filter(|kind| !looks.contains(&kind.kind.as_str())).map(|kind| kind.longest).max()
}

/// The longest masking: a row a board and policy.
pub fn summary(results: &[Measured]) -> String {
    let mut head = vec!["longest masking, instructions"];
    head.extend(SHOWN.iter().map(|(_, heading)| heading));
    let mut table = Table::new(&head);
    for measured in results {
        let longest = |kind| measured.kind(kind).map_or("-".to_owned(), |kind| grouped(kind.longest as i64));
        let mut row = vec![format!("{}, `{}`", measured.board, measured.policy)];
        row.extend(SHOWN.iter().map(|(kind, _)| longest(kind)));
        table.row(row);
    }
    table.to_string()
}

fn details(results: &[Measured]) -> String {
    let mut table = Table::new(&["board, policy, kind of call", "calls", "that mask", "longest masking"]);
    for measured in results {
        for Kind { kind, calls, masking, longest } in &measured.kinds {
            let figures = [calls, masking, longest].map(|&figure| grouped(figure as i64));
            let mut row = vec![format!("{}, `{}`, {kind}", measured.board, measured.policy)];
            row.extend(figures);
            table.row(row);
        }
    }
    table.to_string()
}

impl Measured {
    fn kind(&self, name: &str) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.kind == name)
    }
}

const ABOUT: &str = "\
# How long interrupts are masked

Made by `cargo xtask bench latency`. Instructions from `cpsid` to `cpsie`, counted exactly in QEMU, opt-level \"s\"; the longest of each
kind of call in a random churn of a firmware's sizes in 48 KiB (8 KiB on the Cortex-M0), refusals included, and in heaps of which every other block
was freed, so that a request meets many runs that are a little too short. What was seen, not a proof that nothing is longer.

- **pooled**: small blocks of a page that their class has; **elsewhere**: small blocks that were resized, or allocated when their class
  had no page, so that they may lie anywhere
- **refill**, **retirement**: a class gets a page, a page is taken out of its class
- **refused**: before it says no, the heap gathers what it could still give back, one visit each
- **check** looks at the whole large tier in one visit: it is for tests
- with `small`, the heap that has neither pools nor a large tier, **pooled** are blocks of up to 64 bytes, **large** longer ones

Where there is no compare-and-swap (Cortex-M0), every read-modify-write of a pooled call, or of a `Small`, is a critical section of its own, and so is every load.
";
