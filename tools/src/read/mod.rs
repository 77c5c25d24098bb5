//! Traces of every format, as one sequence of events.
//!
//! | format | begins with | from |
//! |---|---|---|
//! | binary | `0xA5` | the library's `trace`, see `docs/trace-format.md` |
//! | columns | `LTR1` | `benches/traces` |
//! | text | `a`, `f`, `r` or `#` | lines `a ID SIZE ALIGN`, `f ID`, `r ID NEWSIZE` |
//!
//! Each may be packed with gzip. Memory: that of a buffer, except for columns, which are unpacked as a whole.

mod binary;
mod columns;
mod text;

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};
use flate2::read::MultiGzDecoder;
pub use larder::trace::Start;

/// What happened. Sizes and alignments are in bytes. A block is named by its address, or by a number where the trace has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// What the stream says about itself.
    Start(Start),
    /// The name of a tag.
    Name {
        tag: u32,
        name: &'a str,
    },
    Alloc {
        block: u64,
        size: u64,
        align: u64,
    },
    Free {
        block: u64,
    },
    /// `old` has become `block`, which may be the same.
    Realloc {
        old: u64,
        block: u64,
        size: u64,
        align: Option<u64>,
    },
    Refused {
        size: u64,
        align: u64,
    },
    WrongFree {
        address: u64,
        reason: u8,
    },
    /// Events are missing here; 0: nobody knows how many.
    Gap {
        events: u64,
    },
}

/// Where an event stands, and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct At {
    /// Byte of the trace, unpacked.
    pub offset: u64,
    /// Return address; 0: unknown.
    pub site: u64,
    pub tag: Option<u32>,
    /// Ticks, unwrapped: counted from the first time of the trace.
    pub time: Option<u64>,
    /// Size and alignment of the block that goes, if the record says so.
    pub gone: Option<(u64, u64)>,
}

/// The format of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Binary,
    Columns,
    Text,
}

impl Format {
    /// Whether blocks are named by where they lie.
    pub fn has_addresses(self) -> bool {
        self == Self::Binary
    }
}

/// What is wrong with a trace, and where.
#[derive(Debug)]
pub struct Fault {
    pub offset: u64,
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "at byte {}: {}", self.offset, self.message)
    }
}

impl std::error::Error for Fault {}

/// Fails at a place of the trace.
fn fault<T>(offset: u64, message: impl fmt::Display) -> Result<T> {
    bail!(Fault { offset, message: message.to_string() })
}

/// A receiver of a trace's events.
pub trait Sink {
    /// Told before the first event.
    fn begin(&mut self, _format: Format) {}

    /// Told of each event.
    ///
    /// # Errors
    /// What is wrong with the event: the reader adds where it stands.
    fn event(&mut self, event: &Event, at: &At) -> Result<(), String>;
}

/// How a trace is to be read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Pass over what is no record, as a gap.
    pub resync: bool,
}

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// If the file can't be read, or is no trace: with its name and the offset.
pub fn file(path: &Path, options: Options, sink: &mut dyn Sink) -> Result<()> {
    let what = || path.display().to_string();
    if path == Path::new("-") {
        return stream(&mut io::stdin().lock(), options, sink).context("standard input");
    }
    stream(&mut File::open(path).with_context(what)?, options, sink).with_context(what)
}

/// Reads a stream to its end.
///
/// # Errors
/// If it can't be read, or is no trace.
pub fn stream(input: &mut dyn Read, options: Options, sink: &mut dyn Sink) -> Result<()> {
    let mut input = BufReader::with_capacity(1 << 18, input);
    if starts_with(&mut input, &[0x1f, 0x8b])? {
        let mut unpacked = BufReader::with_capacity(1 << 18, MultiGzDecoder::new(input));
        return plain(&mut unpacked, options, sink).context("packed with gzip: offsets are those of what is inside");
    }
    plain(&mut input, options, sink)
}

fn plain(input: &mut dyn BufRead, options: Options, sink: &mut dyn Sink) -> Result<()> {
    if starts_with(input, b"LTR1")? {
        sink.begin(Format::Columns);
        return columns::read(input, sink);
    }
    let Some(&first) = input.fill_buf().context("the trace can't be read")?.first() else {
        return fault(0, "the trace is empty");
    };
    if matches!(first, b'a' | b'f' | b'r' | b'#') && !options.resync {
        sink.begin(Format::Text);
        return text::read(input, sink);
    }
    if first != 0xA5 && !options.resync {
        return fault(0, "this is no trace that I know: neither a record (0xA5), nor LTR1, nor lines of text");
    }
    sink.begin(Format::Binary);
    binary::read(input, options, sink)
}

/// Whether a stream begins so. A buffer that holds fewer bytes counts as no.
fn starts_with(input: &mut dyn BufRead, magic: &[u8]) -> Result<bool> {
    Ok(input.fill_buf().context("the trace can't be read")?.starts_with(magic))
}

/// Passes an event on, and says where it stands if it is wrong.
fn tell(sink: &mut dyn Sink, event: &Event, at: &At) -> Result<()> {
    sink.event(event, at).or_else(|message| fault(at.offset, message))
}

#[cfg(test)]
pub mod tests;
