//! An extent of a heap that grows, which may become longer.
//!
//! ```text
//!   one context        ┌ Node ┬ ground ────────────┬ tables ┐◄ what joins it: the tables move behind that
//!                             base                 tables   end
//!
//!   several contexts   ┌ Node ┬ tables with room for more ┬ ground ───┐◄ what joins it
//!                             tables                      base        end
//! ```

use crate::config::geometry::{EXTENT_MAX_BYTES, GRANULE, GRANULE_BYTES, PAGE, PAGE_BYTES};
use crate::config::{Config, Table};
use crate::extent::map::Map;
use crate::extent::{Extent, Storage, lengthen};
use crate::heap::Types;
use crate::large::Large;
use crate::policy::Policy;
use crate::pools::front::GROWING_PAGE_BITS;
use crate::sync::{AtomicPtr, AtomicU32, Ordering::Relaxed};
use core::marker::PhantomData;
use core::ptr::null_mut;

/// The first address at or behind this one that is so aligned.
#[inline(always)]
fn aligned(start: *mut u8, align: usize) -> *mut u8 {
    start.wrapping_add(start.addr().wrapping_neg() % align)
}

/// Lies at the extent's start.
#[repr(C, align(8))]
pub(crate) struct Node<C, P, L> {
    tables: *mut u8,
    /// What place 0 would be.
    origin: *mut u8,
    /// Bytes of the ground: they only become more.
    ///
    /// Where tables move, all of the node is written anew, while nobody is in the heap. Where they stay, this alone
    /// changes, inside the entry of the large tier, and others may read it meanwhile. All is Relaxed:
    /// - Inside the entry it is as the last holder left it.
    /// - A context that has a block has it by a Release and an Acquire of those that come behind the change: so it sees
    ///   the block in the ground.
    /// - A context that finds a page in a front, and has seen an older value, finds the page's word and owner
    ///   nevertheless: the tables have been there from the start. What it gets by the Acquire of its claim, it sees in
    ///   the ground.
    /// - A request that is longer than what a context sees is refused by the extent; the context then finds that memory
    ///   has arrived, by an Acquire, and asks again.
    ground: AtomicU32,
    /// How many bytes of ground the tables have room for.
    ground_most: u32,
    /// Of the map, what depends on how long the memory is, and does not follow from the rest.
    leaf_words: usize,
    summary_words: usize,
    words: usize,
    owners: usize,
    large: usize,
    bytes: usize,
    /// The extent that came next, or null.
    pub(super) next: AtomicPtr<Self>,
    types: Types<C, P, L>,
}

impl<C: Config, P: Policy, L: Large> Node<C, P, L> {
    /// What lies before the first page, or is lost to alignment.
    pub(super) const MOST_BYTES: usize = size_of::<Self>() + GRANULE_BYTES + PAGE_BYTES;

    /// Makes a memory an extent. Nobody knows it yet. Null: it is too short, or too long. Its tables lie behind the
    /// ground, and move when it becomes longer; or, if a reserve is given, before it, with room for that many bytes
    /// more.
    ///
    /// # Safety
    ///
    /// The memory is the caller's, for ever.
    #[inline(never)]
    pub(super) unsafe fn lay_out(start: *mut u8, len_bytes: usize, reserve_bytes: Option<usize>) -> *mut Self {
        if let Some(reserve_bytes) = reserve_bytes {
            // SAFETY: passed on.
            return unsafe { Self::lay_out_in_front(start, len_bytes, reserve_bytes) };
        }
        let base = aligned(start.wrapping_add(size_of::<Self>()), PAGE_BYTES);
        let this = base.wrapping_sub(size_of::<Self>()).cast::<Self>();
        // SAFETY: before the first page, aligned as a page is, and inside the memory, which is the caller's, unless
        // that is too short.
        let is_one = unsafe { Self::shape(this, base, (start.addr() + len_bytes).saturating_sub(base.addr())) };
        if is_one { this } else { null_mut() }
    }

    /// The same with the tables before the ground.
    ///
    /// # Safety
    ///
    /// As for `lay_out`.
    #[inline(always)]
    unsafe fn lay_out_in_front(start: *mut u8, len_bytes: usize, reserve_bytes: usize) -> *mut Self {
        let end = start.addr() + len_bytes;
        let this = aligned(start, align_of::<Self>()).cast::<Self>();
        let tables = aligned(this.wrapping_add(1).cast(), GRANULE_BYTES);
        // Without a reserve, a little is left over for what alignment takes.
        let most_bytes = end.saturating_sub(tables.addr()).saturating_add(reserve_bytes).min(EXTENT_MAX_BYTES);
        let Some(map) = Map::roughly::<C, P, L>(most_bytes) else { return null_mut() };
        let base = aligned(tables.wrapping_add(map.bytes), PAGE_BYTES);
        let there = (end.saturating_sub(base.addr()) as u32 / GRANULE * GRANULE).min(map.ground);
        if there < (C::RESERVED_PAGES + 2) * PAGE {
            return null_mut();
        }
        // SAFETY: inside the memory, which is the caller's, as the ground is behind it.
        unsafe { this.write(Self::new(tables, base, there, base.addr() - tables.addr(), &map)) };
        this
    }

    #[inline(always)]
    fn new(tables: *mut u8, base: *mut u8, ground: u32, bytes: usize, map: &Map) -> Self {
        let &Map { leaf_words, summary_words, words, owners, large, .. } = map;
        Self {
            tables,
            origin: base.wrapping_sub(GRANULE_BYTES),
            ground: AtomicU32::new(ground),
            ground_most: map.ground,
            leaf_words,
            summary_words,
            words,
            owners,
            large,
            bytes,
            next: AtomicPtr::new(null_mut()),
            types: PhantomData,
        }
    }

    /// Says what the extent with its first page at `base` and its tables at the end is. `false`: it would be too short,
    /// or too long. Then nothing was touched.
    ///
    /// # Safety
    ///
    /// The node is the caller's to write, if the memory is longer than it.
    #[inline(never)]
    unsafe fn shape(this: *mut Self, base: *mut u8, len_bytes: usize) -> bool {
        let Some(map) = Map::roughly::<C, P, L>(len_bytes).filter(|map| C::RESERVED_PAGES <= map.pages) else {
            return false;
        };
        let node = Self::new(base.wrapping_add(map.ground as usize), base, map.ground, map.bytes, &map);
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

    /// The ground and the tables.
    pub(crate) fn len_bytes(&self) -> usize {
        self.map().ground as usize + self.map().bytes
    }

    /// Behind its last byte.
    #[inline(always)]
    pub(super) fn end(&self) -> *mut u8 {
        let behind = if self.tables < self.origin { Extent(self).base() } else { self.tables.wrapping_add(self.bytes) };
        behind.wrapping_add(if self.tables < self.origin { self.map().ground as usize } else { 0 })
    }

    /// How many bytes more its tables have room for.
    pub(super) fn room_bytes(&self) -> usize {
        (self.ground_most - self.map().ground) as usize
    }

    /// Makes an extent, whose tables have room for it, longer by the memory from `start`, if that lies behind it.
    /// Others may be in the heap. `false`: it does not, or the large tier is held.
    ///
    /// # Safety
    ///
    /// The memory is the caller's, for ever. If it lies behind the extent, pointers to the one may be used for the
    /// other.
    pub(super) unsafe fn extend_in_place(&self, start: *mut u8, len_bytes: usize) -> bool {
        let extended = Extent(self).visit(None, |inside| {
            if self.end() != start || len_bytes > self.room_bytes() {
                return false;
            }
            let old_bytes = self.map().ground;
            let more_bytes = len_bytes as u32 / GRANULE * GRANULE;
            self.ground.store(old_bytes + more_bytes, Relaxed);
            inside.least_free += more_bytes;
            // SAFETY: inside the entry. The backend's table had room for it from the start.
            unsafe { L::extend(Extent(self), old_bytes) };
            true
        });
        extended == Some(true)
    }

    /// Makes an extent longer by the memory from `start`, if that lies behind it: moves its tables to where they lie
    /// then, and gives what lies between to the large tier.
    ///
    /// # Safety
    ///
    /// The memory is the caller's, for ever, and zeroed. If it lies behind the extent, pointers to the one may be used
    /// for the other. Nobody is in the heap or has a reference to the node. A context has been in the large tier, which
    /// so is set up.
    #[inline(always)]
    pub(super) unsafe fn extend(this: *mut Self, start: *mut u8, len_bytes: usize) -> bool {
        // SAFETY: the caller's contract. Nothing in a node has to be dropped, so two copies of it harm nobody.
        let old = &unsafe { this.read() };
        let len_bytes = old.len_bytes() + len_bytes;
        // SAFETY: the caller's contract.
        if old.end() != start || !unsafe { Self::shape(this, Extent(old).base(), len_bytes) } {
            return false;
        }
        // SAFETY: the caller's contract; a unit is longer than 16 bytes and what the tables need.
        unsafe { lengthen(Extent(old), Extent(&*this)) };
        true
    }
}

// SAFETY: the context that laid it out gave the memory up for good, and zeroed its tables; the map was made for it.
unsafe impl<C: Config, P: Policy, L: Large> Storage for &Node<C, P, L> {
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
        let ground = self.ground.load(Relaxed);
        let fixed = const { Map::fixed::<C, P, L>() };
        let &Node { leaf_words, summary_words, words, owners, large, bytes, .. } = self;
        Map {
            // Every whole page has its entries.
            pages: if C::TABLE.count == 0 { 0 } else { ground / PAGE },
            lead: 0,
            ground,
            leaf_words,
            summaries: Map::summaries_behind::<C>(fixed.leaves, leaf_words),
            summary_words,
            words,
            owners,
            large,
            bytes,
            ..fixed
        }
    }

    #[inline(always)]
    fn entries(self) -> u32 {
        self.ground_most / PAGE
    }

    #[inline(always)]
    fn tables_place(self) -> i32 {
        self.tables.addr().wrapping_sub(self.origin.addr()) as i32
    }

    #[inline(always)]
    fn origin(self) -> *mut u8 {
        self.origin
    }
}
