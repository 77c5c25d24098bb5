use super::Policy;
use crate::sync::{AtomicU8, Ordering::Relaxed};

/// Enter with interrupts masked, by the critical section that the binary links: the default on bare
/// metal, for one core with interrupts, or several with a critical section made for several.
///
/// A context that the critical section does not keep out (a non-maskable interrupt, a fault handler,
/// a priority above the mask) finds the large tier held and is refused, or its release deferred.
///
/// On targets without compare-and-swap such a context must not use the heap at all: there the words of the pools
/// themselves are changed inside critical sections.
pub struct CriticalSection;

/// Whether a context is inside. Only loaded and stored, by contexts inside the critical section and
/// by those that interrupt them: a nested one runs to its end before the flag changes again.
pub struct Held(AtomicU8);

// SAFETY: contexts that the critical section masks or makes wait are kept apart by it, which also
// orders them. A context that interrupts one inside `f` reads `held` as set by the same core, and
// does not run `f`. Zero is `Held(false)`.
unsafe impl Policy for CriticalSection {
    type Lock = Held;

    #[inline]
    fn enter<R>(lock: &Held, f: impl FnOnce() -> R) -> Option<R> {
        critical_section::with(|_| {
            // Relaxed: the same core, or ordered by the critical section.
            if lock.0.load(Relaxed) != 0 {
                return None;
            }
            lock.0.store(1, Relaxed);
            crate::sync::compiler_fence();
            let result = f();
            crate::sync::compiler_fence();
            lock.0.store(0, Relaxed);
            Some(result)
        })
    }
}
