use super::Policy;
use super::r#try::Flag;

/// How often [`Patient`] looks: some milliseconds, and longer than any visit of a context that runs.
const TURNS: u32 = 1 << 22;

/// Wait until the large tier is free, but for 2²² looks at most: the default for wasm with shared memory.
///
/// Not for interrupt handlers. The holder of the tier can be a thread that does not run at the moment; then, after some
/// milliseconds, a request goes on to other memory of the heap or is refused, and a release is deferred.
pub struct Patient;

// SAFETY: only the context that turns the flag from 0 to 1 runs `f`, and it stays 1 until `f` is done. Zero is a flag
// that is not set.
unsafe impl Policy for Patient {
    type Lock = Flag;

    #[inline]
    fn enter<R>(lock: &Flag, f: impl FnOnce() -> R) -> Option<R> {
        if !lock.take() && !wait(lock) {
            return None;
        }
        let result = f();
        lock.leave();
        Some(result)
    }
}

/// Looks until the flag is not set, and takes it. `false`: it was set for too long.
#[cold]
#[inline(never)]
fn wait(lock: &Flag) -> bool {
    (0..TURNS).any(|_| {
        core::hint::spin_loop();
        lock.is_free() && lock.take()
    })
}
