//! The atomics of a processor with one core: read-modify-writes are as whole as ever, but nothing orders them for other
//! cores.
//!
//! An interrupt handler sees what the interrupted context did in the order of its instructions. So where an ordering
//! asks for more than `Relaxed`, it is enough that the compiler keeps that order.

use core::sync::atomic::{self, Ordering, Ordering::*, compiler_fence};

/// Before an access of this ordering.
#[inline]
fn before(ordering: Ordering) {
    if matches!(ordering, Release | AcqRel | SeqCst) {
        compiler_fence(Release);
    }
}

/// Behind an access of this ordering.
#[inline]
fn behind(ordering: Ordering) {
    if matches!(ordering, Acquire | AcqRel | SeqCst) {
        compiler_fence(Acquire);
    }
}

/// As `core`'s.
#[inline]
pub fn fence(ordering: Ordering) {
    compiler_fence(ordering);
}

/// An access that is `Relaxed` to the processor.
#[inline]
fn ordered<R>(ordering: Ordering, access: impl FnOnce() -> R) -> R {
    before(ordering);
    let result = access();
    behind(ordering);
    result
}

/// An exchange that may fail, with an ordering for that.
#[inline]
fn exchange<R>(success: Ordering, failure: Ordering, access: impl FnOnce() -> R) -> R {
    let result = ordered(success, access);
    behind(failure);
    result
}

/// As `core`'s.
#[repr(transparent)]
#[derive(Default)]
pub struct AtomicU8(atomic::AtomicU8);

impl AtomicU8 {
    #[inline]
    pub fn load(&self, ordering: Ordering) -> u8 {
        ordered(ordering, || self.0.load(Relaxed))
    }

    #[inline]
    pub fn store(&self, value: u8, ordering: Ordering) {
        ordered(ordering, || self.0.store(value, Relaxed));
    }
}

/// As `core`'s.
#[repr(transparent)]
#[derive(Default)]
pub struct AtomicU32(atomic::AtomicU32);

impl AtomicU32 {
    pub const fn new(value: u32) -> Self {
        Self(atomic::AtomicU32::new(value))
    }

    #[inline]
    pub fn load(&self, ordering: Ordering) -> u32 {
        ordered(ordering, || self.0.load(Relaxed))
    }

    #[inline]
    pub fn store(&self, value: u32, ordering: Ordering) {
        ordered(ordering, || self.0.store(value, Relaxed));
    }

    #[inline]
    pub fn swap(&self, value: u32, ordering: Ordering) -> u32 {
        ordered(ordering, || self.0.swap(value, Relaxed))
    }

    #[inline]
    pub fn compare_exchange(&self, current: u32, new: u32, success: Ordering, failure: Ordering) -> Result<u32, u32> {
        exchange(success, failure, || self.0.compare_exchange(current, new, Relaxed, Relaxed))
    }

    #[inline]
    pub fn compare_exchange_weak(
        &self,
        current: u32,
        new: u32,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u32, u32> {
        exchange(success, failure, || self.0.compare_exchange_weak(current, new, Relaxed, Relaxed))
    }

    #[inline]
    pub fn fetch_add(&self, value: u32, ordering: Ordering) -> u32 {
        ordered(ordering, || self.0.fetch_add(value, Relaxed))
    }

    #[inline]
    pub fn fetch_sub(&self, value: u32, ordering: Ordering) -> u32 {
        ordered(ordering, || self.0.fetch_sub(value, Relaxed))
    }

    #[inline]
    pub fn fetch_or(&self, bits: u32, ordering: Ordering) -> u32 {
        ordered(ordering, || self.0.fetch_or(bits, Relaxed))
    }

    #[inline]
    pub fn fetch_and(&self, bits: u32, ordering: Ordering) -> u32 {
        ordered(ordering, || self.0.fetch_and(bits, Relaxed))
    }
}
