//! The commands, and what they are told.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};

use crate::diff::Diff;
use crate::read::Options;
use crate::report::{self, Report};
use crate::symbols::Symbols;
use crate::{bound, export, fit, generate, output, record, replay};

/// Reads allocation traces: who holds memory, what leaks, how fragmented it is, and which heap fits.
#[derive(Debug, Parser)]
#[command(name = "larder-tools", version, max_term_width = 100)]
pub struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Store what a program writes: from a file, standard input, a serial port, or an emulator
    Record(RecordArguments),
    /// Who held the peak, what is live at the end, who allocates most often, how fragmented memory is
    Report(ReportArguments),
    /// What grew between two traces
    Diff(DiffArguments),
    /// A trace in the format of heaptrack, pprof or Perfetto
    Export(ExportArguments),
    /// A trace on larder and on other allocators: refusals, the smallest arena, time
    Replay(ReplayArguments),
    /// Search the configuration and arena that serve traces with the fewest bytes; prints Rust to paste
    Fit(FitArguments),
    /// The arena that provably suffices for declared maxima, under any order of calls
    Bound(BoundArguments),
    /// Write a made-up trace, to try the other commands with
    Generate(GenerateArguments),
}

/// A trace and its program.
#[derive(Debug, Args)]
pub struct TraceArguments {
    /// The trace; - for standard input
    pub trace: PathBuf,
    /// The program's ELF file, which gives call sites names and lines
    #[arg(long, value_name = "FILE")]
    pub elf: Option<PathBuf>,
    /// Pass over damaged bytes, as gaps, instead of stopping there
    #[arg(long)]
    pub resync: bool,
}

impl TraceArguments {
    /// How the trace is read.
    pub fn options(&self) -> Options {
        Options { resync: self.resync }
    }

    /// The program's symbols.
    ///
    /// # Errors
    /// If there is an ELF file that can't be read.
    pub fn symbols(&self) -> Result<Symbols> {
        self.elf.as_deref().map_or(Ok(Symbols::default()), Symbols::load)
    }

    /// What the trace is called in results.
    pub fn name(&self) -> String {
        self.trace
            .file_name()
            .map_or_else(|| self.trace.display().to_string(), |name| name.to_string_lossy().into_owned())
    }
}

#[derive(Debug, Args)]
struct ReportArguments {
    #[command(flatten)]
    trace: TraceArguments,
    /// Rows of each table
    #[arg(long, default_value_t = 10)]
    top: usize,
    /// Write JSON
    #[arg(long, conflicts_with = "html")]
    json: bool,
    /// Write one page that needs nothing else into a file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct DiffArguments {
    before: PathBuf,
    after: PathBuf,
    /// The ELF file of both programs, or of the first
    #[arg(long, value_name = "FILE")]
    elf: Option<PathBuf>,
    /// The ELF file of the second program, if it is another
    #[arg(long, value_name = "FILE")]
    elf_after: Option<PathBuf>,
    /// Pass over damaged bytes, as gaps
    #[arg(long)]
    resync: bool,
    /// Rows of the table
    #[arg(long, default_value_t = 20)]
    top: usize,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ExportArguments {
    #[command(flatten)]
    trace: TraceArguments,
    #[arg(long, value_enum)]
    to: export::Format,
    /// Where to
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Args)]
struct ReplayArguments {
    #[command(flatten)]
    trace: TraceArguments,
    /// Count the refusals in an arena of so many bytes
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(64..=1 << 30))]
    arena: Option<u32>,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct FitArguments {
    /// The traces to fit to
    #[arg(required = true)]
    traces: Vec<PathBuf>,
    /// Traces that are not fitted to: how the result does on these says whether it carries over
    #[arg(long, value_name = "TRACE", num_args = 1..)]
    validate: Vec<PathBuf>,
    /// How long to search; Ctrl-C ends it sooner, and keeps the best so far
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// Make the arena longer than is needed, by so many percent
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1000))]
    margin: u32,
    /// The folder of larder's sources, if another version is wished
    #[arg(long, value_name = "FOLDER")]
    larder: Option<PathBuf>,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct BoundArguments {
    /// So many blocks of a size, in bytes, are live at once at most: COUNTxSIZE or COUNTxSIZE@ALIGN
    #[arg(required = true, value_name = "MAXIMUM")]
    maxima: Vec<bound::Maximum>,
    #[arg(long, value_enum, default_value = "default")]
    heap: bound::Heap,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct RecordArguments {
    /// Where to
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// A file, or - for standard input
    #[arg(long, value_name = "FILE", group = "source")]
    from: Option<PathBuf>,
    /// A serial port; --baud says how fast it is
    #[arg(long, value_name = "PORT", group = "source")]
    serial: Option<PathBuf>,
    #[arg(long, default_value_t = 115_200)]
    baud: u32,
    /// End after so many events
    #[arg(long, value_name = "EVENTS")]
    events: Option<u64>,
    /// A program and its arguments, behind --, whose standard output has the trace: qemu-system-arm, probe-rs
    #[arg(last = true, group = "source")]
    command: Vec<String>,
}

#[derive(Debug, Args)]
struct GenerateArguments {
    /// Where to
    out: PathBuf,
    #[arg(long, default_value_t = 100_000)]
    events: u64,
    /// Bytes of the device's arena
    #[arg(long, default_value_t = 128 * 1024, value_parser = clap::value_parser!(u64).range(1024..=1 << 26))]
    arena: u64,
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// In words for the user.
    pub fn run(self) -> Result<()> {
        output::result(self.text()?.as_bytes())
    }

    /// Does it, and returns what goes to standard output.
    ///
    /// # Errors
    /// In words for the user.
    pub fn text(self) -> Result<String> {
        let written = |()| String::new();
        match self.what {
            What::Record(arguments) => record(arguments).map(written),
            What::Report(arguments) => report(&arguments),
            What::Diff(arguments) => diff(arguments),
            What::Export(arguments) => {
                let mut symbols = arguments.trace.symbols()?;
                let (path, options) = (&arguments.trace.trace, arguments.trace.options());
                output::file(&arguments.out, |out| export::write(arguments.to, path, options, &mut symbols, out))
                    .map(written)
            }
            What::Replay(arguments) => {
                let script = replay::load(&arguments.trace.trace, arguments.trace.options())?;
                let arena = arguments.arena.map(|bytes| bytes as usize);
                let outcomes = replay::run(&script, arena)?;
                shown(arguments.json, &outcomes, || replay::text(&arguments.trace.name(), &script, arena, &outcomes))
            }
            What::Fit(arguments) => fit(arguments),
            What::Bound(arguments) => {
                let bound = bound::derive(arguments.heap, &arguments.maxima)?;
                shown(arguments.json, &bound, || bound.text())
            }
            What::Generate(arguments) => {
                output::file(&arguments.out, |out| generate::write(out, arguments.events, arguments.arena as usize))
                    .map(written)
            }
        }
    }
}

/// As JSON, or as text.
fn shown(json: bool, result: &impl serde::Serialize, text: impl FnOnce() -> String) -> Result<String> {
    Ok(if json { serde_json::to_string_pretty(result)? + "\n" } else { text() })
}

fn report(arguments: &ReportArguments) -> Result<String> {
    let mut symbols = arguments.trace.symbols()?;
    let analysis = report::analyse(&arguments.trace.trace, arguments.trace.options())?;
    let report = Report::new(&arguments.trace.name(), &analysis, &mut symbols);
    if let Some(path) = &arguments.html {
        let page = report.html()?;
        return output::file(path, |out| Ok(out.write_all(page.as_bytes())?)).map(|()| String::new());
    }
    shown(arguments.json, &report, || report.text(arguments.top))
}

fn diff(arguments: DiffArguments) -> Result<String> {
    let read = |trace: PathBuf, elf: Option<PathBuf>| -> Result<Report> {
        let trace = TraceArguments { trace, elf, resync: arguments.resync };
        let mut symbols = trace.symbols()?;
        Ok(Report::new(&trace.name(), &report::analyse(&trace.trace, trace.options())?, &mut symbols))
    };
    let before = read(arguments.before, arguments.elf.clone())?;
    let after = read(arguments.after, arguments.elf_after.or(arguments.elf))?;
    let diff = Diff::new(&before, &after);
    shown(arguments.json, &diff, || diff.text(arguments.top))
}

/// Set by Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);

/// From now on, Ctrl-C asks for an end; asked twice, the program ends at once.
fn catch_interrupt() -> Result<()> {
    // Relaxed: the flag alone counts.
    let handler = || {
        if STOP.swap(true, Relaxed) {
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(handler).context("Ctrl-C can't be caught")
}

fn record(arguments: RecordArguments) -> Result<()> {
    let source = match (arguments.from, arguments.serial) {
        (Some(path), _) => record::Source::File(path),
        (_, Some(port)) => record::Source::Serial(port, arguments.baud),
        _ if !arguments.command.is_empty() => record::Source::Command(arguments.command),
        _ => bail!("say where the trace comes from: --from FILE, --serial PORT, or -- PROGRAM ARGUMENTS"),
    };
    catch_interrupt()?;
    let stored = record::run(&source, &arguments.out, arguments.events, &STOP)?;
    output::note(format_args!("{} events, {} gaps, {} bytes", stored.events, stored.gaps, stored.bytes));
    Ok(())
}

fn fit(arguments: FitArguments) -> Result<String> {
    catch_interrupt()?;
    let json = arguments.json;
    let arguments = fit::Arguments {
        traces: arguments.traces,
        validate: arguments.validate,
        seconds: arguments.seconds,
        margin_percent: arguments.margin,
        larder: arguments.larder,
        options: Options::default(),
    };
    let found = fit::run(&arguments, &STOP)?;
    shown(json, &found, || found.text())
}

#[cfg(test)]
mod tests;
