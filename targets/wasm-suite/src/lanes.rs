//! A configuration with lanes, in a module with one thread: there they are nobody's.

use crate::differ;
use larder::Config;
use larder::wasm::{Entry, Heap};

/// Its `lane` is the program's code, which the heap would call in the middle of a call, where the tables that it works on could move.
struct Laned;

impl Config for Laned {
    const LANES: usize = 4;

    fn lane() -> usize {
        panic!("there is one thread, and it was asked for its lane");
    }
}

static HEAP: Heap<Laned, Entry> = Heap::new();

#[unsafe(no_mangle)]
extern "C" fn differential_with_lanes(seed: u32, steps: u32) -> u32 {
    let refused = differ(&HEAP, seed, steps, |_| {});
    HEAP.trim();
    let stats = HEAP.stats();
    assert_eq!((stats.live_bytes, stats.free_runs, HEAP.extents()), (0, Some(1), 1), "{stats}");
    refused
}
