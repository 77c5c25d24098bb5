//! The atomics' methods over plain memory, for targets where nothing runs beside a call or in the middle of one, but
//! for hooks, which run where no word was read whose change would matter.
//!
//! An exchange then always finds what was read before it, and the compiler knows that: what only serves races is left
//! out of the program.

use core::cell::Cell;
use core::sync::atomic::Ordering;

/// A word.
#[repr(transparent)]
#[derive(Default)]
pub struct Single<T>(Cell<T>);

// SAFETY: there is one thread, and nothing interrupts it.
unsafe impl<T> Sync for Single<T> {}
// SAFETY: the same. As `core`'s, it is so for pointers too.
unsafe impl<T> Send for Single<T> {}

impl<T: Copy + PartialEq> Single<T> {
    pub const fn new(value: T) -> Self {
        Self(Cell::new(value))
    }

    #[inline]
    pub fn load(&self, _: Ordering) -> T {
        self.0.get()
    }

    #[inline]
    pub fn store(&self, value: T, _: Ordering) {
        self.0.set(value);
    }

    #[inline]
    pub fn swap(&self, value: T, _: Ordering) -> T {
        self.0.replace(value)
    }

    #[inline]
    pub fn compare_exchange(&self, current: T, new: T, _: Ordering, _: Ordering) -> Result<T, T> {
        let old = self.0.get();
        if old != current {
            return Err(old);
        }
        self.0.set(new);
        Ok(old)
    }

    #[inline]
    pub fn compare_exchange_weak(&self, current: T, new: T, success: Ordering, failure: Ordering) -> Result<T, T> {
        self.compare_exchange(current, new, success, failure)
    }
}

impl Single<u32> {
    #[inline]
    pub fn fetch_add(&self, value: u32, _: Ordering) -> u32 {
        self.0.replace(self.0.get().wrapping_add(value))
    }

    #[inline]
    pub fn fetch_sub(&self, value: u32, _: Ordering) -> u32 {
        self.0.replace(self.0.get().wrapping_sub(value))
    }

    #[inline]
    pub fn fetch_or(&self, bits: u32, _: Ordering) -> u32 {
        self.0.replace(self.0.get() | bits)
    }

    #[inline]
    pub fn fetch_and(&self, bits: u32, _: Ordering) -> u32 {
        self.0.replace(self.0.get() & bits)
    }
}

pub type AtomicU8 = Single<u8>;
pub type AtomicU32 = Single<u32>;
pub type AtomicU64 = Single<u64>;
pub type AtomicPtr<T> = Single<*mut T>;

/// Orders nothing: there is nobody to see an order.
#[inline]
pub fn fence(_: Ordering) {}
