//! Results as Markdown.

use std::fmt::Write;

use super::figures::{Figures, TraceInfo};
use super::wasm::{FLOOR, LOOP, Times};

/// Means alone, best first: what the terminal shows.
pub fn memory_summary(figures: &Figures) -> String {
    let mut names = figures.allocators();
    names.sort_by(|a, b| sort_key(figures.smallest_mean(a)).total_cmp(&sort_key(figures.smallest_mean(b))));
    let mut text = String::from(
        "| allocator | smallest arena / peak, mean | worst | steady arena / peak, mean | state, bytes |\n|---|---:|---:|---:|---:|\n",
    );
    for name in names {
        let real = figures.traces.iter().filter(|trace| trace.is_real());
        let worst = real.map(|trace| figures.smallest(trace, name).unwrap_or(f64::INFINITY)).fold(0.0, f64::max);
        let state = figures.needs.iter().find(|need| need.allocator == name).map_or(0, |need| need.state_bytes);
        let (smallest, steady) = (cell(figures.smallest_mean(name), 3), cell(figures.steady_mean(name), 3));
        let _ = writeln!(text, "| {name} | {smallest} | {worst:.3} | {steady} | {state} |");
    }
    text
}

fn sort_key(mean: Option<f64>) -> f64 {
    mean.unwrap_or(f64::INFINITY)
}

pub fn memory_page(figures: &Figures) -> String {
    let versions: Vec<String> = figures.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let mut text = String::from(
        "# How little memory\n\nThe smallest arena in which the trace of a program runs without a refusal, with the allocator's state, over the \
         peak of live\nrequested bytes. wasm32: pointers as on a microcontroller. *Steady*: the smallest arena from which on every larger one \
         that was\ntried serves as well. Made by `cargo xtask bench memory`; the method is in `benches/memory/README.md`.\n\n",
    );
    let _ = writeln!(text, "Peers: {}.\n", versions.join(", "));
    text.push_str(&memory_summary(figures));
    let _ = write!(text, "\nGeometric means and the worst are over the real programs.\n\n## Smallest arena / peak\n\n");
    let allocators = figures.allocators();
    memory_table(&mut text, figures, &allocators, Figures::smallest);
    text.push_str("\n## Steady arena / peak\n\n");
    memory_table(&mut text, figures, &allocators, Figures::steady);
    text.push_str("\nBold: the least of the row.\n");
    text
}

fn memory_table(
    text: &mut String,
    figures: &Figures,
    allocators: &[&str],
    value: fn(&Figures, &TraceInfo, &str) -> Option<f64>,
) {
    header(text, "trace | peak, bytes | requests", allocators, 3);
    for trace in &figures.traces {
        let _ = write!(text, "| {} | {} | {} |", trace.name, trace.peak, trace.events);
        row(text, allocators, 3, |name| value(figures, trace, name));
    }
}

pub fn wasm_summary(times: &Times) -> String {
    let mut names = times.allocators();
    names.sort_by(|a, b| sort_key(times.mean(a)).total_cmp(&sort_key(times.mean(b))));
    let mut text = String::from("| allocator | ns a call above the loop, geometric mean |\n|---|---:|\n");
    for name in names {
        let _ = writeln!(text, "| {} | {} |", title(name), cell(times.mean(name), 1));
    }
    text
}

pub fn wasm_page(times: &Times) -> String {
    let mut text = format!(
        "# How long a call takes on wasm\n\nNanoseconds a request, the replay loop's own cost subtracted; medians of {} interleaved replays under Node {},\n\
         each allocator in an arena 1.3 times as large as the one from which on it serves. Zeroing and copying are the allocator's. Made by\n\
         `cargo xtask bench wasm`. Bold: the least of the row, floor and loop aside.\n\n",
        times.repetitions, times.node
    );
    text.push_str(&wasm_summary(times));
    let _ = write!(text, "\nMeans are over the real programs. Each trace:\n\n");
    let allocators = times.allocators();
    header(&mut text, "trace | requests", &allocators.iter().map(|name| title(name)).collect::<Vec<_>>(), 2);
    for trace in &times.traces {
        let TraceInfo { name, events, .. } = trace;
        let _ = write!(text, "| {name} | {events} |");
        row(&mut text, &allocators, 1, |allocator| times.net(trace, allocator));
    }
    text
}

fn title(allocator: &str) -> &str {
    match allocator {
        LOOP => "(loop)",
        FLOOR => "(bump pointer)",
        name => name,
    }
}

fn header(text: &mut String, first: &str, allocators: &[&str], columns: usize) {
    let _ = writeln!(text, "| {first} | {} |", allocators.join(" | "));
    let _ = writeln!(text, "|---|{}", "---:|".repeat(allocators.len() + columns - 1));
}

/// The rest of a row, with the least value bold.
fn row<'a>(text: &mut String, allocators: &[&'a str], digits: usize, value: impl Fn(&'a str) -> Option<f64>) {
    let contenders = allocators.iter().filter(|&&name| name != LOOP && name != FLOOR);
    let least = contenders.filter_map(|name| value(name)).fold(f64::INFINITY, f64::min);
    for &name in allocators {
        let shown = cell(value(name), digits);
        let is_least = value(name) == Some(least);
        let _ = if is_least { write!(text, " **{shown}** |") } else { write!(text, " {shown} |") };
    }
    text.push('\n');
}

fn cell(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}
