//! Takes a trace from where a program writes it, and stores it clean: text and damaged bytes between records become gaps.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use larder::trace::{self, Origin, Record};

use crate::output;
use crate::read::{self, At, Event, Options, Sink};

/// Where the bytes come from.
#[derive(Debug)]
pub enum Source {
    /// A file, a pipe, a terminal that is set up already; - for standard input.
    File(PathBuf),
    /// A serial port, and how fast it is.
    Serial(PathBuf, u32),
    /// What a program writes to its standard output: an emulator, a debug probe's.
    Command(Vec<String>),
}

/// What was stored.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    pub events: u64,
    pub gaps: u64,
    pub bytes: u64,
}

/// Records until the source ends, `stop` is set, or so many events are there.
///
/// # Errors
/// If the source can't be read, has no record, or the trace can't be written.
pub fn run(source: &Source, out: &Path, most_events: Option<u64>, stop: &AtomicBool) -> Result<Stored> {
    let mut child = None;
    let input: Box<dyn Read + Send> = match source {
        Source::File(path) if path == Path::new("-") => Box::new(io::stdin()),
        Source::File(path) => Box::new(File::open(path).with_context(|| path.display().to_string())?),
        Source::Serial(path, baud) => Box::new(serial(path, *baud)?),
        Source::Command(words) => {
            let started = child.insert(Running(start(words)?));
            Box::new(started.0.stdout.take().context("the program has no output")?)
        }
    };
    let style =
        ProgressStyle::with_template("{spinner} {msg} {elapsed}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::new_spinner().with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    let mut stored = Stored::default();
    let outcome = output::file(out, |out| {
        let mut storing = Storing { out, bar: &bar, stored: Stored::default(), most_events, failed: None };
        let mut input = Stoppable::new(input, stop);
        let outcome = read::stream(&mut input, Options { resync: true }, &mut storing);
        stored = storing.stored;
        match storing.failed {
            Some(error) => Err(error).context("the trace can't be written"),
            // The wished number of events ends the reading with an error that is none.
            None if most_events.is_some_and(|most| stored.events >= most) => Ok(()),
            None => outcome,
        }?;
        if stored.events == 0 {
            bail!("no record was received");
        }
        Ok(())
    });
    bar.finish_and_clear();
    drop(child);
    outcome.map(|()| stored)
}

/// A program that ends when nobody reads its output any more.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(words: &[String]) -> Result<Child> {
    let (program, arguments) = words.split_first().context("no program is named")?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
    command.spawn().with_context(|| format!("{program} can't be run"))
}

/// Opens a serial port without echo, line ends or control characters, as `stty raw` sets it.
fn serial(path: &Path, baud: u32) -> Result<File> {
    let what = || path.display().to_string();
    let mut stty = Command::new("stty");
    let flag = if cfg!(target_os = "macos") { "-f" } else { "-F" };
    stty.arg(flag).arg(path).args([&baud.to_string(), "raw", "-echo"]);
    let output = stty.stdin(Stdio::null()).output().context("stty can't be run: it sets the serial port up")?;
    if !output.status.success() {
        bail!("{}: {}", path.display(), String::from_utf8_lossy(&output.stderr).trim());
    }
    File::open(path).with_context(what)
}

/// A source that ends when it is told to, also while nothing comes: a thread of its own waits for bytes.
struct Stoppable<'a> {
    chunks: Receiver<io::Result<Vec<u8>>>,
    rest: Vec<u8>,
    stop: &'a AtomicBool,
}

impl<'a> Stoppable<'a> {
    fn new(mut input: Box<dyn Read + Send>, stop: &'a AtomicBool) -> Self {
        // Few, so that a fast source waits.
        let (sender, chunks) = sync_channel(16);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            loop {
                let chunk = match input.read(&mut buffer) {
                    Ok(len) => Ok(buffer[..len].to_vec()),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    // A terminal whose other side has gone.
                    Err(error) if error.raw_os_error() == Some(5) => Ok(Vec::new()),
                    Err(error) => Err(error),
                };
                let is_last = chunk.as_ref().map_or(true, Vec::is_empty);
                if sender.send(chunk).is_err() || is_last {
                    return;
                }
            }
        });
        Self { chunks, rest: Vec::new(), stop }
    }
}

impl Read for Stoppable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            // Relaxed: the flag alone counts.
            if self.stop.load(Relaxed) {
                return Ok(0);
            }
            match self.chunks.recv_timeout(Duration::from_millis(100)) {
                Ok(chunk) => self.rest = chunk?,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            }
            if self.rest.is_empty() {
                return Ok(0);
            }
        }
        let len = self.rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&self.rest[..len]);
        self.rest.drain(..len);
        Ok(len)
    }
}

struct Storing<'a> {
    out: &'a mut dyn Write,
    bar: &'a ProgressBar,
    stored: Stored,
    most_events: Option<u64>,
    failed: Option<io::Error>,
}

impl Storing<'_> {
    fn put(&mut self, record: &Record) {
        for word in record.words() {
            if let Err(error) = self.out.write_all(&word.to_le_bytes()) {
                self.failed.get_or_insert(error);
            }
        }
        self.stored.bytes += record.words().len() as u64 * 4;
    }
}

impl Sink for Storing<'_> {
    fn event(&mut self, event: &Event, at: &At) -> Result<(), String> {
        let long =
            |value: u64| usize::try_from(value).map_err(|_| "the number is longer than this machine's".to_owned());
        let origin = Origin {
            site: if at.site == 0 { None } else { Some(long(at.site)?) },
            tag: at.tag,
            // As the program's clock would go on: readers unwrap it again.
            time: at.time.map(|ticks| ticks as u32),
        };
        let (gone, gone_align) = at.gone.unwrap_or((0, 1));
        let event = match *event {
            Event::Start(start) => trace::Event::Start(start),
            Event::Name { tag, name } => {
                self.put(&Record::name(tag, name));
                return Ok(());
            }
            Event::Alloc { block, size, align } => {
                trace::Event::Alloc { address: long(block)?, size_bytes: long(size)?, align_bytes: long(align)? }
            }
            Event::Free { block } => {
                trace::Event::Free { address: long(block)?, size_bytes: long(gone)?, align_bytes: long(gone_align)? }
            }
            Event::Realloc { old, block, size, align } => trace::Event::Realloc {
                address: long(block)?,
                size_bytes: long(size)?,
                old_address: long(old)?,
                old_bytes: long(gone)?,
                align_bytes: long(align.unwrap_or(1))?,
            },
            Event::Refused { size, align } => {
                trace::Event::Refused { size_bytes: long(size)?, align_bytes: long(align)?, old_address: 0 }
            }
            Event::WrongFree { address, reason } => trace::Event::WrongFree { address: long(address)?, reason },
            Event::Gap { events } => {
                self.stored.gaps += 1;
                trace::Event::Gap {
                    events: if events == 0 { u32::MAX } else { u32::try_from(events).unwrap_or(u32::MAX) },
                }
            }
        };
        self.put(&Record::new(&event, origin));
        let is_event = !matches!(event, trace::Event::Start(_) | trace::Event::Gap { .. });
        self.stored.events += u64::from(is_event);
        if self.stored.events.is_multiple_of(1024) {
            self.bar.set_message(format!(
                "{} events, {} gaps, {} bytes",
                self.stored.events, self.stored.gaps, self.stored.bytes
            ));
        }
        if self.failed.is_some() || self.most_events.is_some_and(|most| self.stored.events >= most) {
            return Err("enough".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::tests::{alloc, bytes_of, generated};
    use crate::report;

    fn record(source: &Source, most: Option<u64>) -> (Result<Stored>, tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        (run(source, &out, most, &AtomicBool::new(false)), folder, out)
    }

    #[test]
    fn a_log_between_records_is_left_out() {
        let source = tempfile::NamedTempFile::new().unwrap();
        let mut bytes = b"boot\n".to_vec();
        bytes.extend(bytes_of(&[alloc(64, 8)]));
        bytes.extend(b"a line\n");
        bytes.extend(bytes_of(&[alloc(128, 8)]));
        std::fs::write(source.path(), bytes).unwrap();
        let (stored, _folder, out) = record(&Source::File(source.path().to_owned()), None);
        assert_eq!(stored.unwrap(), Stored { events: 2, gaps: 1, bytes: 32 });
        let analysis = report::analyse(&out, Options::default()).unwrap();
        assert_eq!((analysis.allocs, analysis.gaps), (2, 1));
    }

    #[test]
    fn what_a_program_writes_is_stored_as_it_is() {
        let source = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(source.path(), generated(2000)).unwrap();
        let command = ["cat", source.path().to_str().unwrap()].map(str::to_owned).to_vec();
        let (stored, _folder, out) = record(&Source::Command(command), None);
        assert_eq!(stored.unwrap().events, 2000);
        // The clock begins at 0 now: but for that, each record is the same.
        let events = |path: &Path| {
            let (bytes, mut at, mut events) = (std::fs::read(path).unwrap(), 0, vec![]);
            while at < bytes.len() {
                let (decoded, len) = trace::decode(&bytes[at..]).unwrap();
                events.push(decoded.event);
                at += len;
            }
            events
        };
        assert!(events(&out) == events(source.path()));
        let text = |path: &Path| {
            let analysis = report::analyse(path, Options::default()).unwrap();
            report::Report::new("x", &analysis, &mut crate::symbols::Symbols::default()).text(50)
        };
        assert_eq!(text(&out), text(source.path()));
        let (stored, _folder, out) = record(&Source::File(source.path().to_owned()), Some(100));
        assert_eq!(stored.unwrap().events, 100);
        assert_eq!(report::analyse(&out, Options::default()).unwrap().ledger.events, 100);
    }

    /// While nothing comes, an interrupt still ends the recording, and keeps what there is.
    #[test]
    fn an_interrupt_keeps_what_came() {
        let source = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(source.path(), generated(50)).unwrap();
        let script = format!("cat '{}'; exec sleep 600", source.path().display());
        let command = ["sh", "-c", &script].map(str::to_owned).to_vec();
        let stop = AtomicBool::new(false);
        let out = source.path().with_extension("out");
        let stored = std::thread::scope(|scope| {
            let recording = scope.spawn(|| run(&Source::Command(command), &out, None, &stop));
            std::thread::sleep(Duration::from_millis(1500));
            stop.store(true, Relaxed);
            recording.join().unwrap().unwrap()
        });
        std::fs::remove_file(out).unwrap();
        assert_eq!(stored.events, 50);
    }

    #[test]
    fn nothing_is_written_where_no_record_comes() {
        let source = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(source.path(), b"only a log\n").unwrap();
        let (stored, _folder, out) = record(&Source::File(source.path().to_owned()), None);
        assert!(format!("{:#}", stored.unwrap_err()).contains("no record was received") && !out.exists());
        assert!(record(&Source::Command(vec!["there-is-no-such-program".to_owned()]), None).0.is_err());
        assert!(record(&Source::Serial(source.path().to_owned(), 115_200), None).0.is_err());
    }
}
