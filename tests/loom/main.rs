//! Models of the races, one race each: loom runs every interleaving, and every value that a load may
//! see, of a few calls.
//!
//! They run the real code. This crate compiles the library's sources as its own modules, in which
//! `sync` hands out loom's atomics; `arena` lays the library's tables out over those and calls the
//! library's engine, and `small_arena` does so for the small heap. Every model ends in `Arena::finish`, which has the library's own `check` walk the
//! heap: no free block out of reach, no page lost, the figures add up, and when all is freed and
//! trimmed, nothing is live and all that is free is one run.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release --test loom --target-dir target/loom
//! ```
//!
//! What loom can't see:
//! - Load buffering: a load never sees a store that is executed later. No claim here depends on it.
//! - Sequential consistency of single operations, which loom takes for acquire and release. The only
//!   ones of the crate are fences, which it models, though it lets them order more than C++20 does.
//! - A failed compare-exchange, which in loom sees the newest value, and in C++20 may see an older one; and a weak one, which fails
//!   for nothing.
//! - More than the four threads and the few preemptions that a model has, and more than seven past
//!   values of a word.
//! - Memory that is not atomic: both arenas have a cell of loom's for each granule, and `arena` one for all that
//!   the large tier guards, so that two owners, or two owners in turn without an order between them, are found.
//! - Interrupts, which are less than threads: the one runs to its end while the other stands still.
#![cfg(loom)]
#![allow(dead_code, missing_docs, unused_imports)]

#[macro_use]
#[path = "../../src/target.rs"]
mod target;

#[path = "../../src/heap/attempts.rs"]
mod attempts;
#[path = "../../src/config/mod.rs"]
mod config;
#[path = "../../src/extent/mod.rs"]
mod extent;
#[path = "../../src/hooks/mod.rs"]
mod hooks;
#[path = "../../src/large/mod.rs"]
mod large;
#[path = "../../src/memories/mod.rs"]
mod memories;
#[path = "../../src/policy/mod.rs"]
mod policy;
#[path = "../../src/pools/mod.rs"]
mod pools;
#[path = "../../src/report/mod.rs"]
mod report;
#[path = "../../src/small/mod.rs"]
mod small;
#[path = "../../src/sync/mod.rs"]
mod sync;
#[path = "../../src/trace/mod.rs"]
mod trace;

// What the sources expect of the crate's root, and of the heaps that loom's atomics can't be.
use config::Defaults;
use report::{CheckError, Inspect, Piece, Stats};
mod heap {
    pub(crate) use crate::attempts;

    pub type Types<C, P, L> = core::marker::PhantomData<fn() -> (C, P, L)>;

    pub fn opaque(tables: *mut u8) -> *mut u8 {
        tables
    }
}

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::sync::AtomicU32;

mod arena;
mod model_claims;
mod model_deferred;
mod model_emergency;
mod model_entry;
mod model_events;
mod model_growing;
mod model_index;
mod model_looks;
mod model_page;
mod model_reuse;
mod model_slots;
mod model_small_claims;
mod model_small_releases;
mod model_small_resizes;
mod model_trace;
mod small_arena;

loom::lazy_static! {
    static ref TICKS: AtomicU32 = AtomicU32::new(0);
}

/// Makes loom try this place before and after all other threads' ticks; every call of the models has one.
///
/// Loom only goes back to the last access of a word. Where one thread loads a word, and another loads and then
/// changes it, the change is never tried before the first load: the last access is the changer's own.
fn tick() {
    // Relaxed: orders nothing.
    TICKS.fetch_add(1, Relaxed);
}

/// Runs a model with at most so many switches away from a thread that could go on.
fn model(preemptions: usize, run: impl Fn() + Sync + Send + 'static) {
    let executions = Arc::new(AtomicUsize::new(0));
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 20_000;
    builder.check({
        let executions = executions.clone();
        move || {
            executions.fetch_add(1, Relaxed);
            tick();
            run();
        }
    });
    println!("{} executions", executions.load(Relaxed));
}
