//! An extent of a heap that grows, which may become longer.

use crate::config::Config;
use crate::extent::{Engine, Entry, Extent};
use crate::geometry::PAGE_BYTES;
use crate::large::Large;
use crate::memory::Memory;
use crate::policy::Policy;
use crate::pools::Pools;
use crate::sync::AtomicPtr;
use core::ptr::null_mut;

/// Lies before its extent's first page.
#[repr(C, align(8))]
pub(crate) struct Node<P, L, C> {
    pub(crate) memory: Memory<P, L, C>,
    /// The extent that came next, or null.
    pub(super) next: AtomicPtr<Self>,
}

impl<P: Policy, L: Large, C: Config> Node<P, L, C> {
    /// What lies before the first page.
    pub(super) const MOST_BYTES: usize = size_of::<Self>() + PAGE_BYTES;

    /// Where the first page of a memory is, if its node is to lie before it.
    #[inline(always)]
    fn first_page(start: *mut u8) -> *mut u8 {
        let behind = start.wrapping_add(size_of::<Self>());
        behind.wrapping_add(behind.addr().wrapping_neg() % PAGE_BYTES)
    }

    /// What an extent in this memory is. Touches nothing. `None`: too short, or too long.
    #[cfg(all(test, loom))]
    pub(crate) fn memory_in(start: *mut u8, len_bytes: usize) -> Option<Memory<P, L, C>> {
        let base = Self::first_page(start);
        Memory::roughly(base, len_bytes.checked_sub(base.addr() - start.addr())?)
    }

    /// Makes a memory an extent. Nobody knows it yet. Null: it is too short, or too long.
    ///
    /// # Safety
    ///
    /// The memory is the caller's, for ever.
    #[inline(never)]
    pub(super) unsafe fn lay_out(start: *mut u8, len_bytes: usize) -> *mut Self {
        let base = Self::first_page(start);
        let this = base.wrapping_sub(size_of::<Self>()).cast::<Self>();
        // SAFETY: before the first page, aligned as a page is, and inside the memory, which is the caller's, unless that is too short.
        unsafe {
            if !Self::shape(this, base, (start.addr() + len_bytes).saturating_sub(base.addr())) {
                return null_mut();
            }
            (&raw mut (*this).next).write(AtomicPtr::new(null_mut()));
        }
        this
    }

    /// Says what the extent with its first page at `base` is. `false`: it would be too short, or too long. Then nothing was touched.
    ///
    /// # Safety
    ///
    /// The node is the caller's to write, if the memory is longer than it.
    #[inline(never)]
    unsafe fn shape(this: *mut Self, base: *mut u8, len_bytes: usize) -> bool {
        let Some(memory) = Memory::roughly(base, len_bytes) else { return false };
        // SAFETY: the caller's contract.
        unsafe { (&raw mut (*this).memory).write(memory) };
        true
    }

    /// Makes an extent longer by the memory from `start`, if that lies behind it and `longest` allows it: moves its tables to where
    /// they lie then, and gives what lies between to tier 2.
    ///
    /// # Safety
    ///
    /// The memory is the caller's, for ever, and zeroed. If it lies behind the extent, pointers to the one may be used for the other.
    /// Nobody is in the heap or has a reference to the node.
    #[inline(always)]
    pub(super) unsafe fn extend(this: *mut Self, start: *mut u8, len_bytes: usize, longest: usize) -> bool {
        // SAFETY: the caller's contract.
        let old = unsafe { (&raw const (*this).memory).read() };
        let len_bytes = old.len_bytes() + len_bytes;
        // SAFETY: as above.
        if old.end() != start || len_bytes > longest || !unsafe { Self::shape(this, (&old).base(), len_bytes) } {
            return false;
        }
        // SAFETY: as above.
        let new = unsafe { &(*this).memory };
        // Nobody is inside, so `look` gets in, and sets tier 2 up if nobody has been there.
        (&old).look(|_| ());
        // SAFETY: the caller's contract. The last table goes first; each one's new place lies behind its old one, so none is
        // overwritten before it was moved.
        unsafe {
            L::move_table(&old, new);
            (&old).map().move_tables::<C>(old.tables, &new.map(), new.tables);
        }
        // The indexes are made anew.
        for page in 1..(&old).map().pages + 1 {
            Pools(new).index(page);
        }
        let grown = new.sizes.ground - old.sizes.ground;
        // SAFETY: nobody is inside.
        unsafe {
            let inside = &mut *new.header().inside.get();
            inside.least_free += grown;
            inside.changes();
            L::extend(new, old.sizes.ground);
        }
        true
    }
}
