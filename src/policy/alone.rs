use super::Policy;
use crate::sync::SINGLE;

/// Nobody can be inside: the default for wasm with one thread, which nothing interrupts. There is no other target on
/// which that is sure: in a module with shared memory, or of an operating system, it is a compile error.
pub struct Alone;

// SAFETY: there is one context, and a visit calls nothing that comes from outside.
unsafe impl Policy for Alone {
    type Lock = ();

    const WAITS: bool = true;

    #[inline]
    fn enter<R>((): &(), f: impl FnOnce() -> R) -> Option<R> {
        const {
            assert!(
                SINGLE,
                "larder: policy::Alone is for wasm modules that have one thread for sure: take policy::Patient"
            )
        };
        Some(f())
    }
}
