//! The blocks of README.md and docs/benchmarks.md.

use anyhow::{Context, Result};

use crate::bench::mcu::results::{Allocator, Measured, Results};
use crate::bench::mcu::tables::{self, LIFO};
use crate::bench::table::{Table, grouped};
use crate::bench::{boards, host, latency, mcu, memory, wasm, wasm_threads};

/// The rows that are larder's own, and the one that is no allocator.
const LARDER: &str = "larder";
const LARDER_TRY: &str = "larder-try";
const LARDER_SMALL: &str = "larder-small";
const FLOOR: &str = "bump";
/// What firmware is mostly built with, and what the documents show.
const LEVEL: &str = "s";
/// Where plots are, as docs/benchmarks.md sees it.
const RESULTS: &str = "../benches/results";

/// A name, and what stands between its marks.
pub type Block = (&'static str, String);

/// The blocks of README.md, by name.
pub fn in_readme() -> Result<Vec<Block>> {
    let results = mcu_results()?;
    let promises =
        promises(&results, latency::load()?.as_deref()) + &frugal(memory::load()?.as_ref()) + &small(&results);
    Ok(vec![("promises", promises)])
}

/// The blocks of docs/benchmarks.md, by name.
pub fn in_benchmarks() -> Result<Vec<Block>> {
    let results = mcu_results()?;
    Ok(vec![
        ("mcu", beside(&results)),
        ("ahead", comparison(&results, Side::Larder)),
        ("behind", comparison(&results, Side::Peers)),
        ("memory", with_plot("memory", memory::load()?.map(|figures| memory::summary(&figures)))),
        ("wasm", with_plot("wasm", wasm::load()?.map(|results| wasm::summary(&results)))),
        (
            "wasm-threads",
            without_plot("wasm-threads", wasm_threads::load()?.map(|results| wasm_threads::summary(&results))),
        ),
        ("boards", without_plot("boards", boards::load()?.map(|results| boards::summary(&results)))),
        ("latency", without_plot("latency", latency::load()?.map(|results| latency::summary(&results)))),
        ("host", without_plot("host", host::block(RESULTS)?)),
    ])
}

fn mcu_results() -> Result<Results> {
    mcu::load()?.context("benches/results has no mcu.json: run `cargo xtask bench mcu`")
}

/// One figure of the comparison.
struct Figure {
    title: &'static str,
    of: fn(&Measured) -> Option<f64>,
    /// How it is written.
    show: fn(f64) -> String,
    /// Whether more is better.
    more: bool,
}

const FIGURES: [Figure; 17] = [
    less("alloc on the common path", |measured| measured.mean_of(&LIFO, "alloc", |calls| calls.p50 as f64)),
    less("free on the common path", |measured| measured.mean_of(&LIFO, "dealloc", |calls| calls.p50 as f64)),
    less("alloc, stacks of one size, average", |measured| measured.average(&LIFO, "alloc")),
    less("alloc, churn of 8 to 64 bytes, average", |measured| measured.average(&["churn-small-75"], "alloc")),
    less("free, churn of 8 to 64 bytes, average", |measured| measured.average(&["churn-small-75"], "dealloc")),
    less("alloc, churn of a firmware's mix, average", |measured| measured.average(&["churn-mix-75"], "alloc")),
    less("free, churn of a firmware's mix, average", |measured| measured.average(&["churn-mix-75"], "dealloc")),
    less("longest alloc that was served", |measured| worst(measured, "alloc", false)),
    less("longest refused request", |measured| worst(measured, "alloc", true)),
    less("longest free", |measured| worst(measured, "dealloc", false)),
    less("longest realloc, its copy excluded", |measured| worst(measured, "realloc", false)),
    less("a program of collections, above the floor", |measured| {
        measured.extra("collections", "instructions").map(|count| count as f64)
    }),
    // Whoever masks nothing because no handler may use it, does not compete.
    less("longest masking of interrupts", |measured| Some(longest_masked(measured) as f64).filter(|&most| most > 0.0)),
    Figure {
        title: "calls that mask interrupts, churn of 8 to 64 bytes",
        of: |measured| Some(masking_percent(measured)).filter(|&share| share > 0.0),
        show: |share| format!("{share:.1} %"),
        more: false,
    },
    Figure {
        title: "RAM besides the arena, bytes",
        of: |measured| Some(measured.footprint.state_bytes as f64),
        show: number,
        more: false,
    },
    Figure {
        title: "flash, bytes",
        of: |measured| Some(measured.footprint.code_bytes as f64),
        show: number,
        more: false,
    },
    Figure {
        title: "arena in use at the first refusal, firmware's mix",
        of: |measured| measured.extra("exhaust-mix", "in_use").map(|share| share as f64 / 100.0),
        show: |share| format!("{share:.1} %"),
        more: true,
    },
];

/// Instructions: the fewer, the better.
const fn less(title: &'static str, of: fn(&Measured) -> Option<f64>) -> Figure {
    Figure { title, of, show: number, more: false }
}

fn number(figure: f64) -> String {
    grouped(figure.round() as i64)
}

fn worst(measured: &Measured, operation: &str, is_refused: bool) -> Option<f64> {
    let worst = measured.all(operation).map(|(_, calls)| if is_refused { calls.refused_most } else { calls.most });
    worst.max().map(|worst| worst as f64)
}

/// The promises that have a number.
fn promises(results: &Results, latency: Option<&[latency::Measured]>) -> String {
    let Some(larder) = measured(results, LARDER) else { return String::new() };
    // The workloads of `bench latency` are made for that: of both, the longer one is told.
    let longest_masking = longest_masked(larder).max(latency.and_then(latency::longest).unwrap_or(0));
    let try_masks = measured(results, LARDER_TRY).map_or(0, longest_masked);
    let median = |operation| larder.mean_of(&LIFO, operation, |calls| calls.p50 as f64).map_or("-".into(), number);
    let longest = |operation| worst(larder, operation, false).map_or("-".into(), number);
    let refusal = worst(larder, "alloc", true).map_or("-".into(), number);
    format!(
        "- **A common call masks nothing.** An allocation whose size class has a free block, and a release after which the page stays in \
         its class, mask no\n  interrupt, take no lock and wait for no other context. In a random churn of 8 to 64 bytes, {:.1} % of the calls are others: \
         under the\n  default policy, they mask interrupts. The longest masking measured is {} instructions; under the policy `Try`, it is \
         {try_masks}.\n  (`cargo xtask bench mcu`, `cargo xtask bench latency`)\n\
         - **Fast.** On the common path, an allocation takes {} instructions and a release {}. (`cargo xtask bench mcu`)\n\
         - **Longest calls.** The longest measured take {} instructions to allocate, {} to free, {} to resize without the copy, and \
         {refusal} to\n  refuse a request. They are measured, not derived. (`cargo xtask bench mcu`)\n",
        masking_percent(larder),
        grouped(longest_masking as i64),
        median("alloc"),
        median("dealloc"),
        longest("alloc"),
        longest("dealloc"),
        longest("realloc"),
    )
}

/// How little memory real programs need.
fn frugal(memory: Option<&memory::figures::Figures>) -> String {
    let Some(memory) = memory else { return String::new() };
    let peers = memory.allocators().into_iter().filter(|name| !name.starts_with(LARDER));
    let best = peers.filter_map(|name| Some((name, memory.smallest_mean(name)?))).min_by(|a, b| a.1.total_cmp(&b.1));
    let (Some(larder), Some((peer, best))) = (memory.smallest_mean(LARDER), best) else { return String::new() };
    format!(
        "- **Frugal.** A live block has no header. On wasm32, traces of real programs run in arenas of {larder:.3} times the \
         programs' peaks\n  (geometric mean); with {peer}, the best peer, of {best:.3} times. (`cargo xtask bench memory`)\n"
    )
}

/// Bytes of code.
fn small(results: &Results) -> String {
    let (Some(heap), Some(small)) = (measured(results, LARDER), measured(results, LARDER_SMALL)) else {
        return String::new();
    };
    format!(
        "- **Small, if need be.** `Heap` adds {} bytes of flash. `Small`, which is slower in large arenas, adds {}, and none of its calls masks \
         an\n  interrupt, takes a lock or waits. (`cargo xtask bench mcu`)\n",
        grouped(heap.footprint.code_bytes),
        grouped(small.footprint.code_bytes),
    )
}

/// Of the calls in a churn of pooled sizes, how many mask interrupts.
fn masking_percent(measured: &Measured) -> f64 {
    let calls = ["alloc", "dealloc"].map(|operation| measured.calls("churn-small-75", operation));
    let (masked, all) = calls
        .into_iter()
        .flatten()
        .fold((0, 0), |(masked, all), calls| (masked + calls.masked_calls, all + calls.served + calls.refused));
    masked as f64 * 100.0 / all.max(1) as f64
}

fn longest_masked(measured: &Measured) -> u64 {
    let longest = ["alloc", "dealloc", "realloc"].map(|operation| measured.longest_masked(operation));
    longest.into_iter().flatten().map(|(_, longest)| longest).max().unwrap_or(0)
}

/// The peers in short.
fn beside(results: &Results) -> String {
    let mut table = Table::new(&[
        "",
        "alloc / free, median",
        "alloc / free, mix",
        "longest alloc / free",
        "calls that mask",
        "longest masking",
        "state",
        "flash",
        "in use, mix",
    ]);
    for (allocator, measured) in results.at(LEVEL) {
        let pair = |figure: &dyn Fn(&str) -> Option<f64>| {
            ["alloc", "dealloc"].map(|operation| figure(operation).map_or("-".into(), number)).join(" / ")
        };
        let masks = allocator.is_for_interrupts();
        table.row(vec![
            tables::title(allocator),
            pair(&|operation| measured.mean_of(&LIFO, operation, |calls| calls.p50 as f64)),
            pair(&|operation| measured.average(&["churn-mix-75"], operation)),
            pair(&|operation| worst(measured, operation, false)),
            if masks { format!("{:.1} %", masking_percent(measured)) } else { "-".into() },
            if masks { grouped(longest_masked(measured) as i64) } else { allocator.lock.clone() },
            grouped(measured.footprint.state_bytes),
            grouped(measured.footprint.code_bytes),
            measured
                .extra("exhaust-mix", "in_use")
                .map_or("-".into(), |share| format!("{:.1} %", share as f64 / 100.0)),
        ]);
    }
    table.to_string()
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Larder,
    Peers,
}

/// The figures in which one side is better, with the best of the peers.
fn comparison(results: &Results, side: Side) -> String {
    let mut table = Table::new(&["", "larder", "best of the peers", "which"]);
    let Some(larder) = measured(results, LARDER) else { return String::new() };
    let floor = measured(results, FLOOR);
    for figure in &FIGURES {
        let above =
            if figure.title.contains("above the floor") { floor.and_then(figure.of).unwrap_or(0.0) } else { 0.0 };
        let sign = if figure.more { -1.0 } else { 1.0 };
        let Some(mine) = (figure.of)(larder) else { continue };
        let theirs = peers(results).filter_map(|(allocator, measured)| Some((allocator, (figure.of)(measured)?)));
        let Some((best, theirs)) = theirs.min_by(|a, b| (a.1 * sign).total_cmp(&(b.1 * sign))) else { continue };
        let winner = if mine * sign <= theirs * sign { Side::Larder } else { Side::Peers };
        if winner == side {
            let show = |value: f64| (figure.show)(value - above);
            table.row(vec![figure.title.to_owned(), show(mine), show(theirs), best.title.clone()]);
        }
    }
    table.to_string()
}

fn peers(results: &Results) -> impl Iterator<Item = (&Allocator, &Measured)> {
    results.at(LEVEL).filter(|(allocator, _)| !allocator.is_ours() && allocator.feature != FLOOR)
}

fn measured<'a>(results: &'a Results, feature: &str) -> Option<&'a Measured> {
    results.at(LEVEL).find(|(allocator, _)| allocator.feature == feature).map(|(_, measured)| measured)
}

/// A benchmark's means and its plot.
fn with_plot(name: &str, summary: Option<String>) -> String {
    without_plot(name, summary.map(|summary| format!("{summary}\n![{name}]({RESULTS}/{name}.svg)")))
}

fn without_plot(name: &str, summary: Option<String>) -> String {
    summary.unwrap_or_else(|| format!("Not recorded yet: `cargo xtask bench {name}` prints it."))
}

/// What the demo said, with its report in short.
pub fn demo(output: &str) -> String {
    const REPORT_LINES: usize = 9;
    let mut text = String::from("```text\n$ cargo xtask demo\n");
    let mut lines_left = usize::MAX;
    for line in output.lines() {
        if line.starts_with("== ") {
            lines_left = if line == "== report" { REPORT_LINES } else { usize::MAX };
        }
        match lines_left {
            0 => continue,
            1 => text += "[…]\n\n",
            _ => text += &format!("{line}\n"),
        }
        lines_left -= 1;
    }
    format!("{}\n```", text.trim_end())
}
