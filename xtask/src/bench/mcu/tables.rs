//! Results as Markdown.

use super::results::{Allocator, Calls, Measured, Results};
use crate::bench::table::{Table, grouped};

/// Pooled sizes, allocated and freed in stacks.
pub const LIFO: [&str; 5] = ["lifo-8", "lifo-16", "lifo-24", "lifo-32", "lifo-64"];
const OPERATIONS: [(&str, &str); 4] =
    [("alloc", "alloc"), ("dealloc", "dealloc"), ("realloc", "realloc"), ("alloc_zeroed", "alloc_zeroed")];

fn or_dash(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| grouped(number as i64))
}

fn rounded(number: Option<f64>) -> String {
    or_dash(number.map(|number| number.round() as u64))
}

/// Hundredths of a percent.
fn percent(share: Option<u64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share as f64 / 100.0))
}

pub fn title(allocator: &Allocator) -> String {
    let version = allocator.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    format!("{}{version}{}", allocator.title, if allocator.is_stored { " *" } else { "" })
}

/// One table for each opt-level that was measured.
pub fn summaries(results: &Results) -> String {
    let mut text = String::new();
    for level in ["s", "3"] {
        if results.at(level).any(|(allocator, _)| !allocator.is_stored) {
            text += &format!("### Opt-level {level}\n\n{}\n", summary(results, level));
        }
    }
    if results.allocators.iter().any(|allocator| allocator.is_stored) {
        text += "\\* not measured now: from benches/results\n";
    }
    text
}

fn summary(results: &Results, level: &str) -> Table {
    let mut table = Table::new(&[
        "",
        "median, one size",
        "alloc, one size",
        "free",
        "alloc, 8-64 at 75 %",
        "free",
        "alloc, mix at 75 %",
        "free",
        "worst alloc",
        "worst free",
        "worst realloc",
        "masked",
        "state",
        "code",
        "with memcpy",
        "in use, 8-64",
        "in use, mix",
        "collections",
    ]);
    for (allocator, measured) in results.at(level) {
        table.row(summary_row(results, level, allocator, measured));
    }
    table
}

fn summary_row(results: &Results, level: &str, allocator: &Allocator, measured: &Measured) -> Vec<String> {
    let average = |workloads: &[&str], operation| rounded(measured.average(workloads, operation));
    let median = |operation| rounded(measured.mean_of(&LIFO, operation, |calls| calls.p50 as f64));
    let worst = |operation| or_dash(measured.worst(operation).map(|(_, worst)| worst));
    vec![
        title(allocator),
        format!("{} / {}", median("alloc"), median("dealloc")),
        average(&LIFO, "alloc"),
        average(&LIFO, "dealloc"),
        average(&["churn-small-75"], "alloc"),
        average(&["churn-small-75"], "dealloc"),
        average(&["churn-mix-75"], "alloc"),
        average(&["churn-mix-75"], "dealloc"),
        worst("alloc"),
        worst("dealloc"),
        worst("realloc"),
        longest_masked(allocator, measured),
        grouped(measured.footprint.state_bytes),
        grouped(measured.footprint.code_bytes),
        grouped(measured.footprint.code_bytes_charged),
        percent(measured.extra("exhaust-small", "in_use")),
        percent(measured.extra("exhaust-mix", "in_use")),
        above_floor(results, level, measured),
    ]
}

fn longest_masked(allocator: &Allocator, measured: &Measured) -> String {
    if !allocator.is_for_interrupts() {
        return allocator.lock.clone();
    }
    let longest =
        OPERATIONS.iter().filter_map(|(operation, _)| Some((measured.longest_masked(operation)?.1, operation)));
    match longest.max() {
        None | Some((0, _)) => "0".to_owned(),
        Some((longest, operation)) => format!("{} ({operation})", grouped(longest as i64)),
    }
}

/// Instructions of the collections program above the same program on the floor.
fn above_floor(results: &Results, level: &str, measured: &Measured) -> String {
    let floor = results.allocator(super::FLOOR).and_then(|floor| floor.levels.get(level));
    let instructions = |measured: &Measured| measured.extra("collections", "instructions").map(|count| count as i64);
    match (floor.and_then(instructions), instructions(measured)) {
        (Some(floor), Some(count)) => format!("+{}", grouped(count - floor)),
        _ => "-".to_owned(),
    }
}

/// The whole page.
pub fn page(results: &Results) -> String {
    let mut page = String::from(PREFACE);
    page += &format!("\nCompiled by {}.\n\n## In short\n\n{LEGEND}\n{}", results.compiler, summaries(results));
    page += "\n## Masking, opt-level s\n\n";
    page += MASKING;
    page += &masking(results).to_string();
    for (operation, title) in OPERATIONS {
        page += &format!("\n## Each workload: {title}, opt-level s\n\nAverage / median / 99th percentile / worst.\n\n");
        page += &detail(results, operation).to_string();
    }
    page += "\n## Requests that were refused, opt-level s\n\n";
    page +=
        "How many, and the longest refusal. Allocators that can't hold what a workload asks for are asked less.\n\n";
    page += &refusals(results).to_string();
    page += "\n## Copies within realloc, opt-level s\n\nThe longest call with its copy, and the bytes copied.\n\n";
    page += &copies(results).to_string();
    page
}

fn masking(results: &Results) -> Table {
    let mut table = Table::new(&["", "alloc", "dealloc", "realloc", "calls that mask, churn 8-64", "churn mix"]);
    for (allocator, measured) in results.at("s").filter(|(allocator, _)| allocator.is_for_interrupts()) {
        let longest = |operation| match measured.longest_masked(operation) {
            Some((workload, longest)) if longest > 0 => format!("{} ({workload})", grouped(longest as i64)),
            Some(_) => "0".to_owned(),
            None => "-".to_owned(),
        };
        let share = |workload| match (measured.calls(workload, "alloc"), measured.calls(workload, "dealloc")) {
            (Some(alloc), Some(dealloc)) => masking_share(alloc, dealloc),
            _ => "-".to_owned(),
        };
        table.row(vec![
            title(allocator),
            longest("alloc"),
            longest("dealloc"),
            longest("realloc"),
            share("churn-small-75"),
            share("churn-mix-75"),
        ]);
    }
    table
}

fn masking_share(alloc: &Calls, dealloc: &Calls) -> String {
    let calls = |calls: &Calls| calls.served + calls.refused;
    let share = (alloc.masked_calls + dealloc.masked_calls) as f64 / (calls(alloc) + calls(dealloc)).max(1) as f64;
    format!("{:.1} %", share * 100.0)
}

fn detail(results: &Results, operation: &str) -> Table {
    by_workload(results, |measured, workload| {
        let calls = measured.calls(workload, operation)?;
        let average = rounded(Some(calls.average()));
        let [median, most, worst] = [calls.p50, calls.p99, calls.worst()].map(|count| grouped(count as i64));
        Some(format!("{average} / {median} / {most} / {worst}"))
    })
}

fn refusals(results: &Results) -> Table {
    by_workload(results, |measured, workload| {
        let calls = measured.calls(workload, "alloc")?;
        (calls.refused > 0)
            .then(|| format!("{} / {}", grouped(calls.refused as i64), grouped(calls.refused_most as i64)))
    })
}

fn copies(results: &Results) -> Table {
    by_workload(results, |measured, workload| {
        let calls = measured.calls(workload, "realloc")?;
        Some(format!("{} / {} B", grouped(calls.longest_raw as i64), grouped(calls.longest_raw_bytes as i64)))
    })
}

/// A row a workload, a column an allocator; workloads about which there is nothing to say are left out.
fn by_workload(results: &Results, cell: impl Fn(&Measured, &str) -> Option<String>) -> Table {
    let columns: Vec<(&Allocator, &Measured)> = results.at("s").collect();
    let mut head = vec![""];
    head.extend(columns.iter().map(|(allocator, _)| allocator.feature.as_str()));
    let mut table = Table::new(&head);
    for workload in workloads(&columns) {
        let cells: Vec<Option<String>> = columns.iter().map(|(_, measured)| cell(measured, workload)).collect();
        if cells.iter().any(Option::is_some) {
            let cells = cells.into_iter().map(|cell| cell.unwrap_or_else(|| "-".to_owned()));
            table.row(std::iter::once(workload.to_owned()).chain(cells).collect());
        }
    }
    table
}

/// The floor does not run all of them.
fn workloads<'a>(columns: &[(&'a Allocator, &'a Measured)]) -> Vec<&'a str> {
    let longest = columns.iter().max_by_key(|(_, measured)| measured.workloads.len());
    longest.map_or_else(Vec::new, |(_, measured)| {
        measured.workloads.iter().map(|workload| workload.workload.as_str()).collect()
    })
}

const PREFACE: &str = "\
# Allocators on a Cortex-M3

Written by `cargo xtask bench mcu`; the numbers are those of `mcu.json`.

Instructions from a call of `GlobalAlloc`'s function to its return, counted exactly in QEMU (`mps2-an385`, thumbv7m), each call
by itself; layouts are not known at compile time. Every allocator has 64 KiB, with what it keeps inside of them. Every
block's contents are verified outside of what is counted. Copies (`realloc`) and fills (`alloc_zeroed`) are
subtracted: what `memcpy` or `memset` of the same length and alignment takes, counted right after the call, when the block
moved. Instructions are not cycles.
";

const LEGEND: &str = "\
- **one size**: 8, 16, 24, 32 and 64 bytes, 32 blocks allocated and freed in reverse, the first round included; the median is the
  fast path, alloc / free, and the averages follow
- **8-64 / mix at 75 %**: average in random churn, three quarters of the arena in use. The mix: 70 % up to 64 bytes, 20 % up to
  256, 8 % up to 1 KiB, 2 % up to 4 KiB
- **worst**: the longest call of any workload, refused ones included, the very first call excluded
- **masked**: the longest critical section of any workload, copies and fills within included; else what keeps others out: a spin
  lock is not for interrupt handlers
- **state**: RAM besides the 64 KiB; **code**: flash for start-up, alloc, dealloc and realloc, then with the
  copying functions (`memcpy` and the like) that it uses and most firmware has anyway; all in bytes
- **in use**: live requested bytes over 64 KiB at the first refusal after churn at 75 %, average of 32 seeds
- **collections**: instructions of a program of standard collections above the same program on the floor
";

const MASKING: &str = "\
Instructions from `cpsid` to `cpsie`, and the workload; copies within included. Then the share of calls that mask at all.

";
