//! Boxes handed over between contexts without a lock.

use alloc::boxed::Box;
use core::ptr;

use portable_atomic::{AtomicPtr, Ordering};

/// Room for `N` boxes that one context puts in and another takes out, and frees.
pub struct Mailbox<T, const N: usize> {
    slots: [AtomicPtr<T>; N],
}

impl<T: Send, const N: usize> Mailbox<T, N> {
    pub const fn new() -> Self {
        Self { slots: [const { AtomicPtr::new(ptr::null_mut()) }; N] }
    }

    /// Puts a box in, or gives it back when there is no room.
    pub fn put(&self, letter: Box<T>) -> Result<(), Box<T>> {
        let letter = Box::into_raw(letter);
        let empty = ptr::null_mut();
        // Release: pairs with the Acquire in `take`, so that the taker sees what the box holds.
        let put = |slot: &AtomicPtr<T>| slot.compare_exchange(empty, letter, Ordering::Release, Ordering::Relaxed);
        if self.slots.iter().any(|slot| put(slot).is_ok()) {
            return Ok(());
        }
        // SAFETY: the pointer came from `into_raw` above, and no slot took it.
        Err(unsafe { Box::from_raw(letter) })
    }

    /// Takes any box out.
    pub fn take(&self) -> Option<Box<T>> {
        // Acquire: pairs with the Release in `put`.
        let mut taken = self.slots.iter().map(|slot| slot.swap(ptr::null_mut(), Ordering::Acquire));
        let letter = taken.find(|letter| !letter.is_null())?;
        // SAFETY: it came from `into_raw` in `put`, and the swap made us its only owner.
        Some(unsafe { Box::from_raw(letter) })
    }
}

impl<T: Send, const N: usize> Default for Mailbox<T, N> {
    fn default() -> Self {
        Self::new()
    }
}
