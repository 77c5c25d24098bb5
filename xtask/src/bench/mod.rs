//! Benchmarks: what each measures is said in its module.

pub mod mcu;
mod memory;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::readme;

#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Subcommand)]
enum Benchmark {
    /// Instructions of every single call on a Cortex-M3 in QEMU, interrupt masking, state and code, beside the peers
    Mcu(mcu::Options),
    /// The smallest arena for traces of real programs, on wasm32 under Node, beside the peers
    Memory(memory::Options),
    /// Nanoseconds a call on the same traces
    Wasm(memory::wasm::Options),
    /// Record the traces again
    Record(memory::record::Options),
    /// Flash bytes by symbol
    Size(mcu::size::Options),
}

pub fn run(options: &Options) -> Result<bool> {
    let succeeded = measure(options)?;
    readme::refresh()?;
    Ok(succeeded)
}

fn measure(options: &Options) -> Result<bool> {
    match &options.benchmark {
        Benchmark::Mcu(options) => mcu::run(options),
        Benchmark::Memory(options) => memory::run(options),
        Benchmark::Wasm(options) => memory::wasm::run(options),
        Benchmark::Record(options) => memory::record::run(options),
        Benchmark::Size(options) => mcu::size::run(options),
    }
}
