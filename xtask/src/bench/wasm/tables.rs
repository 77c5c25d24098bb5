//! Results as Markdown.

use super::Results;
use super::code::LEVELS;
use super::growth::Grown;
use super::times::{FLOOR, LOOP, Times};
use crate::bench::peers;
use crate::bench::table::{Table, bold_best, fixed, grouped};

/// What the terminal and docs/benchmarks.md show: the means, best first.
pub fn summary(results: &Results) -> String {
    let mut text = format!("{}\n{}", times(&results.times), growing(results));
    if !results.code.is_empty() {
        text += &format!("\n{}", code(results));
    }
    text
}

fn times(times: &Times) -> Table {
    let mut table = Table::new(&["in an arena", "ns a call above the loop, geometric mean"]);
    let mut rows: Vec<(&str, Option<f64>)> =
        times.allocators().into_iter().map(|name| (name, times.mean(name))).collect();
    rows.sort_by(|a, b| a.1.unwrap_or(f64::INFINITY).total_cmp(&b.1.unwrap_or(f64::INFINITY)));
    for (name, mean) in rows {
        table.row(vec![title(name).to_owned(), fixed(mean, 1)]);
    }
    table
}

/// Modules that grow: random actions, best first.
fn growing(results: &Results) -> Table {
    let growth = &results.growth;
    let mut table = Table::new(&[
        "in memory that grows",
        "random actions a microsecond",
        "used then, KiB",
        "memory grown / peak, all traces",
        "memory used / peak, all traces",
    ]);
    let mut rows: Vec<_> = growth.random.iter().collect();
    rows.sort_by(|a, b| b.actions_per_microsecond.total_cmp(&a.actions_per_microsecond));
    for random in rows {
        let together = |count| growth.together(&results.times.traces, &random.feature, count);
        let title = growth.titles.iter().find(|(feature, _)| *feature == random.feature);
        table.row(vec![
            title.map_or(random.feature.clone(), |(_, title)| title.clone()),
            format!("{:.1}", random.actions_per_microsecond),
            grouped(random.used_bytes() as i64 / 1024),
            fixed(together(|grown| grown.grown_bytes), 2),
            fixed(together(Grown::used_bytes), 2),
        ]);
    }
    table
}

fn code(results: &Results) -> Table {
    let heads = LEVELS.map(|level| format!("opt-level {}", level.name()));
    let mut table = Table::new(&["bytes that it adds to a module", &heads[0], &heads[1]]);
    let bytes = |code: &super::Code, level: usize| code.bytes.get(LEVELS[level].name()).copied();
    let mut rows: Vec<_> = results.code.iter().collect();
    rows.sort_by_key(|code| bytes(code, 0));
    for code in rows {
        let cell = |level| bytes(code, level).map_or("-".to_owned(), grouped);
        table.row(vec![code.title.clone(), cell(0), cell(1)]);
    }
    table
}

pub fn page(results: &Results) -> String {
    let Times { repetitions, node, .. } = &results.times;
    let versions = peers::sentence(&results.versions);
    format!(
        "# Allocators on wasm32\n\nMade by `cargo xtask bench wasm` under Node {node}; the numbers are those of `wasm.json`.\n\
         Versions: {versions}.\n\n\
         ## How long a call takes\n\n{ABOUT_TIMES}Medians of {repetitions} interleaved replays.\n\n{}\n\
         Means are over the real programs. Each trace, the least of the row bold, floor and loop aside:\n\n{}\n\
         ## Memory that grows\n\n{ABOUT_GROWTH}\n{}\nMemory used / peak, each trace, the least of the row bold, the bump pointer aside:\n\n{}\n\
         ## Code\n\n{ABOUT_CODE}\n{}",
        times(&results.times),
        each_time(&results.times),
        growing(results),
        each_growth(results),
        code(results),
    )
}

const ABOUT_TIMES: &str = "\
Nanoseconds a request, the replay loop's own cost subtracted; each allocator in an arena 1.3 times as large as the one from which
on it serves. Zeroing and copying are the allocator's.
";

const ABOUT_GROWTH: &str = "\
Each allocator as the global allocator of a module of its own, in the variant that asks for memory as it needs it; a fresh
instance for every run. *Random actions*: a table of 1,024 blocks, half of them live, of a firmware's sizes (70 % up to 64 bytes, 2 % up
to 4 KiB); an empty slot is filled, a full one is freed or, in one of eight cases, resized; random numbers and loop included, so
`(loop)` is the most that could be had. *Memory grown*: bytes of memory after the trace less those before it, over the peak of live requested
bytes (of the real programs together); a module's memory never shrinks. *Memory used*: that, and the rest of the module's initial memory,
up to 64 KiB, where the allocator was seen to write to it. Every block's contents are verified in a second replay.
";

const ABOUT_CODE: &str = "\
A module that exports `alloc`, `dealloc` and `realloc` of its global allocator, less the same module with an allocator that only
refuses; all sections but names. No `wasm-opt`.
";

fn each_time(times: &Times) -> Table {
    let allocators = times.allocators();
    let titles: Vec<&str> = allocators.iter().map(|name| title(name)).collect();
    let mut table = Table::new(&[&["trace", "requests"], titles.as_slice()].concat());
    for trace in &times.traces {
        let values: Vec<Option<f64>> = allocators.iter().map(|name| times.net(trace, name)).collect();
        let competes = |index: usize| allocators[index] != LOOP && allocators[index] != FLOOR;
        let first = vec![trace.name.clone(), grouped(trace.events as i64)];
        table.row([first, bold_best(&values, 1, competes)].concat());
    }
    table
}

fn each_growth(results: &Results) -> Table {
    let growth = &results.growth;
    let columns: Vec<&(String, String)> = growth.titles.iter().filter(|(feature, _)| feature != LOOP).collect();
    let titles: Vec<&str> = columns.iter().map(|(_, title)| title.as_str()).collect();
    let mut table = Table::new(&[&["trace", "peak, bytes"], titles.as_slice()].concat());
    for trace in &results.times.traces {
        let values: Vec<Option<f64>> =
            columns.iter().map(|(feature, _)| rounded(growth.over_peak(trace, feature)?)).collect();
        let first = vec![trace.name.clone(), grouped(trace.peak as i64)];
        table.row([first, bold_best(&values, 2, |index| columns[index].0 != FLOOR)].concat());
    }
    table
}

/// To what is shown: what looks equal is equally bold.
fn rounded(ratio: f64) -> Option<f64> {
    Some((ratio * 100.0).round() / 100.0)
}

fn title(allocator: &str) -> &str {
    match allocator {
        LOOP => "(loop)",
        FLOOR => "(bump pointer)",
        name => name,
    }
}
