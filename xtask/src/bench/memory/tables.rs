//! Results as Markdown.

use super::figures::{Figures, TraceInfo};
use crate::bench::peers;
use crate::bench::table::{Table, bold_best, fixed, grouped};

/// Means alone, best first: what the terminal and docs/benchmarks.md show.
pub fn memory_summary(figures: &Figures) -> String {
    let heads = ["allocator", "smallest arena / peak, mean", "worst", "steady arena / peak, mean", "state, bytes"];
    let mut table = Table::new(&heads);
    let mut names = figures.allocators();
    names.sort_by(|a, b| sort_key(figures.smallest_mean(a)).total_cmp(&sort_key(figures.smallest_mean(b))));
    for name in names {
        let real = figures.traces.iter().filter(|trace| trace.is_real());
        let worst = real.map(|trace| figures.smallest(trace, name).unwrap_or(f64::INFINITY)).fold(0.0, f64::max);
        let state = figures.needs.iter().find(|need| need.allocator == name).map_or(0, |need| need.state_bytes);
        table.row(vec![
            name.to_owned(),
            fixed(figures.smallest_mean(name), 3),
            format!("{worst:.3}"),
            fixed(figures.steady_mean(name), 3),
            grouped(state as i64),
        ]);
    }
    table.to_string()
}

fn sort_key(mean: Option<f64>) -> f64 {
    mean.unwrap_or(f64::INFINITY)
}

pub fn memory_page(figures: &Figures) -> String {
    format!(
        "# How little memory\n\nThe smallest arena in which the trace of a program runs without a refusal, with the allocator's state, over the \
         peak of live\nrequested bytes. wasm32: pointers as on a microcontroller. *Steady*: the smallest arena from which on every larger one \
         that was\ntried serves as well. Made by `cargo xtask bench memory`; the method is in `benches/memory/README.md`.\n\n\
         Versions: {}.\n\n{}\nGeometric means and the worst are over the real programs.\n\n\
         ## Smallest arena / peak\n\n{}\n## Steady arena / peak\n\n{}\nBold: the least of the row.\n",
        peers::sentence(&figures.versions),
        memory_summary(figures),
        each(figures, Figures::smallest),
        each(figures, Figures::steady),
    )
}

fn each(figures: &Figures, value: fn(&Figures, &TraceInfo, &str) -> Option<f64>) -> Table {
    let allocators = figures.allocators();
    let mut table = Table::new(&[&["trace", "peak, bytes", "requests"], allocators.as_slice()].concat());
    for trace in &figures.traces {
        let values: Vec<Option<f64>> = allocators.iter().map(|name| value(figures, trace, name)).collect();
        let first = vec![trace.name.clone(), grouped(trace.peak as i64), grouped(trace.events as i64)];
        table.row([first, bold_best(&values, 3, |_| true)].concat());
    }
    table
}
