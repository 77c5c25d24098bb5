//! More memory from the source: an extent becomes longer, or there is a new one.

use super::{Memories, Node, Source, UNIT_BYTES};
use crate::config::geometry::*;
use crate::config::{Config, Table};
use crate::extent::Extent;
use crate::extent::map::Map;
use crate::large::Large;
use crate::policy::Policy;
use crate::sync::{AtomicPtr, Ordering::*};
use core::ptr::null_mut;

/// Where tables can't move, those of a new extent have room for that many times what there is: so there are few
/// extents, and the largest is a large part of the heap.
const RESERVE: usize = 3;

/// How often a context looks whether another has got memory, before it asks for some itself: some milliseconds.
const TURNS: u32 = if cfg!(all(test, loom)) { 1 } else { 1 << 22 };

impl<S: Source, C: Config, P: Policy, L: Large> Memories<S, C, P, L> {
    /// Whether extents ever become longer.
    const JOINS: bool = L::GROWS && S::TOUCHES;

    /// How often memory has arrived. Where there is one context, it knows.
    #[inline]
    pub(super) fn arrivals(&self) -> u32 {
        // Acquire: pairs with the Release in `arrived`.
        if S::IN_PLACE { self.arrivals.load(Acquire) } else { 0 }
    }

    /// Memory that others can have by now has arrived.
    #[inline]
    fn arrived(&self) {
        if S::IN_PLACE {
            // Release: pairs with the Acquire in `arrivals`.
            self.arrivals.fetch_add(1, Release);
        }
    }

    /// Gets memory in which the request fits, or has it got by another context. A block of an extent that is new; or
    /// null: the extents are to be asked again. `None`: there is no memory, and nothing has arrived since `seen`. For a
    /// block that changes its size, it is the one of `old` bytes at `ptr`.
    #[inline]
    pub(super) fn grow(&self, size: usize, align: usize, ptr: *mut u8, old: usize, seen: u32) -> Option<*mut u8> {
        if !S::GROWS {
            return None;
        }
        if !S::IN_PLACE {
            return self.get(size, align, ptr, old);
        }
        let alone = self.growing.swap(1, Relaxed) == 0;
        if !alone {
            self.wait();
        }
        // Before the source is asked, and once more when it had nothing: others may have got the last of it.
        let arrived = || (self.arrivals() != seen).then_some(null_mut());
        let block = arrived().or_else(|| self.get(size, align, ptr, old)).or_else(arrived);
        if alone {
            self.growing.store(0, Relaxed);
        }
        block
    }

    /// Until nobody asks the source, but at most [`TURNS`] times.
    fn wait(&self) {
        for _ in 0..TURNS {
            if self.growing.load(Relaxed) == 0 {
                return;
            }
            core::hint::spin_loop();
        }
    }

    /// Takes the memory that is there from the start, if it is there and long enough to be an extent.
    #[inline]
    pub(super) fn begin(&self) {
        let Some((start, len_bytes)) = self.source.first() else { return };
        // No reserve: a module of fixed memory would have tables for memory that it never gets.
        // SAFETY: what a source returns is nobody else's, for ever: the contract of `Source`.
        unsafe { self.add(start, len_bytes) };
    }

    /// Gets memory in which the request fits: a block of a new extent; or null if it has joined one. `None`: there is
    /// none.
    #[inline(never)]
    fn get(&self, size: usize, align: usize, ptr: *mut u8, old: usize) -> Option<*mut u8> {
        let (mut behind, mut total_bytes) = (None, 0);
        let may_extend = self.may_extend();
        let mut link = &self.oldest;
        // SAFETY: a link is null or leads to an extent that was entered, which stays; no extent becomes longer in this
        // loop.
        while let Some(node) = unsafe { link.load(Acquire).as_ref() } {
            self.meet();
            total_bytes += node.len_bytes();
            if may_extend && node.end().addr() == self.source.next() {
                behind = Some(link);
            }
            link = &node.next;
        }
        let there = Self::at(behind).map_or(0, |extent| Self::there_for(ptr, old, extent));
        let mut needed = units_for::<S, C, P, L>(size, align, there)?;
        // What does not join is more, so that there are few.
        let share = total_bytes / UNIT_BYTES / if S::IN_PLACE && !Self::JOINS { 2 } else { 8 };
        let mut most = usize::MAX;
        let mut reserve_bytes = 0;
        if S::IN_PLACE && Self::JOINS {
            let room = Self::at(behind).map_or(0, |extent| extent.0.room_bytes() / UNIT_BYTES);
            if needed <= room {
                most = room;
            } else {
                // The tables have no room for that.
                behind = None;
                needed = units_for::<S, C, P, L>(size, align, 0)?;
                reserve_bytes = total_bytes.saturating_mul(RESERVE).min(EXTENT_MAX_BYTES.saturating_sub(total_bytes));
            }
        }
        let reserved = reserved_units::<C, P, L>(reserve_bytes);
        let mut memory = self.ask(needed + reserved, share.min(most) + reserved);
        if memory.is_none() && reserved != 0 {
            reserve_bytes = 0;
            memory = self.ask(needed, share);
        }
        let (start, len_bytes) = memory?;
        self.reach(start.wrapping_add(len_bytes - 1));
        let mut block = null_mut();
        // SAFETY: by the contract of `Source`, the new memory is nobody else's, for ever, and zeroed, so that a new
        // extent's tables need not be; and where tables move, nobody else is in the heap, nor this context in the middle
        // of a call: `may_extend` has seen to that. `there_for` has been in the large tier of the extent.
        unsafe {
            if !behind.is_some_and(|link| self.extend(link, start, len_bytes)) {
                let extent = Node::lay_out(start, len_bytes, reserve_bytes);
                let node = extent.as_ref()?;
                #[cfg(all(test, loom))]
                self.source.make(extent.cast());
                // Before others see it, or they could take what it was got for.
                block = Extent::allocate_rarely::<false>(size, align, Extent(node));
                self.enter(extent);
                if !block.is_null() {
                    self.serve_from(extent);
                }
            }
        }
        self.arrived();
        Some(block)
    }

    /// Whether extents may be made longer now: their tables stay where they are, or nobody else is in the heap.
    fn may_extend(&self) -> bool {
        Self::JOINS && (S::IN_PLACE || !self.is_in_a_call())
    }

    /// Makes an extent longer by memory that lies behind it. `false`: it does not, or another context keeps this one
    /// out.
    ///
    /// # Safety
    ///
    /// The memory is the source's, nobody else's, and zeroed. Where there is one context, it is not in the heap and has
    /// been in the extent's large tier.
    #[inline]
    unsafe fn extend(&self, link: &AtomicPtr<Node<S, C, P, L>>, start: *mut u8, len_bytes: usize) -> bool {
        let Some(extent) = Self::at(Some(link)) else { return false };
        // SAFETY: the caller's contract: the memory is nobody else's, and in place, others may be in the heap; otherwise
        // nobody else is, and `extent` is not used any more once the node has moved.
        unsafe {
            match S::IN_PLACE {
                true => extent.0.extend_in_place(start, len_bytes),
                false => extent.0.end() == start && self.lengthen_at(link, start.addr() + len_bytes),
            }
        }
    }

    /// The extent that a link leads to, which is no longer used when that becomes longer.
    #[inline]
    fn at(link: Option<&AtomicPtr<Node<S, C, P, L>>>) -> Option<Extent<&Node<S, C, P, L>>> {
        // SAFETY: a link is null or leads to an extent that was entered, which stays as long as none becomes longer.
        link.and_then(|link| unsafe { link.load(Acquire).as_ref() }).map(Extent)
    }

    /// How much of what a block needs is there, at the end of an extent: what is free; and the block itself, if it lies
    /// before that.
    #[inline]
    fn there_for(ptr: *mut u8, old: usize, extent: Extent<&Node<S, C, P, L>>) -> usize {
        // SAFETY: `look` calls this inside the entry of the large tier, once that is set up.
        let free = extent.look(|_| unsafe { L::free_at_end(extent) }).unwrap_or(0) as usize;
        let behind = (extent.map().ground as usize).wrapping_sub(extent.offset_of(ptr));
        // The block may have a spare granule. Of an address elsewhere, `behind` is very large.
        if behind <= free + granules(old) * GRANULE_BYTES + GRANULE_BYTES { behind } else { free }
    }

    /// Asks the source for a share of what there is, then for less, down to what is needed.
    #[inline]
    fn ask(&self, needed: usize, share: usize) -> Option<(*mut u8, usize)> {
        let mut units = share.max(needed);
        loop {
            if let Some(memory) = self.source.grow(units) {
                self.units_grown.fetch_add(units as u32, Relaxed);
                return Some(memory);
            }
            if units == needed {
                return None;
            }
            units = needed.max(units / 2);
        }
    }

    /// The heap's memory reaches up to this byte at least.
    #[inline]
    fn reach(&self, last: *mut u8) {
        if S::IN_PLACE {
            let mut seen = self.reach.load(Relaxed);
            // Relaxed: the context that needs to know it gets the memory by a Release that follows.
            while seen.addr() < last.addr() {
                match self.reach.compare_exchange(seen, last, Relaxed, Relaxed) {
                    Ok(_) => return,
                    Err(other) => seen = other,
                }
            }
        }
    }
}

/// Units in which a request fits, tables included, wherever the run that serves it begins, if that many bytes of it are
/// there. `None`: it is no layout's.
#[inline]
pub(super) fn units_for<S: Source, C: Config, P: Policy, L: Large>(
    size: usize,
    align: usize,
    free: usize,
) -> Option<usize> {
    if size > isize::MAX as usize || align > ALIGN_MAX_BYTES {
        return None;
    }
    // Twice the smallest block and the alignment: what can lie before the block, and behind it.
    let bytes = (size + align + 2 * LARGE_MIN_BYTES as usize).saturating_sub(free);
    let pages = bytes / PAGE_BYTES + C::RESERVED_PAGES as usize + 2;
    // A unit may end a granule early.
    let bytes = Node::<S, C, P, L>::MOST_BYTES + Map::most_bytes::<C, P, L>(pages) + GRANULE_BYTES;
    Some(bytes / UNIT_BYTES + 1)
}

/// Units that it takes to have tables for that many bytes more.
#[inline]
pub(super) fn reserved_units<C: Config, P: Policy, L: Large>(bytes: usize) -> usize {
    let pages = bytes / PAGE_BYTES;
    if pages == 0 { 0 } else { Map::most_table_bytes::<C, P, L>(pages) / UNIT_BYTES + 1 }
}
