//! Values that contexts of one core share by turns.

use core::cell::UnsafeCell;

/// A value that no two contexts use at the same time.
pub struct Shared<T>(UnsafeCell<T>);

// SAFETY: `with` is where the promise is made.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Uses the value.
    ///
    /// # Safety
    ///
    /// Until `work` returns, nobody else uses the value: neither `work` itself, nor what interrupts it.
    pub unsafe fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: the caller's promise: there is no other reference.
        work(unsafe { &mut *self.0.get() })
    }

    /// Where the value is. Whoever uses it makes the promise of [`with`](Self::with).
    pub const fn as_ptr(&self) -> *mut T {
        self.0.get()
    }
}
