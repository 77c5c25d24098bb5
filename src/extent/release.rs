//! Where a block goes back to: to its page, to tier 2, or to the list of those that found it held.

use super::entry::Given;
use super::{Allocate, Entry, Extent, Location, Place, large_bytes};
use crate::classes::owner;
use crate::config::{Reason, Table};
use crate::geometry::*;
use crate::page;
use crate::pools::{Pools, Tables};
use crate::sync::Ordering::*;
use core::alloc::Layout;

/// Takes blocks back.
pub(crate) trait Release: Entry {
    #[inline(always)]
    fn release(self, ptr: *mut u8, layout: Layout) {
        let offset = self.pooled_offset_of(ptr);
        if offset < self.map().pages as usize * PAGE_BYTES {
            let page = (offset / PAGE_BYTES) as u32 + 1;
            // Relaxed: the block is the caller's, so its page's owner has not changed since.
            let class = self.owner_of(page);
            let bit = 1 << (offset / GRANULE_BYTES % PAGE_GRANULES as usize);
            let mask = Self::TABLE.mask(class);
            if offset % GRANULE_BYTES == 0 {
                if mask & bit != 0 {
                    let old = page::release(Tables::word(self, page), bit);
                    if old & bit != 0 {
                        return self.wrong_free(ptr, Reason::Double);
                    }
                    self.count_live(layout.size(), 0);
                    return Pools(self).released(page, class, old, bit);
                }
                if class == owner::LARGE {
                    return self.release_to_large(self.lead() + offset as u32 + GRANULE, layout.size());
                }
            }
        } else if Self::TABLE.count == 0 || !Self::Config::POOLED_EVERYWHERE {
            // Large blocks lie outside of what the pools may have.
            let offset = self.offset_of(ptr);
            if self.holds(ptr) && offset % GRANULE_BYTES == 0 {
                return self.release_to_large(offset as u32 + GRANULE, layout.size());
            }
        }
        self.release_slowly(ptr, layout.size());
    }

    /// A release, once more from the start: the address may be anything.
    #[cold]
    #[inline(never)]
    fn release_slowly(self, ptr: *mut u8, size: usize) {
        self.release_at(self.locate(ptr), ptr, size);
    }

    /// A release of what `locate` has found at an address.
    #[inline(never)]
    fn release_at(self, location: Location, ptr: *mut u8, size: usize) {
        match location.place() {
            Err(reason) => self.wrong_free(ptr, reason),
            Ok(Place::Large(first)) => self.release_to_large(first, size),
            Ok(Place::Pooled(_)) => {
                let offset = self.pooled_offset_of(ptr) as u32;
                match Pools(self).give(offset / PAGE + 1, 1 << (offset / GRANULE % PAGE_GRANULES)) {
                    0 => self.count_live(size, 0),
                    _ => self.wrong_free(ptr, Reason::Double),
                }
            }
        }
    }

    /// A release at a place of tier 2.
    #[inline(always)]
    fn release_to_large(self, first: u32, size: usize) {
        let bytes = large_bytes(size);
        let given = if self.has_deferred() { self.release_behind(first, bytes) } else { self.give(first, bytes) };
        if cfg!(feature = "live-peak") && given != Given::Wrong {
            self.count_live(size, 0);
        }
    }

    /// The same while others wait for it: the block may be one of them, and one of them is drained first.
    #[cold]
    #[inline(never)]
    fn release_behind(self, first: u32, bytes: u32) -> Given {
        if self.is_sealed(first) {
            return self.refuse(first, Reason::Double);
        }
        self.drain();
        self.give(first, bytes)
    }

    /// Gives a page that belongs to nobody back to tier 2. It is this context's, so tier 2 takes it, or is held.
    fn page_to_large(self, page: u32) {
        // Relaxed: from here on pooled frees of the page end at tier 2's own check.
        self.owner(page).store(owner::LARGE as u8, Relaxed);
        self.give(self.place_of_page(page), PAGE);
    }

    /// Gives everything back that is not in use.
    fn trim(self) {
        self.drain_all();
        for page in 1..=self.map().pages {
            if Pools(self).retire(page) != 0 {
                self.page_to_large(page);
            }
        }
        self.bring_home();
    }
}

impl<E: Extent> Release for E {}
