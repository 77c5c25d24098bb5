use super::Policy;

/// Nobody can be inside: the default for wasm with one thread, which nothing interrupts. There is no other target on which that is sure, and
/// so none that has it.
pub struct Alone;

// SAFETY: there is one context, and a visit calls nothing that comes from outside.
unsafe impl Policy for Alone {
    type Lock = ();

    const WAITS: bool = true;

    #[inline(always)]
    fn enter<R>((): &(), f: impl FnOnce() -> R) -> Option<R> {
        Some(f())
    }
}
