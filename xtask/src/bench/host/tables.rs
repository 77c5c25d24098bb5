//! Results as Markdown.

use super::counts::{Count, LOOP};
use super::{FLOOR, MIXED, MIXED_OWN, POOLED, POOLED_OWN, Results};
use crate::bench::memory::figures::geometric_mean;
use crate::bench::peers;
use crate::bench::table::{Table, bold_best, fixed};

/// What the terminal and docs/benchmarks.md show.
pub fn summary(results: &Results) -> String {
    if results.figures.is_empty() {
        return format!("{}\nWith threads: not recorded yet, `cargo xtask bench host` prints it.\n", counts(results));
    }
    format!("{RELEASES}\n{}\n{}", ratios(results), alone(results))
}

const RELEASES: &str = "\
*Own releases*: each thread frees what it allocated. *An eighth exchanged*: an eighth of the releases are left to whichever thread comes by
next, in the traces too; between the two lies what foreign releases cost.
";

/// So many threads over one.
fn ratios(results: &Results) -> Table {
    let mut table = Table::new(&[
        "",
        "two threads over one, own releases: 8-64 bytes",
        "up to 4 KiB",
        "an eighth exchanged: 8-64 bytes",
        "up to 4 KiB",
        "traces",
        "four over one, own releases: 8-64 bytes",
        "up to 4 KiB",
        "an eighth exchanged: 8-64 bytes",
        "up to 4 KiB",
    ]);
    for allocator in results.allocators() {
        let ratio = |threads| {
            move |workload| fixed(results.figure(workload, allocator, threads).map(|figure| figure.over_one), 2)
        };
        let mut row = vec![title(allocator).to_owned()];
        row.extend([POOLED_OWN, MIXED_OWN, POOLED, MIXED].map(ratio(2)));
        row.push(fixed(results.traces_over_one(allocator, 2), 2));
        row.extend([POOLED_OWN, MIXED_OWN, POOLED, MIXED].map(ratio(4)));
        table.row(row);
    }
    table
}

/// What a call costs one thread.
fn alone(results: &Results) -> Table {
    let mut table = Table::new(&[
        "",
        "calls a microsecond, one thread, an eighth exchanged: 8-64 bytes",
        "up to 4 KiB",
        "instructions a call, traces",
    ]);
    for allocator in results.allocators() {
        let speed = |workload| fixed(results.figure(workload, allocator, 1).map(|f| f.calls_per_microsecond), 1);
        let instructions = fixed(instructions_mean(results, allocator), 1);
        table.row(vec![title(allocator).to_owned(), speed(POOLED), speed(MIXED), instructions]);
    }
    table
}

fn counts(results: &Results) -> Table {
    let mut table = Table::new(&["", "instructions a call, traces"]);
    for allocator in results.allocators() {
        table.row(vec![title(allocator).to_owned(), fixed(instructions_mean(results, allocator), 1)]);
    }
    table
}

/// Above the loop.
fn instructions(results: &Results, trace: &str, allocator: &str) -> Option<f64> {
    let count = |allocator: &str| -> Option<&Count> {
        results.counts.iter().find(|count| count.trace == trace && count.allocator == allocator)
    };
    let (mine, own) = (count(allocator)?, count(LOOP)?);
    Some((mine.instructions as f64 - own.instructions as f64) / mine.calls as f64)
}

fn instructions_mean(results: &Results, allocator: &str) -> Option<f64> {
    geometric_mean(results.traces().into_iter().map(|trace| instructions(results, trace, allocator)))
}

pub fn page(results: &Results) -> String {
    format!(
        "# Allocators between threads\n\nMade by `cargo xtask bench host`; the numbers are those of `host.json`. {}, {} cores. Versions: {}.\n\n\
         {ABOUT}\nMedians of {} interleaved repetitions.\n\n{}\n\
         ## Two threads over one\n\n{}\n## Four threads over one\n\n{}\n## Calls a microsecond, one thread\n\n{}\n\
         ## Instructions a call\n\nUnder callgrind, one thread, lock included, the replay loop's own subtracted; zeroing and copying are the allocator's. \
         The least of the row bold, the floor aside.\n\n{}",
        results.processor,
        results.cores,
        peers::sentence(&results.versions),
        results.repetitions,
        summary(results),
        each(results, |figure| figure.over_one, 2, 2),
        each(results, |figure| figure.over_one, 4, 2),
        each(results, |figure| figure.calls_per_microsecond, 1, 1),
        each_count(results),
    )
}

const ABOUT: &str = "\
Throughput of all threads together. A sample counts only if two threads that share nothing were at least 1.7 times as fast as one
right before and after it: else other programs were at work. larder with the policy `Spin`, without a lock around it; *4 memories*: in a
`Region` of four memories, each with a quarter of the arena, and with `Config::home`: each thread begins in the next one; each peer behind the lock of the crate
`spin`, as one would have it in a `static`; the floor is a bump pointer a thread, which shares nothing: its ratio is what the machine
could do. *8-64 bytes*, *up to 4 KiB*: random actions of each thread on a table of 512 blocks of its own, half of them live (up to 4 KiB: 70 % up
to 64 bytes, 20 % up to 256, 8 % up to 1 KiB, 2 % up to 4 KiB); *traces*: each thread replays the same trace, geometric mean over the real
programs. Blocks of random actions, and exchanged ones of traces, are checked when they are freed. With four threads on fewer cores, a thread that
holds a lock may be put to sleep. emballoc looks at every block in turn and is left out of the traces.
";

/// As `benches/host` calls larder with a memory for each thread.
const MEMORIES: &str = "larder 4 memories";

fn each(results: &Results, value: fn(&super::Figure) -> f64, threads: u32, digits: usize) -> Table {
    let allocators = results.allocators();
    let mut table = head(&allocators);
    for workload in results.workloads() {
        let cell = |allocator: &&str| fixed(results.figure(workload, allocator, threads).map(value), digits);
        table.row(std::iter::once(workload_title(workload).to_owned()).chain(allocators.iter().map(cell)).collect());
    }
    table
}

fn each_count(results: &Results) -> Table {
    let allocators: Vec<&str> =
        results.allocators().into_iter().filter(|name| instructions_mean(results, name).is_some()).collect();
    let mut table = head(&allocators);
    for trace in results.workloads().into_iter().filter(|name| results.counts.iter().any(|count| count.trace == *name))
    {
        let values: Vec<Option<f64>> = allocators.iter().map(|name| instructions(results, trace, name)).collect();
        table.row([vec![trace.to_owned()], bold_best(&values, 1, |index| allocators[index] != FLOOR)].concat());
    }
    table
}

fn head(allocators: &[&str]) -> Table {
    let titles: Vec<&str> = allocators.iter().map(|name| title(name)).collect();
    Table::new(&[&[""], titles.as_slice()].concat())
}

pub fn title(allocator: &str) -> &str {
    match allocator {
        FLOOR => "floor: a bump pointer a thread",
        MEMORIES => "larder, 4 memories",
        _ => allocator,
    }
}

fn workload_title(workload: &str) -> &str {
    match workload {
        POOLED_OWN => "8-64 bytes, own releases",
        MIXED_OWN => "up to 4 KiB, own releases",
        POOLED => "8-64 bytes, an eighth exchanged",
        MIXED => "up to 4 KiB, an eighth exchanged",
        _ => workload,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Figure;
    use super::*;

    /// Both headings of a pair are alike but for the thread that frees.
    #[test]
    fn each_ratio_stands_where_its_heading_says() {
        let measured = [(POOLED, 2, 1.52), (POOLED_OWN, 2, 1.92), (MIXED, 4, 0.87), (MIXED_OWN, 4, 1.34)];
        let figures = measured.map(|(workload, threads, over_one)| Figure {
            workload: workload.to_owned(),
            allocator: "larder".to_owned(),
            threads,
            calls_per_microsecond: 1.0,
            over_one,
        });
        let table = ratios(&Results { figures: figures.into(), ..Results::default() }).to_string();
        let cells = |line: usize| -> Vec<String> {
            table.lines().nth(line).unwrap().split('|').map(|cell| cell.trim().to_owned()).collect()
        };
        let (head, row) = (cells(0), cells(2));
        let at = |cell: &str| row.iter().position(|other| other == cell).unwrap();
        let heading = |start: &str| head.iter().position(|other| other.starts_with(start)).unwrap();
        assert_eq!(at("1.92"), heading("two threads over one, own releases"));
        assert_eq!(at("1.52"), heading("an eighth exchanged"));
        assert_eq!(at("1.34"), heading("four over one, own releases") + 1);
        assert_eq!(at("0.87"), head.iter().rposition(|other| other == "up to 4 KiB").unwrap());
    }
}
