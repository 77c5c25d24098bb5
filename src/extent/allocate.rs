//! What an allocation may take, from its class's first page to a page that another class keeps. Arguments are ordered
//! as in `release`.

use super::enter::Answer;
use super::{Extent, Storage, large_bytes};
use crate::config::geometry::*;
use crate::config::{Config, Event, Table};
use crate::hooks::emergency;
use crate::pools::slots;
use crate::pools::{Block, Claim, Pools, Tables};
use crate::sync::{Ordering::*, SINGLE};
use core::alloc::Layout;
use core::ptr::null_mut;

/// Serves requests.
impl<S: Storage> Extent<S> {
    #[inline(always)]
    pub(crate) fn allocate<const REPORT: bool>(self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        if Self::TABLE.count == 0 || size > Self::TABLE.max_bytes {
            return Self::allocate_long::<REPORT>(size, align, self);
        }
        if align > GRANULE_BYTES {
            return Self::allocate_rarely::<REPORT>(size, align, self);
        }
        let class = Self::TABLE.class_of(granules(size));
        let (claim, seen) = Pools(self).claim_first(class);
        match claim {
            Claim::Block(block) => self.at(block.place(self.lead())),
            Claim::Last(block) => {
                Pools(self).drop_first(seen, class);
                self.at(block.place(self.lead()))
            }
            Claim::Stray(block) => Self::allocate_past::<REPORT>(size, class, block, self),
            Claim::Nothing => Self::allocate_behind::<REPORT>(size, GRANULE_BYTES, class, self),
        }
    }

    /// The first page of the front is another class's by now.
    #[cold]
    #[inline(never)]
    pub(crate) fn allocate_past<const REPORT: bool>(size: usize, class: u32, stray: Block, extent: Self) -> *mut u8 {
        Pools(extent).give_stray(stray);
        Self::allocate_behind::<REPORT>(size, GRANULE_BYTES, class, extent)
    }

    /// The front led to no block.
    #[inline(never)]
    pub(crate) fn allocate_behind<const REPORT: bool>(size: usize, align: usize, class: u32, extent: Self) -> *mut u8 {
        // A request of no bytes is a caller's error. It is of no class, whose front is always empty, and gets the
        // smallest block.
        let class = class.max(1);
        match Pools(extent).claim_any(class) {
            0 => extent.allocate_anywhere::<REPORT>(size, align, class),
            place => extent.at(place),
        }
    }

    /// A small request that is aligned to more than a granule, or any.
    #[inline(never)]
    pub(crate) fn allocate_rarely<const REPORT: bool>(size: usize, align: usize, extent: Self) -> *mut u8 {
        match extent.class_for(size, align) {
            0 => Self::allocate_long::<REPORT>(size, align, extent),
            class => Self::allocate_behind::<REPORT>(size, align, class, extent),
        }
    }

    /// No page of the class has a free block.
    #[inline(never)]
    pub(crate) fn allocate_anywhere<const REPORT: bool>(self, size: usize, align: usize, class: u32) -> *mut u8 {
        self.serve::<REPORT>(size, align, || self.find_block(size, align, class))
    }

    /// A request that no class serves.
    #[inline(never)]
    pub(crate) fn allocate_long<const REPORT: bool>(size: usize, align: usize, extent: Self) -> *mut u8 {
        extent.serve::<REPORT>(size, align, || extent.allocate_large(size, align))
    }

    /// The block at the place that is found, or null.
    #[inline(always)]
    pub(crate) fn serve<const REPORT: bool>(self, size: usize, align: usize, find: impl Fn() -> u32) -> *mut u8 {
        let attempt = || match find() {
            0 => None,
            place => Some(self.at(place)),
        };
        match REPORT {
            true => self.persist(size, align, attempt),
            false => attempt().unwrap_or(null_mut()),
        }
    }

    /// Makes attempts to serve a request: see [`emergency::persist`].
    #[inline(always)]
    pub(crate) fn persist(self, size: usize, align: usize, attempt: impl FnMut() -> Option<*mut u8>) -> *mut u8 {
        let runs = &self.header().rescues;
        emergency::persist::<S::Config>(runs, size, align, || self.refused(size, align), attempt)
    }

    /// A block of a new page, of the large tier, or of another class: its place, or 0.
    #[inline(always)]
    pub(crate) fn find_block(self, size: usize, align: usize, class: u32) -> u32 {
        let mut place = self.refill(class);
        if place == 0 {
            place = self.allocate_large(size, align);
        }
        if place == 0 {
            place = self.borrow(class, align);
        }
        if place == 0 && !SINGLE {
            place = Pools(self).claim_overlooked(class);
        }
        place
    }

    #[inline(always)]
    pub(crate) fn refused(self, size: usize, align: usize) {
        emergency::refuse(&self.header().refused, size, align, |event| self.tell(event));
    }

    /// The class that serves such a request; 0 for none.
    #[inline(always)]
    pub(crate) fn class_for(self, size: usize, align: usize) -> u32 {
        // Blocks of a class lie at multiples of its size, from the start of a page.
        let size = (size.max(1).wrapping_add(align - 1)) & !(align - 1);
        if Self::TABLE.count == 0 || size > Self::TABLE.max_bytes {
            return 0;
        }
        let class = Self::TABLE.class_of(granules(size));
        if self.fits(class, align) { class } else { 0 }
    }

    /// Whether a class's blocks are so aligned.
    #[inline(always)]
    pub(crate) fn fits(self, class: u32, align: usize) -> bool {
        Self::TABLE.block_bytes(class) & (align - 1) == 0
    }

    /// Gets the class a page, and a block of it: from the stash, from the large tier, from another class that
    /// keeps an empty one.
    #[inline(always)]
    pub(crate) fn refill(self, class: u32) -> u32 {
        let block_bytes = Self::TABLE.block_bytes(class);
        self.tell(Event::RefillBegins { block_bytes });
        let mut page = slots::take(self.stash());
        if page == 0 {
            page = self.page_from_large();
        }
        if page == 0 {
            page = Pools(self).reclaim();
        }
        let mut place = 0;
        if page != 0 {
            self.header().refills.fetch_add(1, Relaxed);
            place = Pools(self).open(page, class);
        }
        self.tell(Event::RefillEnds { block_bytes });
        place
    }

    #[inline(always)]
    pub(crate) fn page_from_large(self) -> u32 {
        let answer = self.take(PAGE, PAGE);
        if !answer.is_place() {
            return 0;
        }
        let page = self.page_at(answer.0);
        // Relaxed: the page is this context's; published with its word.
        self.owner(page).store(Self::TABLE.in_transit() as u8, Relaxed);
        page
    }

    /// A block of a larger class, or of the same, which may have got one meanwhile. Its page's owner then says how to
    /// free it.
    ///
    /// Of larger classes only fronts are looked at: one that has pages in its index alone is not found.
    #[inline(always)]
    pub(crate) fn borrow(self, class: u32, align: usize) -> u32 {
        for larger in class..=Self::TABLE.count as u32 {
            let may_have = larger == class || Tables::front(self, larger).seen() != 0;
            if may_have && self.fits(larger, align) {
                let place = Pools(self).claim_any(larger);
                if place != 0 {
                    return place;
                }
            }
        }
        0
    }

    /// A block of the large tier. When there is none, what is on its way there is brought home first.
    #[inline(always)]
    pub(crate) fn allocate_large(self, size: usize, align: usize) -> u32 {
        if align > ALIGN_MAX_BYTES || size > self.map().ground as usize {
            return 0;
        }
        let (bytes, mut align) = (large_bytes(size), align.max(GRANULE_BYTES) as u32);
        let apart = !S::Config::POOLED_EVERYWHERE || self.map().pages as usize == PAGES_MAX;
        if apart && bytes == PAGE && align == PAGE {
            // Not a page of the pools, which would have to lie where they are.
            align *= 2;
        }
        let mut answer = self.take(bytes, align);
        // Once: what others defer or keep meanwhile is not waited for.
        if answer == Answer::NOTHING && self.bring_home() {
            answer = self.take(bytes, align);
        }
        if answer.is_place() { answer.0 } else { 0 }
    }

    /// Gives the large tier what belongs to it by rights. `false`: there was nothing.
    ///
    /// Time: at most the deferred releases, the stash and the kept pages.
    #[inline(never)]
    pub(crate) fn bring_home(self) -> bool {
        let mut found = self.drain_all();
        for _ in 0..S::Config::STASH_PAGES + S::Config::KEPT_PAGES {
            let mut page = slots::take(self.stash());
            if page == 0 {
                page = Pools(self).reclaim();
            }
            if page == 0 {
                break;
            }
            self.page_to_large(page);
            found = true;
        }
        found
    }
}
