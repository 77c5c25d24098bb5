//! The memories of a region: a row that only becomes longer, while others look at it.
//!
//! | context | does | ordering, and what it pairs with |
//! |---|---|---|
//! | [`Extents::push`], one context at a time | writes the next place, then the count | Release: what was pushed is visible to the context that sees the count |
//! | [`Extents::len`], any context | reads the count | Acquire: with every push |

use crate::sync::{AtomicUsize, Ordering::*};
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

/// A row of at most `N`.
pub(crate) struct Extents<T, const N: usize> {
    places: [UnsafeCell<MaybeUninit<T>>; N],
    /// How many of them are written.
    count: AtomicUsize,
}

// SAFETY: a place is written before the count says that it is, and again only by the context that knows that nobody
// looks.
unsafe impl<T: Sync, const N: usize> Sync for Extents<T, N> {}

impl<T, const N: usize> Extents<T, N> {
    #[cfg(not(all(test, loom)))]
    pub(crate) const fn new() -> Self {
        Self { places: [const { UnsafeCell::new(MaybeUninit::uninit()) }; N], count: AtomicUsize::new(0) }
    }

    /// Loom's atomics are not made at compile time.
    #[cfg(all(test, loom))]
    pub(crate) fn new() -> Self {
        Self { places: [const { UnsafeCell::new(MaybeUninit::uninit()) }; N], count: AtomicUsize::new(0) }
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        // Acquire: pairs with the Release in `push`.
        self.count.load(Acquire)
    }

    /// In the order in which they were pushed.
    #[inline(always)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        // SAFETY: that many places were written before the count was, and again only while nobody looks.
        self.places.iter().take(self.len()).map(|place| unsafe { (*place.get()).assume_init_ref() })
    }

    /// Where they lie. The context that writes there sees to it that nobody looks meanwhile.
    pub(crate) fn places(&self) -> impl Iterator<Item = *mut T> {
        self.places.iter().take(self.len()).map(|place| place.get().cast())
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() == N
    }

    /// Puts one behind the last. Dropped, if the row is full.
    ///
    /// # Safety
    ///
    /// No other call of `push` runs at the same time.
    pub(crate) unsafe fn push(&self, value: T) {
        // Relaxed: only `push` writes it, and the caller keeps pushes apart.
        let count = self.count.load(Relaxed);
        if let Some(place) = self.places.get(count) {
            // SAFETY: nobody looks at the place before the count says that it is written.
            unsafe { (*place.get()).write(value) };
            // Release: pairs with the Acquire in `len`.
            self.count.store(count + 1, Release);
        }
    }
}
