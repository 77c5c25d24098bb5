//! How long a call takes: the traces replayed in arenas 1.3 times as large as the steady one.

use serde::{Deserialize, Serialize};

use anyhow::Result;

use crate::bench::memory::SLOW;
use crate::bench::memory::figures::{Figures, Time, TraceInfo, geometric_mean};
use crate::bench::memory::replayer::{Arenas, Replayer};

/// The loop alone, and a bump pointer.
pub const LOOP: &str = "none";
pub const FLOOR: &str = "bump";

/// For the two of them: no trace asks for more, all requests together.
const FLOOR_ARENA_BYTES: usize = 64 << 20;

/// All times, with what belongs to them.
#[derive(Serialize, Deserialize)]
pub struct Times {
    pub repetitions: u32,
    pub node: String,
    pub traces: Vec<TraceInfo>,
    pub times: Vec<Time>,
}

impl Times {
    /// Nanoseconds a call, the loop included.
    fn gross(&self, trace: &TraceInfo, allocator: &str) -> Option<f64> {
        let time = self.times.iter().find(|time| time.trace == trace.name && time.allocator == allocator)?;
        Some(time.nanoseconds? / trace.events as f64)
    }

    /// Nanoseconds a call above the loop; of the loop, its own.
    pub fn net(&self, trace: &TraceInfo, allocator: &str) -> Option<f64> {
        let own = if allocator == LOOP { 0.0 } else { self.gross(trace, LOOP)? };
        Some(self.gross(trace, allocator)? - own)
    }

    /// Over the real programs.
    pub fn mean(&self, allocator: &str) -> Option<f64> {
        geometric_mean(self.traces.iter().filter(|trace| trace.is_real()).map(|trace| self.net(trace, allocator)))
    }

    pub fn allocators(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for time in &self.times {
            if !names.contains(&time.allocator.as_str()) {
                names.push(&time.allocator);
            }
        }
        names
    }
}

/// Medians of so many replays under the Node of this version.
pub fn measure(replayer: &Replayer, repetitions: u32, node: &str) -> Result<Times> {
    let figures = replayer.search(false)?;
    let times = replayer.times(&arenas(&figures), repetitions)?;
    let traces = figures.traces.iter().map(|trace| TraceInfo { ops: String::new(), ..trace.clone() }).collect();
    Ok(Times { repetitions, node: node.to_owned(), traces, times })
}

/// A third more than they need, for everybody: nobody is measured while it scrapes the bottom.
fn arenas(figures: &Figures) -> Arenas {
    let mut arenas = Arenas::new();
    for trace in &figures.traces {
        let own = arenas.entry(trace.name.clone()).or_default();
        own.extend([LOOP, FLOOR].map(|name| (name.to_owned(), FLOOR_ARENA_BYTES)));
        for allocator in figures.allocators().into_iter().filter(|&allocator| allocator != SLOW) {
            let bytes = figures.need(trace, allocator).and_then(|need| need.steady_bytes);
            own.extend(bytes.map(|bytes| (allocator.to_owned(), (bytes as usize * 13 / 10).next_multiple_of(16))));
        }
    }
    arenas
}
