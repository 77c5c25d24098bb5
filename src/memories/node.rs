//! One memory of a heap that has several, which may become longer.
//!
//! ```text
//!   others keep out meanwhile      ┌ ground ────────────┬ tables ┬ Node ┐◄ what joins it: tables and node move behind that
//!                                  base                 tables          end
//!
//!   others use the heap            ┌ Node ┬ tables with room for more ┬ ground ───┐◄ what joins it
//!                                         tables                      base        end
//! ```

use super::source::Source;
use crate::config::geometry::{EXTENT_MAX_BYTES, GRANULE, GRANULE_BYTES, LARGE_MIN_BYTES, PAGE, PAGE_BYTES};
use crate::config::{Config, Table};
use crate::extent::map::Map;
use crate::extent::{Extent, Storage, lengthen};
use crate::heap::Types;
use crate::large::Large;
use crate::policy::Policy;
use crate::sync::{AtomicPtr, AtomicU32, Ordering::Relaxed};
use core::marker::PhantomData;
use core::ptr::null_mut;

/// The first address at or behind this one that is so aligned.
#[inline(always)]
fn aligned(start: *mut u8, align: usize) -> *mut u8 {
    start.wrapping_add(start.addr().wrapping_neg() % align)
}

/// Describes an extent, and lies in its memory.
#[repr(C, align(8))]
pub(crate) struct Node<S, C, P, L> {
    tables: *mut u8,
    /// What place 0 would be.
    origin: *mut u8,
    /// Bytes of the ground: they only become more.
    ///
    /// Where tables move, all of the node is written anew, while nobody else is in the heap. Where they stay, this
    /// alone changes, inside the entry of the large tier, and others may read it meanwhile. All is Relaxed:
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
    /// Pages that pools can have, and bytes before the first of these. Where memory grows, pools have every whole page.
    pages: u32,
    lead: u32,
    /// Of the map, what depends on how long the memory is, and does not follow from the rest. Tables that move end with
    /// the node.
    leaf_words: usize,
    summary_words: usize,
    words: usize,
    owners: usize,
    large: usize,
    bytes: usize,
    /// The extent that came next, or null.
    pub(super) next: AtomicPtr<Self>,
    source: PhantomData<fn() -> S>,
    types: Types<C, P, L>,
}

impl<S: Source, C: Config, P: Policy, L: Large> Node<S, C, P, L> {
    /// What a memory needs besides ground and tables, or loses to alignment.
    pub(super) const MOST_BYTES: usize = size_of::<Self>() + GRANULE_BYTES + PAGE_BYTES;

    /// Makes a memory an extent. Nobody knows it yet. Null: it is too short, or too long; then nothing was touched.
    /// Tables that can't move have room for so many bytes more.
    ///
    /// # Safety
    ///
    /// The memory is the caller's, for ever.
    #[inline(always)]
    pub(super) unsafe fn lay_out(start: *mut u8, len_bytes: usize, reserve_bytes: usize) -> *mut Self {
        let end = start.addr() + len_bytes;
        // SAFETY: passed on.
        unsafe {
            match S::IN_PLACE {
                true => Self::lay_out_in_front(start, end, reserve_bytes),
                false => Self::lay_out_behind(start, end, 0),
            }
        }
    }

    /// With the tables and the node behind a ground of `least` bytes or more.
    ///
    /// # Safety
    ///
    /// The memory is the caller's from behind the first `least` bytes.
    #[inline(never)]
    unsafe fn lay_out_behind(start: *mut u8, end: usize, least: u32) -> *mut Self {
        let base = aligned(start, PAGE_BYTES);
        let len_bytes = end.saturating_sub(base.addr()) / GRANULE_BYTES * GRANULE_BYTES;
        let map = S::map::<C, P, L>(len_bytes.saturating_sub(size_of::<Self>()));
        let Some(map) = map.filter(|map| C::RESERVED_PAGES <= map.pages && least <= map.ground) else {
            return null_mut();
        };
        let tables = base.wrapping_add(map.ground as usize);
        let this = tables.wrapping_add(map.bytes).cast::<Self>();
        // SAFETY: behind the tables, aligned as granules are, and inside the memory, of which the map left room for it.
        unsafe { this.write(Self::new(tables, base, map.ground, map.bytes + size_of::<Self>(), &map)) };
        this
    }

    /// With node and tables before the ground.
    ///
    /// # Safety
    ///
    /// As for `lay_out`.
    #[inline(never)]
    unsafe fn lay_out_in_front(start: *mut u8, end: usize, reserve_bytes: usize) -> *mut Self {
        let this = aligned(start, align_of::<Self>()).cast::<Self>();
        let tables = aligned(this.wrapping_add(1).cast(), GRANULE_BYTES);
        // Without a reserve, a little is left over for what alignment takes.
        let most_bytes = end.saturating_sub(tables.addr()).saturating_add(reserve_bytes).min(EXTENT_MAX_BYTES);
        let Some(map) = S::map::<C, P, L>(most_bytes) else { return null_mut() };
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
        let &Map { pages, lead, leaf_words, summary_words, words, owners, large, .. } = map;
        Self {
            tables,
            origin: base.wrapping_sub(GRANULE_BYTES),
            ground: AtomicU32::new(ground),
            ground_most: map.ground,
            pages,
            lead,
            leaf_words,
            summary_words,
            words,
            owners,
            large,
            bytes,
            next: AtomicPtr::new(null_mut()),
            source: PhantomData,
            types: PhantomData,
        }
    }

    /// # Safety
    ///
    /// The memory is the caller's, and nobody knows the extent.
    pub(super) unsafe fn zero_tables(&self) {
        // SAFETY: the caller's contract.
        unsafe { self.tables.write_bytes(0, self.bytes - if S::IN_PLACE { 0 } else { size_of::<Self>() }) }
    }

    /// The ground and the tables.
    pub(super) fn len_bytes(&self) -> usize {
        self.map().ground as usize + self.bytes
    }

    /// Behind its last byte.
    #[inline(always)]
    pub(crate) fn end(&self) -> *mut u8 {
        match S::IN_PLACE {
            true => Extent(self).base().wrapping_add(self.map().ground as usize),
            false => self.tables.wrapping_add(self.bytes),
        }
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

    /// Makes an extent longer, up to `end`: moves its tables and its node to where they lie then, and gives what lies
    /// between to the large tier. Returns the new node, or null: the large tier can't become longer, or the pools have
    /// no last part that would, or it is too little, or too much. Then nothing was touched.
    ///
    /// # Safety
    ///
    /// - The memory behind the extent is the caller's up to `end`, for ever, and pointers to the one may be used for
    ///   the other.
    /// - Nobody else is in the heap or has a reference to the node. A context has been in the large tier, which so is
    ///   set up.
    #[inline(always)]
    pub(super) unsafe fn extend(this: *mut Self, end: usize) -> *mut Self {
        if !L::GROWS || !S::TOUCHES || !(S::GROWS || C::POOLED_EVERYWHERE) {
            return null_mut();
        }
        // SAFETY: the caller's contract. Nothing in a node has to be dropped, so two copies of it harm nobody.
        let old = &unsafe { this.read() };
        // SAFETY: the caller's contract: the new node lies behind the old tables, for so much more ground is between
        // them.
        let longer = unsafe { Self::lay_out_behind(Extent(old).base(), end, old.map().ground + LARGE_MIN_BYTES) };
        // SAFETY: it was written just now.
        let Some(node) = (unsafe { longer.as_ref() }) else { return longer };
        node.next.store(old.next.load(Relaxed), Relaxed);
        // SAFETY: the caller's contract; the ground is at least 16 bytes longer.
        unsafe { lengthen(Extent(old), Extent(node)) };
        longer
    }
}

// SAFETY: the context that laid it out gave the memory up for good, and zeroed its tables; the map was made for it.
unsafe impl<S: Source, C: Config, P: Policy, L: Large> Storage for &Node<S, C, P, L> {
    type Policy = P;
    type Large = L;
    type Config = C;
    const PAGE_BITS: u32 = S::PAGE_BITS;

    #[inline(always)]
    fn tables(self) -> *mut u8 {
        self.tables
    }

    /// What does not depend on the size is known when the program is built.
    #[inline(always)]
    fn map(self) -> Map {
        let ground = self.ground.load(Relaxed);
        let fixed = const { Map::fixed::<C, P, L>() };
        let &Node { leaf_words, summary_words, words, owners, large, bytes, .. } = self;
        let pages = if S::GROWS { ground / PAGE } else { self.pages };
        Map {
            pages: if C::TABLE.count == 0 { 0 } else { pages },
            lead: if S::GROWS || C::POOLED_EVERYWHERE { 0 } else { self.lead },
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
        if S::GROWS { self.ground_most / PAGE } else { self.pages }
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
