use super::Policy;
use crate::sync::{AtomicU32, Ordering::*};

/// Never wait and never mask: an entry that is held is refused, or the release deferred.
pub struct Try;

/// 1 while a context is inside.
#[derive(Default)]
pub struct Flag(AtomicU32);

impl Flag {
    /// Turns the flag from 0 to 1, if it is 0. A refused context writes nothing: only the holder ends the visit.
    #[inline]
    pub(super) fn take(&self) -> bool {
        // Acquire: pairs with the Release in `leave`.
        self.0.compare_exchange(0, 1, Acquire, Relaxed).is_ok()
    }

    /// A guess.
    #[inline]
    pub(super) fn is_free(&self) -> bool {
        self.0.load(Relaxed) == 0
    }

    #[inline]
    pub(super) fn leave(&self) {
        // Release: pairs with the Acquire in `take`.
        self.0.store(0, Release);
    }
}

// SAFETY: only the context that turns the flag from 0 to 1 runs `f`, and it stays 1 until `f` is done. Zero is a flag
// that is not set.
unsafe impl Policy for Try {
    type Lock = Flag;

    #[inline]
    fn enter<R>(lock: &Flag, f: impl FnOnce() -> R) -> Option<R> {
        if !lock.take() {
            return None;
        }
        let result = f();
        lock.leave();
        Some(result)
    }
}
