//! A trace on larder and on other allocators: what they refuse, the smallest arena that serves, and the time.

pub mod engine;
#[cfg(feature = "peers")]
mod peers;
pub mod script;
pub mod subjects;

use std::fmt::Write;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use engine::Room;
use indicatif::{ProgressBar, ProgressStyle};
use rustc_hash::FxHashMap;
use script::{Kind, Op, Script};
use serde::Serialize;

use crate::ledger::{Change, Ledger, Live};
use crate::read::{self, At, Event, Format, Options, Sink};
use crate::report::text::{grouped, table};
use subjects::Larder;

/// Longer traces' peaks are not replayed.
const PEAK_MAX: u64 = 1 << 29;

/// Makes a script of a trace.
struct Scripter {
    ledger: Ledger,
    script: Script,
    /// The slot of each live block, by the event that allocated it.
    slots: FxHashMap<u64, u32>,
    free: Vec<u32>,
    live_bytes: u64,
}

impl Scripter {
    fn slot(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.script.slots += 1;
            self.script.slots - 1
        })
    }

    fn push(&mut self, kind: Kind, slot: u32, live: &Live, new_size: u32) {
        let size = (live.size as u32).max(1);
        self.script.ops.push(Op { kind, align_log2: live.align_log2, slot, size, new_size });
    }
}

impl Sink for Scripter {
    fn begin(&mut self, format: Format) {
        self.ledger = Ledger::new(format);
    }

    fn event(&mut self, event: &Event, at: &At) -> Result<(), String> {
        let change = self.ledger.apply(event, at)?;
        for (_, live) in change.gone.iter().chain(&change.come) {
            if live.size > PEAK_MAX || live.align_log2 > 16 {
                return Err(format!(
                    "a block of {} bytes, aligned to 2^{}, can't be replayed",
                    live.size, live.align_log2
                ));
            }
        }
        match (change, event) {
            (Change { gone: Some((_, gone)), come: Some((_, come)) }, Event::Realloc { .. })
                if gone.align_log2 == come.align_log2 =>
            {
                let slot = self.slots.remove(&gone.born).ok_or("a block is resized that was never allocated")?;
                self.slots.insert(come.born, slot);
                self.push(Kind::Realloc, slot, &gone, (come.size as u32).max(1));
                self.live_bytes = self.live_bytes - gone.size + come.size;
            }
            (change, _) => {
                if let Some((_, gone)) = change.gone {
                    let slot = self.slots.remove(&gone.born).ok_or("a block is freed that was never allocated")?;
                    self.free.push(slot);
                    self.push(Kind::Free, slot, &gone, 0);
                    self.live_bytes -= gone.size;
                }
                if let Some((_, come)) = change.come {
                    let slot = self.slot();
                    self.slots.insert(come.born, slot);
                    self.push(Kind::Alloc, slot, &come, 0);
                    self.live_bytes += come.size;
                }
            }
        }
        self.script.peak_bytes = self.script.peak_bytes.max(self.live_bytes);
        if self.script.peak_bytes > PEAK_MAX {
            return Err(format!("more than {PEAK_MAX} bytes are live: that is too much to be replayed"));
        }
        Ok(())
    }
}

/// The requests of a trace. Requests that were refused when it was recorded are left out.
///
/// # Errors
/// If it can't be read, is no trace, or has nothing to be replayed.
pub fn load(path: &Path, options: Options) -> Result<Script> {
    let mut scripter = Scripter {
        ledger: Ledger::new(Format::Text),
        script: Script::default(),
        slots: FxHashMap::default(),
        free: Vec::new(),
        live_bytes: 0,
    };
    read::file(path, options, &mut scripter)?;
    if scripter.script.ops.is_empty() {
        bail!("{}: no block is allocated", path.display());
    }
    Ok(scripter.script)
}

/// What one allocator did with a script.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    pub name: String,
    /// In the arena that was asked for; `None`: none was.
    pub refused: Option<usize>,
    pub smallest_arena_bytes: Option<usize>,
    /// From here on every arena that was tried serves.
    pub steady_arena_bytes: Option<usize>,
    /// The smallest arena over the peak.
    pub of_peak: Option<f64>,
    pub nanoseconds_per_call: f64,
}

/// An allocator and how to measure it.
#[derive(Clone, Copy)]
pub struct Entry {
    pub name: &'static str,
    measure: fn(&Script, Option<usize>, &'static str) -> Result<Outcome>,
    attempt: fn(&mut Room, &[Op], usize) -> Option<usize>,
}

impl Entry {
    const fn new<S: engine::Subject>(name: &'static str) -> Self {
        Self { name, measure: measure::<S>, attempt: Room::first_refusal::<S> }
    }

    /// Whether an arena serves a whole script.
    pub fn serves(&self, room: &mut Room, ops: &[Op], bytes: usize) -> bool {
        (self.attempt)(room, ops, bytes).is_none()
    }
}

/// What there is to compare.
pub fn entries() -> Vec<Entry> {
    #[allow(unused_mut, reason = "without peers, these are all")]
    let mut entries = vec![
        Entry::new::<Larder<larder::Defaults>>("larder"),
        Entry::new::<Larder<larder::Frugal>>("larder, Frugal"),
        Entry::new::<Larder<larder::Compact>>("larder, Compact"),
    ];
    #[cfg(feature = "peers")]
    entries.extend([
        Entry::new::<peers::LinkedList>("linked_list_allocator"),
        Entry::new::<peers::Rlsf>("rlsf"),
        Entry::new::<peers::Talc>("talc"),
    ]);
    entries
}

/// The longest arena that is tried.
pub fn limit(peak_bytes: u64) -> usize {
    peak_bytes as usize * 4 + (1 << 18)
}

fn measure<S: engine::Subject>(script: &Script, arena: Option<usize>, name: &'static str) -> Result<Outcome> {
    let limit = limit(script.peak_bytes).max(arena.unwrap_or(0));
    let mut room =
        Room::new(script, limit).ok_or_else(|| anyhow!("there is no memory for an arena of {limit} bytes"))?;
    let refused = match arena {
        Some(bytes) => Some(room.refusals::<S>(&script.ops, bytes).context("the arena is too small for any heap")?),
        None => None,
    };
    let found = engine::search(script.peak_bytes as usize, limit, |bytes| {
        room.first_refusal::<S>(&script.ops, bytes).is_none()
    });
    // Where it has room, in the best of a few runs.
    let mut best = Duration::MAX;
    let begin = Instant::now();
    for _ in 0..20 {
        let one = Instant::now();
        std::hint::black_box(room.first_refusal::<S>(&script.ops, limit));
        best = best.min(one.elapsed());
        if begin.elapsed() > Duration::from_millis(500) {
            break;
        }
    }
    Ok(Outcome {
        name: name.to_owned(),
        refused,
        smallest_arena_bytes: found.map(|(smallest, _)| smallest),
        steady_arena_bytes: found.map(|(_, steady)| steady),
        of_peak: found.map(|(smallest, _)| smallest as f64 / script.peak_bytes.max(1) as f64),
        nanoseconds_per_call: best.as_nanos() as f64 / script.ops.len() as f64,
    })
}

/// A bar that shows how far a command is; nothing where standard error is no terminal.
pub fn progress(length: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} {elapsed} (about {eta} left)");
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_message(what)
}

/// Replays a script on every allocator, on all cores.
///
/// # Errors
/// If there is not enough memory.
pub fn run(script: &Script, arena: Option<usize>) -> Result<Vec<Outcome>> {
    let entries = entries();
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let bar = progress(entries.len() as u64, "replaying");
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from).min(entries.len()) {
            scope.spawn(|| {
                // Relaxed: numbers are handed out, nothing more.
                while let Some((index, entry)) =
                    Some(next.fetch_add(1, Relaxed)).and_then(|i| Some((i, entries.get(i)?)))
                {
                    let outcome = (entry.measure)(script, arena, entry.name);
                    outcomes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((index, outcome));
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    let mut outcomes = outcomes.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    outcomes.sort_by_key(|&(index, _)| index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// The outcomes as a table.
pub fn text(name: &str, script: &Script, arena: Option<usize>, outcomes: &[Outcome]) -> String {
    let mut out = format!(
        "{name}: {} calls, a peak of {} bytes live, on a host of {} bits\n",
        grouped(script.ops.len() as u64),
        grouped(script.peak_bytes),
        usize::BITS
    );
    let number = |bytes: Option<usize>| bytes.map_or("-".to_owned(), |bytes| grouped(bytes as u64));
    let refused = arena.map_or("refused".to_owned(), |bytes| format!("refused in {}", grouped(bytes as u64)));
    let rows = outcomes.iter().map(|outcome| {
        vec![
            outcome.name.clone(),
            number(outcome.smallest_arena_bytes),
            outcome.of_peak.map_or("-".to_owned(), |times| format!("{times:.3}")),
            number(outcome.steady_arena_bytes),
            number(outcome.refused),
            format!("{:.1}", outcome.nanoseconds_per_call),
        ]
    });
    let head = ["allocator", "smallest arena", "of the peak", "serves from", &refused, "ns a call"];
    out += &table(&head, &[0], rows);
    out.push_str(
        "  (the arena includes the allocator's tables; `serves from`: every longer arena that was tried serves)\n",
    );
    if usize::BITS == 64 {
        let _ = writeln!(
            out,
            "  (peers' headers are pointers and lengths: on 32-bit targets they need less. larder's blocks have none)"
        );
    }
    out
}

#[cfg(test)]
mod tests;
