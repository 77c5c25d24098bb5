//! An extent of a heap that grows, which may become longer.
//!
//! ```text
//!   ┌ Node ┬ ground ─────────────┬ tables ┐
//!          base                  tables   end
//! ```

use crate::config::{Config, Table};
use crate::extent::{Engine, Extent};
use crate::front::GROWING_PAGE_BITS;
use crate::geometry::{GRANULE_BYTES, PAGE, PAGE_BYTES};
use crate::heap::Types;
use crate::index::{Index, summary_words};
use crate::large::Large;
use crate::map::Map;
use crate::policy::Policy;
use crate::sync::{AtomicPtr, AtomicU32, Ordering::Relaxed};
use core::marker::PhantomData;
use core::ptr::null_mut;

/// Lies before its extent's first page.
#[repr(C, align(8))]
pub(crate) struct Node<P, L, C> {
    tables: *mut u8,
    /// What place 0 would be.
    origin: *mut u8,
    /// Bytes of the ground.
    ground: AtomicU32,
    /// Of the map, what depends on how long the memory is, and does not follow from the rest.
    leaf_words: usize,
    words: usize,
    owners: usize,
    large: usize,
    bytes: usize,
    /// The extent that came next, or null.
    pub(super) next: AtomicPtr<Self>,
    types: Types<P, L, C>,
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
    pub(crate) fn in_memory(start: *mut u8, len_bytes: usize) -> Option<Self> {
        let base = Self::first_page(start);
        let len_bytes = len_bytes.checked_sub(base.addr() - start.addr())?;
        let mut node = core::mem::MaybeUninit::uninit();
        // SAFETY: the node is this function's, and written if so.
        unsafe { Self::shape(node.as_mut_ptr(), base, len_bytes).then(|| node.assume_init()) }
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
        let is_one = unsafe { Self::shape(this, base, (start.addr() + len_bytes).saturating_sub(base.addr())) };
        if is_one { this } else { null_mut() }
    }

    /// Says what the extent with its first page at `base` is. `false`: it would be too short, or too long. Then nothing was touched.
    ///
    /// # Safety
    ///
    /// The node is the caller's to write, if the memory is longer than it.
    #[inline(never)]
    unsafe fn shape(this: *mut Self, base: *mut u8, len_bytes: usize) -> bool {
        let Some(map) = Map::roughly::<P, L, C>(len_bytes).filter(|map| C::RESERVED_PAGES <= map.pages) else {
            return false;
        };
        let &Map { leaf_words, words, owners, large, bytes, .. } = &map;
        let node = Self {
            tables: base.wrapping_add(map.ground as usize),
            origin: base.wrapping_sub(GRANULE_BYTES),
            ground: AtomicU32::new(map.ground),
            leaf_words,
            words,
            owners,
            large,
            bytes,
            next: AtomicPtr::new(null_mut()),
            types: PhantomData,
        };
        // SAFETY: the caller's contract.
        unsafe { this.write(node) };
        true
    }

    /// # Safety
    ///
    /// The memory is the caller's, and nobody knows the extent.
    pub(super) unsafe fn zero_tables(&self) {
        // SAFETY: the caller's contract.
        unsafe { self.tables.write_bytes(0, self.map().bytes) }
    }

    /// From the first page to the end of the tables.
    pub(crate) fn len_bytes(&self) -> usize {
        self.map().ground as usize + self.map().bytes
    }

    /// Behind its last byte.
    pub(super) fn end(&self) -> *mut u8 {
        self.tables.wrapping_add(self.map().bytes)
    }

    /// Makes an extent longer by the memory from `start`, if that lies behind it: moves its tables to where they lie then, and gives what
    /// lies between to tier 2.
    ///
    /// # Safety
    ///
    /// The memory is the caller's, for ever, and zeroed. If it lies behind the extent, pointers to the one may be used for the other.
    /// Nobody is in the heap or has a reference to the node. Somebody has been in tier 2, which so is set up.
    #[inline(always)]
    pub(super) unsafe fn extend(this: *mut Self, start: *mut u8, len_bytes: usize) -> bool {
        // SAFETY: the caller's contract. Nothing in a node has to be dropped, so two copies of it harm nobody.
        let old = &unsafe { this.read() };
        let len_bytes = old.len_bytes() + len_bytes;
        // SAFETY: the caller's contract.
        if old.end() != start || !unsafe { Self::shape(this, old.base(), len_bytes) } {
            return false;
        }
        // SAFETY: the caller's contract. The last table goes first; each one's new place lies behind its old one, so none is
        // overwritten before it was moved.
        let new = unsafe {
            let new = &*this;
            L::move_table(old, new);
            old.map().move_tables::<C>(old.tables, &new.map(), new.tables);
            new
        };
        for class in (1..C::TABLE.numbers() as u32).filter(|&class| C::TABLE.is_class(class)) {
            Index(new, class).reveal();
        }
        let old_bytes = old.map().ground;
        // SAFETY: nobody is inside.
        unsafe {
            let inside = &mut *new.header().inside.get();
            inside.least_free += new.map().ground - old_bytes;
            inside.changes();
            L::extend(new, old_bytes);
        }
        true
    }
}

// SAFETY: whoever laid it out gave the memory up for good, and zeroed its tables; the map was made for it.
unsafe impl<P: Policy, L: Large, C: Config> Extent for &Node<P, L, C> {
    type Policy = P;
    type Large = L;
    type Config = C;
    /// Pools can have all pages of the address space.
    const PAGE_BITS: u32 = GROWING_PAGE_BITS;

    #[inline(always)]
    fn tables(self) -> *mut u8 {
        self.tables
    }

    #[inline(always)]
    fn map(self) -> Map {
        // Relaxed: who has a block of the extent got it after the extent became so long.
        let ground = self.ground.load(Relaxed);
        let fixed = const { Map::fixed::<P, L, C>() };
        let &Node { leaf_words, words, owners, large, bytes, .. } = self;
        Map {
            // Every whole page has its entries.
            pages: if C::TABLE.count == 0 { 0 } else { ground / PAGE },
            lead: 0,
            ground,
            leaf_words,
            summaries: Map::summaries_behind::<C>(fixed.leaves, leaf_words),
            summary_words: summary_words(leaf_words),
            words,
            owners,
            large,
            bytes,
            ..fixed
        }
    }

    #[inline(always)]
    fn origin(self) -> *mut u8 {
        self.origin
    }
}
