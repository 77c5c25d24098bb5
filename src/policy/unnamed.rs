use super::Policy;

/// No policy: the default on bare metal without the feature `critical-section`, where none is right for every program.
/// A heap with it is a compile error that asks for one.
pub struct Unnamed;

// SAFETY: no heap can be made with it, and `enter` runs nothing.
unsafe impl Policy for Unnamed {
    type Lock = ();

    const IS_NAMED: bool = false;

    fn enter<R>((): &(), _: impl FnOnce() -> R) -> Option<R> {
        None
    }
}
