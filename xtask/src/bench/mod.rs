//! Benchmarks: what each measures is said in its module. Results are in `benches/results`.

pub mod boards;
mod commit;
pub mod host;
pub mod latency;
pub mod mcu;
pub mod memory;
mod names;
pub mod pages;
mod peers;
mod plot;
mod size;
pub mod table;
pub mod wasm;
pub mod wasm_threads;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

#[derive(Args)]
#[command(after_help = "\
What a complete run measures is kept in benches/results (JSON, tables, plots) and shown in docs/benchmarks.md; with --quick, or with --only \
where that names allocators, a run prints its tables and changes nothing.
What is missing (cross compiler, QEMU, Node, valgrind) is installed where rustup or apt can get it.")]
pub struct Options {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Subcommand)]
enum Benchmark {
    /// Cortex-M3 in QEMU: instructions of every single call, interrupt masking, RAM and flash (about 15 minutes)
    Mcu(mcu::Options),
    /// The smallest arena in which traces of real programs run, on wasm32 (about 10 minutes)
    Memory(memory::Options),
    /// wasm32 under Node: time of a call, random actions, memory grown, code bytes (about 15 minutes)
    Wasm(wasm::Options),
    /// wasm32 under Node: throughput of workers that share one memory and one heap (about 4 minutes)
    WasmThreads(wasm_threads::Options),
    /// Every board in QEMU: instructions of pooled and large calls, and how long they mask (about 5 minutes)
    Boards(boards::Options),
    /// Cortex-M0, M3 and M4F in QEMU: how long interrupts are masked (about 2 minutes)
    Latency(latency::Options),
    /// This machine: throughput with 1, 2 and 4 threads, instructions under callgrind (about 10 minutes)
    Host(host::Options),
    /// Where larder's bytes are: flash and wasm code by symbol (about 2 minutes)
    Size(size::Options),
    /// All of these, one after the other
    All,
    /// The peers' versions, and whether crates.io has newer ones
    Peers(peers::Options),
    /// Record the traces of benches/traces again
    Record(memory::record::Options),
}

pub fn run(options: &Options) -> Result<bool> {
    match &options.benchmark {
        Benchmark::Mcu(options) => mcu::run(options),
        Benchmark::Memory(options) => memory::run(options),
        Benchmark::Wasm(options) => wasm::run(options),
        Benchmark::WasmThreads(options) => wasm_threads::run(options),
        Benchmark::Boards(options) => boards::run(options),
        Benchmark::Latency(options) => latency::run(options),
        Benchmark::Host(options) => host::run(options),
        Benchmark::Size(options) => size::run(options),
        Benchmark::All => run_all(),
        Benchmark::Peers(options) => peers::run(options),
        Benchmark::Record(options) => memory::record::run(options),
    }
}

/// In the order of their length.
const ALL: [&str; 8] = ["size", "boards", "latency", "wasm-threads", "host", "memory", "wasm", "mcu"];

/// Every benchmark as it is run by itself; one that fails does not keep the others from running.
fn run_all() -> Result<bool> {
    let mut failed = Vec::new();
    for name in ALL {
        note_line!("== bench {name}");
        let Alone { options } = Alone::parse_from(["bench", name]);
        match run(&options) {
            Ok(true) => {}
            Ok(false) => failed.push(name),
            Err(error) => {
                note_line!("error: {error:#}");
                failed.push(name);
            }
        }
    }
    if !failed.is_empty() {
        note_line!("FAIL bench {}", failed.join(", "));
    }
    Ok(failed.is_empty())
}

/// A benchmark with the options that it has by itself.
#[derive(Parser)]
struct Alone {
    #[command(flatten)]
    options: Options,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::error::ErrorKind;

    #[test]
    fn what_runs_with_all_can_be_called() {
        for name in ALL {
            assert!(Alone::try_parse_from(["bench", name]).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_name_that_nobody_has_is_refused_before_anything_is_built() {
        for words in [["bench", "host", "--only", "nonsense"].as_slice(), &["bench", "record", "nonsense"]] {
            let Alone { options } = Alone::parse_from(words);
            let line = format!("{:#}", run(&options).unwrap_err());
            assert!(line.contains("is called nonsense; there are"), "{line}");
            assert_eq!(line.lines().count(), 1, "{line}");
        }
    }

    #[test]
    fn there_is_no_median_of_nothing() {
        for name in ["wasm", "wasm-threads", "host"] {
            let refused = Alone::try_parse_from(["bench", name, "--repetitions", "0"]).err();
            assert!(refused.is_some_and(|error| error.kind() == ErrorKind::ValueValidation), "{name}");
        }
    }
}
