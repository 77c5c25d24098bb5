//! Events, told to the program's hook: [`Config::ON_EVENT`], in the context in which they happen, outside of the large
//! tier.
//!
//! The hook may use the heap, where the next event happens: one that logs a refusal may be refused the memory for the
//! line. So it runs once at a time in all contexts that use the heap. Bit 0 of a word says whether it does:
//!
//! | it is | it becomes | by |
//! |---|---|---|
//! | 0 | 1 | a context that has an event to tell: it calls the hook |
//! | 1 | 0 | the same context, when the hook has returned |
//!
//! An event that finds it 1 is counted, and not told: in the bits above, which wrap. It may be the hook's own; or that
//! of an interrupt handler, or of another thread or core, that came into its middle: nothing tells these apart, and a
//! hook that calls itself until the stack is gone is worse than an event that is only counted.
//!
//! The memories of a region have one hook: there the bit is the first memory's, and each counts by itself.

use crate::config::{Config, Event};
use crate::sync::{AtomicU32, Ordering::*};
use core::cell::UnsafeCell;

/// The hook runs.
const TELLING: u32 = 1;
/// One event that was not told.
const UNTOLD: u32 = 2;

/// The words of an extent whose program has a hook. All zeros is their first value.
#[repr(C)]
pub(crate) struct Events {
    word: AtomicU32,
    /// Those of which the bit counts; null: these.
    first: UnsafeCell<*const Self>,
}

impl Events {
    /// From now on, the bit is the other's.
    ///
    /// # Safety
    ///
    /// Nobody else uses the extent. `first` is valid for as long as it is used, or is shared with others.
    pub(crate) unsafe fn share(&self, first: *const Self) {
        // SAFETY: nobody else looks.
        unsafe { *self.first.get() = first };
    }

    /// The bit that counts.
    #[inline]
    pub(crate) fn guard(&self) -> &AtomicU32 {
        // SAFETY: it is written only while nobody else uses the extent, and what it points to is there for as long.
        match unsafe { (*self.first.get()).as_ref() } {
            Some(first) => &first.word,
            None => &self.word,
        }
    }

    /// Whether this context may be inside the hook.
    pub(crate) fn is_telling(&self) -> bool {
        self.guard().load(Relaxed) & TELLING != 0
    }

    #[inline]
    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.word
    }
}

/// Tells the hook, unless it runs: then that is counted in `own`.
#[cold]
#[inline(never)]
pub(crate) fn tell<C: Config>(guard: &AtomicU32, own: &AtomicU32, event: Event) {
    // Acquire: pairs with the Release below: a run of the hook sees what the one before it did.
    if guard.fetch_or(TELLING, Acquire) & TELLING != 0 {
        own.fetch_add(UNTOLD, Relaxed);
        return;
    }
    call::<C>(&event);
    // Release: pairs with the Acquire above.
    guard.fetch_and(!TELLING, Release);
}

/// How many events were not told.
pub(crate) fn untold(own: &AtomicU32) -> u32 {
    own.load(Relaxed) / UNTOLD
}

/// Calls the hook. Its panic does not unwind into the program: it aborts.
extern "C" fn call<C: Config>(event: &Event) {
    if let Some(hook) = C::ON_EVENT {
        hook(*event);
    }
}
