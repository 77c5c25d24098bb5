//! Benchmarks: what each measures is said in its module.

mod mcu;

use anyhow::Result;
use clap::{Args, Subcommand};

#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Subcommand)]
enum Benchmark {
    /// Instructions of every single call on a Cortex-M3 in QEMU, interrupt masking, state and code, beside the peers
    Mcu(mcu::Options),
    /// Flash bytes by symbol
    Size(mcu::size::Options),
}

pub fn run(options: &Options) -> Result<bool> {
    match &options.benchmark {
        Benchmark::Mcu(options) => mcu::run(options),
        Benchmark::Size(options) => mcu::size::run(options),
    }
}
