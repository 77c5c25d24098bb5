//! A replay for callgrind, which counts what happens within [`larder_bench_counted`].

use clap::Args;

use crate::replay::{Slot, replay};
use crate::shared::{ENTRIES, Shared};
use crate::threads::Arena;
use crate::traces::{self, Ops};

#[derive(Args)]
pub struct Options {
    /// An allocator, as `list` names it
    allocator: String,
    /// Traces to replay, one after the other on fresh heaps; all if none is named
    traces: Vec<String>,
}

/// One counted replay.
pub type Run = fn(&Arena, &Ops);

pub fn run(options: &Options) -> Result<(), String> {
    let entry = ENTRIES.iter().find(|entry| entry.name == options.allocator);
    let entry = entry.ok_or_else(|| format!("there is no allocator {}; `list` names them", options.allocator))?;
    let arena = Arena::new();
    for trace in traces::load(&options.traces)? {
        (entry.count)(&arena, &trace);
        println!("counted {} {}", trace.name, trace.calls);
    }
    Ok(())
}

pub fn count<H: Shared>(arena: &Arena, trace: &Ops) {
    // SAFETY: this heap is gone at the end of this function.
    let heap = unsafe { H::start(arena.lend()) };
    let mut slots = vec![Slot::EMPTY; trace.slots];
    // SAFETY: the trace is valid, and every slot is empty.
    larder_bench_counted(&mut || unsafe { replay(&*heap, &trace.ops, &mut slots, None) });
}

/// callgrind is told to count while this runs, and to write down what it counted when it ends.
#[unsafe(no_mangle)]
#[inline(never)]
fn larder_bench_counted(run: &mut dyn FnMut()) {
    run();
}
