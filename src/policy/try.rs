use super::Policy;
use crate::sync::{AtomicU32, Ordering::*};

/// Never wait and never mask: an entry that is held is refused, or the release deferred.
pub struct Try;

/// 1 while somebody is inside.
#[derive(Default)]
pub struct Flag(AtomicU32);

// SAFETY: only who turns the flag from 0 to 1 runs `f`, and it stays 1 until `f` is done. Acquire of
// the exchange pairs with the Release of the store. Zero is a flag that is not set.
unsafe impl Policy for Try {
    type Lock = Flag;

    #[inline(always)]
    fn enter<R>(lock: &Flag, f: impl FnOnce() -> R) -> Option<R> {
        // Who is refused writes nothing: only the holder's store ends the visit.
        if lock.0.compare_exchange(0, 1, Acquire, Relaxed).is_err() {
            return None;
        }
        let result = f();
        lock.0.store(0, Release);
        Some(result)
    }
}
