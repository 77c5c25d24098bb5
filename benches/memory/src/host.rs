//! The command line, and tables of what was found.

use larder_trace::{Event, Trace};
use memory::allocators::{ENTRIES, Entry};
use memory::heap::Fault;
use memory::op::Op;
use memory::room::Found;
use memory::workload::{self, Workload};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: memory [--allocator NAME]... [--trace NAME]... [--arena BYTES] [--json]
  --allocator NAME  only allocators whose name begins so (the features say which are built in)
  --trace NAME      only traces whose name begins so
  --arena BYTES     one replay, checked, in an arena of so many bytes instead of a search
  --scan            checked replays in 600 arenas from the peak to twice the peak: what is wrong in one size only
  --why             for each trace, where the arena's bytes are when one 16 bytes smaller than the steady one refuses
  --time            nanoseconds a call in an arena 1.3 times as large as the steady one, the loop's cost included
  --ops DIRECTORY   write the traces as measure.mjs wants them, and its list of them, traces.json
  --json            for programs";

/// Arenas of a scan.
const SCANNED: usize = 600;

#[derive(Default)]
struct Arguments {
    allocators: Vec<String>,
    traces: Vec<String>,
    arena_bytes: Option<usize>,
    ops: Option<PathBuf>,
    scan: bool,
    why: bool,
    time: bool,
    json: bool,
}

fn arguments(mut words: impl Iterator<Item = String>) -> Option<Arguments> {
    let mut parsed = Arguments::default();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--allocator" => parsed.allocators.push(words.next()?),
            "--trace" => parsed.traces.push(words.next()?),
            "--arena" => parsed.arena_bytes = Some(words.next()?.parse().ok()?),
            "--ops" => parsed.ops = Some(words.next()?.into()),
            "--scan" => parsed.scan = true,
            "--why" => parsed.why = true,
            "--time" => parsed.time = true,
            "--json" => parsed.json = true,
            _ => return None,
        }
    }
    Some(parsed)
}

pub fn main() -> ExitCode {
    let Some(arguments) = arguments(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    run(&arguments).unwrap_or_else(|reason| {
        eprintln!("error: {reason}");
        ExitCode::FAILURE
    })
}

fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let entries = chosen("allocator", &arguments.allocators, ENTRIES.iter().collect(), |entry| entry.name)?;
    let workloads = chosen("trace", &arguments.traces, workload::load(), |workload| &workload.name)?;
    Ok(match (&arguments.ops, arguments.arena_bytes) {
        (Some(directory), _) => write_ops(&workloads, directory)?,
        (None, Some(bytes)) => replay_all(&entries, &workloads, bytes),
        (None, None) if arguments.scan => scan_all(&entries, &workloads),
        (None, None) if arguments.why => why_all(&entries, &workloads),
        (None, None) if arguments.time => time_all(&entries, &workloads),
        (None, None) => search_all(&entries, &workloads, arguments.json),
    })
}

/// Those whose name begins with one of the prefixes, all if there is none; an error for a prefix that nobody's name begins with.
fn chosen<T>(what: &str, prefixes: &[String], mut all: Vec<T>, name: fn(&T) -> &str) -> Result<Vec<T>, String> {
    if let Some(unknown) = prefixes.iter().find(|prefix| !all.iter().any(|item| name(item).starts_with(*prefix))) {
        let names: Vec<&str> = all.iter().map(name).collect();
        return Err(format!("no {what} is called {unknown}; there are {}", names.join("; ")));
    }
    all.retain(|item| prefixes.is_empty() || prefixes.iter().any(|prefix| name(item).starts_with(prefix)));
    Ok(all)
}

fn write_ops(workloads: &[Workload], directory: &Path) -> Result<ExitCode, String> {
    let mut list = Vec::new();
    for Workload { name, trace, .. } in workloads {
        let words = trace.events.iter().flat_map(|&event| Op::from(event).words());
        let file = directory.join(name).with_extension("ops");
        write(&file, &words.flat_map(u32::to_le_bytes).collect::<Vec<u8>>())?;
        list.push(format!(
            "{{\"name\": \"{name}\", \"ops\": {file:?}, \"events\": {}, \"slots\": {}, \"peak\": {}}}",
            trace.events.len(),
            trace.slots,
            trace.peak_bytes
        ));
    }
    write(&directory.join("traces.json"), format!("[\n{}\n]\n", list.join(",\n")).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(file, bytes).map_err(|error| format!("{} can't be written: {error}", file.display()))
}

/// What one allocator needs for one trace, and what a checked replay said.
struct Figure {
    /// `None`: it never served.
    found: Option<Found>,
    state_bytes: usize,
    fault: Option<String>,
}

impl Figure {
    fn smallest(&self, trace: &Trace) -> Option<f64> {
        Some((self.found?.smallest_bytes + self.state_bytes) as f64 / trace.peak_bytes as f64)
    }

    fn steady(&self, trace: &Trace) -> Option<f64> {
        Some((self.found?.steady_bytes + self.state_bytes) as f64 / trace.peak_bytes as f64)
    }
}

fn measure(entry: &Entry, workload: &Workload) -> Figure {
    let found = (entry.search)(&workload.room, workload.trace.peak_bytes as usize);
    let arenas = found.map_or([None; 2], |found| [Some(found.smallest_bytes), Some(found.steady_bytes)]);
    let fault = arenas.into_iter().flatten().find_map(|bytes| (entry.check)(&workload.room, bytes).err());
    let fault = fault.map(|(index, fault)| format!("{fault:?} at event {index}"));
    Figure { found, state_bytes: entry.state_bytes, fault }
}

fn search_all(entries: &[&Entry], workloads: &[Workload], json: bool) -> ExitCode {
    let mut sound = true;
    let mut rows = Vec::new();
    for workload in workloads {
        let figures: Vec<Figure> = entries.iter().map(|entry| measure(entry, workload)).collect();
        for (entry, figure) in entries.iter().zip(&figures) {
            if let Some(fault) = &figure.fault {
                eprintln!("{} on {}: {fault}", entry.name, workload.name);
                sound = false;
            }
        }
        rows.push((workload, figures));
    }
    if json {
        print_json(entries, &rows)
    } else {
        print_table(entries, &rows)
    }
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print_table(entries: &[&Entry], rows: &[(&Workload, Vec<Figure>)]) {
    print!("{:20} {:>9}", "trace", "peak");
    entries.iter().for_each(|entry| print!(" {:>15.15}", entry.name));
    println!();
    let cell = |value: Option<f64>| value.map_or_else(|| "-".into(), |value| format!("{value:.4}"));
    for (Workload { name, trace, .. }, figures) in rows {
        print!("{name:20} {:>9}", trace.peak_bytes);
        figures
            .iter()
            .for_each(|figure| print!("  {:>6} {:>6}", cell(figure.smallest(trace)), cell(figure.steady(trace))));
        println!();
    }
    for (label, real_only) in [("geometric mean, real", true), ("geometric mean, all", false)] {
        print!("{label:30}");
        for column in 0..entries.len() {
            let kept = || rows.iter().filter(|(workload, _)| !real_only || !workload.name.starts_with("synthetic"));
            let smallest = geometric_mean(kept().map(|(workload, figures)| figures[column].smallest(&workload.trace)));
            let steady = geometric_mean(kept().map(|(workload, figures)| figures[column].steady(&workload.trace)));
            print!("  {:>6} {:>6}", cell(smallest), cell(steady));
        }
        println!();
    }
    println!(
        "over the peak of live requested bytes, with the allocator's state: the smallest arena that serves, and the one from which on all serve"
    );
}

fn geometric_mean(ratios: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let logarithms: Option<Vec<f64>> = ratios.map(|ratio| Some(ratio?.ln())).collect();
    let logarithms = logarithms.filter(|all| !all.is_empty())?;
    Some((logarithms.iter().sum::<f64>() / logarithms.len() as f64).exp())
}

/// Where the bytes are at the refusal just below the steady arena, as shares of the trace's peak.
fn why_all(entries: &[&Entry], workloads: &[Workload]) -> ExitCode {
    println!(
        "{:20} {:14} {:>7} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}  refused, % of the trace",
        "% of peak", "allocator", "total", "request", "live", "rounding", "tables", "bound", "free", "largest"
    );
    for workload in workloads {
        entries.iter().for_each(|entry| why(entry, workload));
    }
    ExitCode::SUCCESS
}

fn why(entry: &Entry, Workload { name, trace, room }: &Workload) {
    let found = (entry.search)(room, trace.peak_bytes as usize);
    let Some(bytes) = found.map(|found| found.steady_bytes - 16) else { return };
    let Some(index) = (entry.attempt)(room, bytes) else { return };
    let Some(anatomy) = (entry.anatomy)(room) else { return };
    let (request, live) = (change(&trace.events[index]), live_at(trace, index));
    let percent = |bytes: f64| 100.0 * bytes / trace.peak_bytes as f64;
    print!("{name:20} {:14.14} {:7.2}", entry.name, percent((bytes + entry.state_bytes) as f64));
    let rounding = anatomy.live_bytes as f64 - live as f64;
    let (tables, bound, free) = (anatomy.tables_bytes as f64, anatomy.bound_bytes as f64, anatomy.free_bytes as f64);
    for share in [request as f64, live as f64, rounding, tables, bound, free, anatomy.largest_free_bytes as f64] {
        print!(" {:8.2}", percent(share));
    }
    println!("  {:?}, {:.0}", trace.events[index], 100.0 * index as f64 / trace.events.len() as f64);
}

/// Native speed: a first impression. The figures that count are those of wasm.
fn time_all(entries: &[&Entry], workloads: &[Workload]) -> ExitCode {
    for workload in workloads {
        print!("{:20}", workload.name);
        for entry in entries {
            let found = (entry.search)(&workload.room, workload.trace.peak_bytes as usize);
            let nanoseconds = found.map(|found| nanoseconds(entry, workload, found.steady_bytes * 13 / 10));
            print!(" {:>14.14} {:7.2}", entry.name, nanoseconds.unwrap_or(f64::NAN));
        }
        println!();
    }
    ExitCode::SUCCESS
}

/// The median of several replays, by call.
fn nanoseconds(entry: &Entry, workload: &Workload, arena_bytes: usize) -> f64 {
    let mut samples: Vec<_> = (0..15)
        .map(|_| {
            assert!((entry.start)(&workload.room, arena_bytes), "an arena of 1.3 times the steady one is large enough");
            let begin = std::time::Instant::now();
            (entry.replay)(&workload.room);
            begin.elapsed()
        })
        .collect();
    samples.sort();
    samples[samples.len() / 2].as_nanos() as f64 / workload.trace.events.len() as f64
}

fn print_json(entries: &[&Entry], rows: &[(&Workload, Vec<Figure>)]) {
    let mut lines = Vec::new();
    for (workload, figures) in rows {
        for (entry, figure) in entries.iter().zip(figures) {
            let bytes =
                |found: fn(Found) -> usize| figure.found.map_or_else(|| "null".into(), |all| found(all).to_string());
            lines.push(format!(
                "{{\"trace\": \"{}\", \"peak_bytes\": {}, \"allocator\": \"{}\", \"state_bytes\": {}, \"smallest_bytes\": {}, \"steady_bytes\": {}}}",
                workload.name,
                workload.trace.peak_bytes,
                entry.name,
                figure.state_bytes,
                bytes(|found| found.smallest_bytes),
                bytes(|found| found.steady_bytes)
            ));
        }
    }
    println!("[\n{}\n]", lines.join(",\n"));
}

/// One replay in an arena of `bytes`: what was refused, and how full the arena was.
fn replay_all(entries: &[&Entry], workloads: &[Workload], bytes: usize) -> ExitCode {
    for workload in workloads {
        for entry in entries {
            let outcome = match (entry.attempt)(&workload.room, bytes) {
                None => match (entry.check)(&workload.room, bytes) {
                    Ok(()) => "serves".to_owned(),
                    Err((index, fault)) => {
                        format!("{fault:?} at event {index}, {:?}", workload.trace.events.get(index))
                    }
                },
                Some(index) => refusal(&workload.trace, index),
            };
            println!("{} {}: {outcome}", workload.name, entry.name);
        }
    }
    ExitCode::SUCCESS
}

/// Checked replays in many arenas; faults are told, refusals are not.
fn scan_all(entries: &[&Entry], workloads: &[Workload]) -> ExitCode {
    let mut faults = 0;
    for Workload { name, trace, room } in workloads {
        let peak_bytes = trace.peak_bytes as usize;
        for bytes in (0..SCANNED).map(|index| (peak_bytes + peak_bytes * index / SCANNED).next_multiple_of(16)) {
            for entry in entries {
                if let Err((index, fault)) = (entry.check)(room, bytes)
                    && fault != Fault::Refused
                {
                    println!("{name} {} in {bytes} bytes: {fault:?} at event {index}", entry.name);
                    faults += 1;
                }
            }
        }
    }
    println!("{faults} faults");
    if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn refusal(trace: &Trace, index: usize) -> String {
    let (live, peak) = (live_at(trace, index), trace.peak_bytes);
    format!(
        "refused event {index} of {}, {:?}, with {live} bytes live (peak {peak})",
        trace.events.len(),
        trace.events[index]
    )
}

/// Requested bytes that are live before an event.
fn live_at(trace: &Trace, index: usize) -> i64 {
    trace.events[..index].iter().map(change).sum()
}

fn change(event: &Event) -> i64 {
    match *event {
        Event::Alloc { size, .. } => i64::from(size),
        Event::Realloc { old_size, new_size, .. } => i64::from(new_size) - i64::from(old_size),
        Event::Dealloc { size, .. } => -i64::from(size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nobody_has_is_an_error_that_says_who_there_is() {
        for option in ["--allocator", "--trace"] {
            let words = [option, "nonsense"].map(str::to_owned);
            let line = run(&arguments(words.into_iter()).unwrap()).unwrap_err();
            assert!(line.contains("is called nonsense; there are "), "{line}");
            assert_eq!(line.lines().count(), 1, "{line}");
        }
    }

    #[test]
    fn names_are_chosen_by_how_they_begin() {
        let choose = |prefixes: &[&str]| {
            let prefixes: Vec<String> = prefixes.iter().map(|&prefix| prefix.to_owned()).collect();
            chosen("fruit", &prefixes, vec!["apple", "pear", "peach"], |name| name)
        };
        assert_eq!(choose(&[]).unwrap().len(), 3);
        assert_eq!(choose(&["pea", "a"]).unwrap(), ["apple", "pear", "peach"]);
        assert_eq!(choose(&["pear"]).unwrap(), ["pear"]);
        assert_eq!(choose(&["apple", "fig"]).unwrap_err(), "no fruit is called fig; there are apple; pear; peach");
    }
}
