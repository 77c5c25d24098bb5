//! The atomics that every protocol of this crate is written against.
//!
//! In the models of `tests/loom`, which compile these sources as their own, they are loom's. On
//! targets without compare-and-swap, words that are read, modified and written come from
//! `portable-atomic`; words that are only loaded and stored stay `core`'s, which need no help there. Where there is one core for sure,
//! the compiler alone keeps their order.

#[cfg(all(test, loom))]
pub use loom::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, Ordering, fence};

#[cfg(not(all(test, loom)))]
pub use core::sync::atomic::Ordering;

#[cfg(all(target_arch = "wasm32", target_os = "unknown", not(target_feature = "atomics")))]
pub use crate::single::{AtomicPtr, AtomicU8, AtomicU32, fence};

#[cfg(not(any(
    all(test, loom),
    all(target_arch = "wasm32", target_os = "unknown", not(target_feature = "atomics"))
)))]
pub use several::*;

/// Contexts beside each other, or in the middle of each other.
#[cfg(not(any(all(test, loom), all(target_arch = "wasm32", target_os = "unknown", not(target_feature = "atomics")))))]
mod several {
    #[cfg(all(feature = "unsafe-assume-single-core", target_os = "none", target_has_atomic = "32"))]
    pub use crate::one_core::{AtomicU8, AtomicU32, fence};
    #[cfg(any(target_arch = "wasm32", test))]
    pub use core::sync::atomic::AtomicPtr;
    #[cfg(all(target_has_atomic = "32", not(all(feature = "unsafe-assume-single-core", target_os = "none"))))]
    pub use core::sync::atomic::AtomicU32;
    #[cfg(not(all(feature = "unsafe-assume-single-core", target_os = "none", target_has_atomic = "32")))]
    pub use core::sync::atomic::{AtomicU8, fence};
    #[cfg(not(target_has_atomic = "32"))]
    pub use portable_atomic::AtomicU32;
}

/// Whether there is one thread, which nothing interrupts: what only serves races is left out of the program. So it is in a wasm
/// module whose memory is not shared. Targets with an operating system count as shared: their compiler need not show the feature.
pub const SINGLE: bool = cfg!(all(target_arch = "wasm32", target_os = "unknown", not(target_feature = "atomics")));

/// Keeps the compiler from moving memory accesses across, for a context and what interrupts it on
/// the same core.
#[cfg(feature = "critical-section")]
#[inline(always)]
pub fn compiler_fence() {
    core::sync::atomic::compiler_fence(Ordering::SeqCst);
}
