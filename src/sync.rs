//! The atomics that every protocol of this crate is written against.
//!
//! Under `--cfg loom` they are loom's, so that the models in `tests/loom.rs` run the real code. On
//! targets without compare-and-swap, words that are read, modified and written come from
//! `portable-atomic`; words that are only loaded and stored stay `core`'s, which need no help there.

#[cfg(loom)]
pub use loom::sync::atomic::{AtomicU8, AtomicU32, Ordering, fence};

#[cfg(not(loom))]
pub use core::sync::atomic::{AtomicU8, Ordering, fence};

#[cfg(all(not(loom), target_has_atomic = "32"))]
pub use core::sync::atomic::AtomicU32;

#[cfg(all(not(loom), not(target_has_atomic = "32")))]
pub use portable_atomic::AtomicU32;

/// Keeps the compiler from moving memory accesses across, for a context and what interrupts it on
/// the same core.
#[inline(always)]
pub fn compiler_fence() {
    core::sync::atomic::compiler_fence(Ordering::SeqCst);
}
