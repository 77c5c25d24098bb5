//! The atomics that every protocol of this crate is written against.
//!
//! In the models of `tests/loom`, which compile these sources as their own, they are loom's. On targets without
//! compare-and-swap, words that are read, modified and written come from `portable-atomic`; words that are only loaded
//! and stored stay `core`'s, which need no help there. Where there is one core for sure, the compiler alone keeps their
//! order.

#[cfg(all(
    feature = "unsafe-assume-single-core",
    target_os = "none",
    target_has_atomic = "32",
    not(target_arch = "wasm32")
))]
mod one_core;
#[cfg(target_arch = "wasm32")]
#[allow(dead_code, reason = "a module may have several threads")]
mod single;

#[cfg(all(test, loom))]
pub use loom::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, Ordering, fence};

// What is named below takes the place of what this brings.
#[cfg(not(all(test, loom)))]
pub use core::sync::atomic::*;

#[cfg(not(target_has_atomic = "32"))]
pub use portable_atomic::{AtomicPtr, AtomicU32};

#[cfg(all(
    feature = "unsafe-assume-single-core",
    target_os = "none",
    target_has_atomic = "32",
    not(target_arch = "wasm32")
))]
pub use one_core::{AtomicU8, AtomicU32, fence};

if_one_thread! {
    {
        pub use single::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, fence};

        pub const SINGLE: bool = true;
    } else {
        /// Whether there is one thread, which nothing interrupts: what only serves races is left out of the program.
        pub const SINGLE: bool = false;
    }
}

/// A word that is only loaded and stored: `core`'s, also where compare-and-swap, and what goes with it, is another's.
#[cfg(not(all(test, loom)))]
pub use core::sync::atomic::AtomicU32 as StoredU32;
#[cfg(all(test, loom))]
pub use loom::sync::atomic::AtomicU32 as StoredU32;

/// Keeps the compiler from moving memory accesses across, for a context and what interrupts it on
/// the same core.
#[cfg(feature = "critical-section")]
#[inline(always)]
pub fn compiler_fence() {
    core::sync::atomic::compiler_fence(Ordering::SeqCst);
}
