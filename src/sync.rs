//! The atomics that every protocol of this crate is written against.
//!
//! In the models of `tests/loom`, which compile these sources as their own, they are loom's. On
//! targets without compare-and-swap, words that are read, modified and written come from
//! `portable-atomic`; words that are only loaded and stored stay `core`'s, which need no help there.

#[cfg(all(test, loom))]
pub use loom::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, Ordering, fence};

#[cfg(not(all(test, loom)))]
pub use core::sync::atomic::{AtomicU8, Ordering, fence};

#[cfg(all(not(all(test, loom)), any(target_arch = "wasm32", test)))]
pub use core::sync::atomic::AtomicPtr;

#[cfg(all(not(all(test, loom)), target_has_atomic = "32"))]
pub use core::sync::atomic::AtomicU32;

#[cfg(all(not(all(test, loom)), not(target_has_atomic = "32")))]
pub use portable_atomic::AtomicU32;

/// Keeps the compiler from moving memory accesses across, for a context and what interrupts it on
/// the same core.
#[cfg(feature = "critical-section")]
#[inline(always)]
pub fn compiler_fence() {
    core::sync::atomic::compiler_fence(Ordering::SeqCst);
}
