//! When memory runs out: which context calls the hook of [`Config::ON_OUT_OF_MEMORY`], and which request tries again.
//!
//! The hook runs in the context whose request is about to be refused, outside of the large tier, once at a time in all
//! contexts. One word of the header says so, `runs`: twice how many runs have ended, plus 1 while one is going on.
//!
//! | it is | it becomes | by |
//! |---|---|---|
//! | even, and as it was before the attempt that failed | odd | the context that calls the hook |
//! | odd | the next even value | the same context, when the hook has returned |
//!
//! So a request of the hook's own that fails, and one of an interrupt handler that comes into the middle of it, find
//! the word odd and are refused: no hook inside a hook. A request that fails while another context's hook ends finds a
//! newer even value, and tries again: what was released may be enough for both.
//!
//! | context A | context B |
//! |---|---|
//! | attempt fails | |
//! | | attempt fails, hook drops the cache |
//! | hook: "there is no cache, give up": refused, with the cache's memory free | |
//!
//! Now A finds that `runs` has grown since before its attempt, and does not ask the hook.
//!
//! So every attempt begins after `runs` was read, and is the whole request: all memories of a region, growth in place
//! too. What was looked at before that may have been released since.

use crate::config::{Config, Emergency, Event, OutOfMemory, Table};
use crate::sync::{AtomicU32, Ordering::*};
use core::ptr::null_mut;

/// A request that may need the hook.
pub(crate) struct Rescue {
    /// What `runs` was before the latest attempt to serve it.
    before: u32,
    /// How often the hook has asked for another.
    retries: u32,
}

impl Rescue {
    /// The first attempt is about to be made.
    #[inline]
    pub(crate) fn before_attempt<C: Config>(runs: &AtomicU32) -> Self {
        // Acquire: pairs with the Release in `ask`. The attempt finds what was released, and the hook what the last run
        // did.
        Self { before: if C::RESCUES { runs.load(Acquire) } else { 0 }, retries: 0 }
    }

    /// The latest attempt has failed: whether to make another.
    #[inline]
    pub(crate) fn should_retry<C: Config>(&mut self, runs: &AtomicU32, size: usize, align: usize) -> bool {
        C::RESCUES && self.ask::<C>(runs, size, align)
    }

    #[cold]
    #[inline(never)]
    fn ask<C: Config>(&mut self, runs: &AtomicU32, size_bytes: usize, align_bytes: usize) -> bool {
        let running = self.before | 1;
        // Relaxed if it succeeds: `before` was read with Acquire, and nobody has run since. Acquire if it fails: pairs
        // with the Release below, so that the next attempt finds what was released.
        if let Err(now) = runs.compare_exchange(running - 1, running, Relaxed, Acquire) {
            self.before = now;
            return now % 2 == 0;
        }
        let released = call::<C>(&OutOfMemory { size_bytes, align_bytes, retries: self.retries });
        self.retries = self.retries.saturating_add(1);
        self.before = running.wrapping_add(1);
        // Release: pairs with the two Acquires above, in the next context.
        runs.store(self.before, Release);
        released
    }
}

/// Makes attempts to serve a request, as many as the hook asks for; `None` is one in vain. Null after the last, which
/// `refuse` counts and tells.
#[inline]
pub(crate) fn persist<C: Config>(
    runs: &AtomicU32,
    size: usize,
    align: usize,
    refuse: impl FnOnce(),
    mut attempt: impl FnMut() -> Option<*mut u8>,
) -> *mut u8 {
    let mut rescue = Rescue::before_attempt::<C>(runs);
    loop {
        if let Some(block) = attempt() {
            return block;
        }
        if !rescue.should_retry::<C>(runs, size, align) {
            refuse();
            return null_mut();
        }
    }
}

/// Counts and tells that a request is refused.
#[inline]
pub(crate) fn refuse(refused: &AtomicU32, size_bytes: usize, align_bytes: usize, tell: impl FnOnce(Event)) {
    refused.fetch_add(1, Relaxed);
    tell(Event::Refused { size_bytes, align_bytes });
}

/// Calls the hook. Its panic does not unwind into the program: it aborts.
extern "C" fn call<C: Config>(request: &OutOfMemory) -> bool {
    C::ON_OUT_OF_MEMORY.is_some_and(|hook| hook(*request) == Emergency::Retry)
}
