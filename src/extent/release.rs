//! Where a block goes back to: to its page, to the large tier, or to the list of those that found it held.
//!
//! What the common path of a call leads to gets its arguments as the heap's caller gave them, and the handle last: so
//! the common path neither moves nor saves them.

use super::enter::Given;
use super::{Extent, Location, Place, Storage, large_bytes};
use crate::config::classes::owner;
use crate::config::geometry::*;
use crate::config::{Reason, Table};
use crate::pools::page;
use crate::pools::{Pools, Tables};
use crate::sync::Ordering::*;
use core::alloc::Layout;

/// Takes blocks back.
impl<S: Storage> Extent<S> {
    #[inline(always)]
    pub(crate) fn release(self, ptr: *mut u8, layout: Layout) -> bool {
        // Counted from page 0, which is nobody's: its owner is that of no class. An address between two granules is
        // very far away.
        let offset = self.pooled_offset_of(ptr).wrapping_add(PAGE_BYTES);
        let granule = offset.rotate_right(GRANULE_BYTES.trailing_zeros());
        let page = granule / PAGE_GRANULES as usize;
        if Self::TABLE.count != 0 && page <= self.map().pages as usize {
            let page = page as u32;
            // Relaxed: the block is the caller's, so its page's owner has not changed since.
            let class = self.owner_of(page);
            let bit = 1 << (granule % PAGE_GRANULES as usize);
            let mask = Self::TABLE.mask(class);
            if mask & bit != 0 {
                let old = page::release(Tables::word(self, page), bit);
                if old | bit == old {
                    return self.freed_again(page, bit);
                }
                Pools(self).released(page, class, old, bit);
                return true;
            }
            if class == owner::LARGE && page != 0 {
                return self.release_long(ptr, layout.size());
            }
        } else if (Self::TABLE.count == 0 || !S::Config::POOLED_EVERYWHERE)
            && self.holds(ptr)
            && ptr.addr() % GRANULE_BYTES == 0
        {
            // Large blocks lie outside of what the pools may have.
            return self.release_long(ptr, layout.size());
        }
        Self::release_slowly(ptr, layout.size(), self)
    }

    /// A release in the ground, but not of the pools. Beside these it starts anew, so that nothing has to be kept for
    /// it in registers, where there are some.
    #[inline(always)]
    pub(crate) fn release_long(self, ptr: *mut u8, size: usize) -> bool {
        if Self::TABLE.count != 0 && cfg!(not(target_arch = "wasm32")) {
            return Self::release_anew(ptr, size, self);
        }
        self.release_to_large(self.offset_of(ptr) as u32 + GRANULE, size)
    }

    #[inline(never)]
    pub(crate) fn release_anew(ptr: *mut u8, size: usize, extent: Self) -> bool {
        extent.release_to_large(extent.offset_of(ptr) as u32 + GRANULE, size)
    }

    /// A block was free already. That its address is made anew spares the common path two registers, which it would
    /// have to save.
    #[cold]
    #[inline(never)]
    pub(crate) fn freed_again(self, page: u32, bit: u32) -> bool {
        let place = self.place_of_page(page) + bit.trailing_zeros() * GRANULE;
        self.wrong_free(self.at(place), Reason::Double)
    }

    /// A release, once more from the start: the address may be anything.
    #[cold]
    #[inline(never)]
    pub(crate) fn release_slowly(ptr: *mut u8, size: usize, extent: Self) -> bool {
        extent.release_at(extent.locate(ptr), ptr, size)
    }

    /// A release of what `locate` has found at an address.
    #[inline(never)]
    pub(crate) fn release_at(self, location: Location, ptr: *mut u8, size: usize) -> bool {
        match location.place() {
            Err(reason) => self.wrong_free(ptr, reason),
            Ok(Place::Large(first)) => self.release_to_large(first, size),
            Ok(Place::Pooled(_)) => {
                let offset = self.pooled_offset_of(ptr) as u32;
                match Pools(self).give(offset / PAGE + 1, 1 << (offset / GRANULE % PAGE_GRANULES)) {
                    0 => true,
                    _ => self.wrong_free(ptr, Reason::Double),
                }
            }
        }
    }

    /// A release at a place of the large tier.
    #[inline(always)]
    pub(crate) fn release_to_large(self, first: u32, size: usize) -> bool {
        let bytes = large_bytes(size);
        let is_first = !self.has_deferred() || self.clear_way(first);
        let given = if is_first { self.give(first, bytes) } else { self.refuse(first, Reason::Double) };
        given != Given::Wrong
    }

    /// Gives a page that belongs to nobody back to the large tier. It is this context's, so the large tier takes it, or
    /// is held.
    pub(crate) fn page_to_large(self, page: u32) {
        // Relaxed: from here on pooled frees of the page end at the large tier's own check.
        self.owner(page).store(owner::LARGE as u8, Relaxed);
        self.give(self.place_of_page(page), PAGE);
    }

    /// Gives everything back that is not in use.
    pub(crate) fn trim(self) {
        self.drain_all();
        for page in 1..=self.map().pages {
            if Pools(self).retire(page) {
                self.page_to_large(page);
            }
        }
        self.bring_home();
    }
}
