//! Traces in the formats of other tools.

mod heaptrack;
mod perfetto;
mod pprof;

use std::io::Write;
use std::path::Path;

use anyhow::Result;

use crate::read::{self, Options};
use crate::report;
use crate::symbols::Symbols;

/// A format of another tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For `heaptrack_print` and `heaptrack_gui`: every event
    Heaptrack,
    /// For `go tool pprof` and what reads its format: bytes and blocks by call site, at the peak, at the end and in all
    Pprof,
    /// For `ui.perfetto.dev`: live bytes over time, in all and by call site, refusals and wrong frees
    Perfetto,
}

/// Writes a trace in another format.
///
/// # Errors
/// If the trace can't be read, or the result not be written.
pub fn write(format: Format, path: &Path, options: Options, symbols: &mut Symbols, out: &mut dyn Write) -> Result<()> {
    match format {
        Format::Heaptrack => {
            let mut sink = heaptrack::Writer::new(out, symbols);
            read::file(path, options, &mut sink)?;
            sink.finish()
        }
        Format::Pprof => pprof::write(&report::analyse(path, options)?, symbols, out),
        Format::Perfetto => {
            let mut sink = perfetto::Writer::new(out, symbols);
            read::file(path, options, &mut sink)?;
            sink.finish()
        }
    }
}

#[cfg(test)]
mod tests;
