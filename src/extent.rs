//! One contiguous memory with its tables inside: a heap complete in itself.
//!
//! [`Heap`](crate::Heap) is one extent, [`Region`](crate::Region) a few. An extent is generic over who
//! says where it lies, so that for a static arena every address below is a constant.

use crate::classes::{ClassTable, owner};
use crate::config::{Config, Event, Reason, Table, WrongFree};
use crate::deferred::{self, Links, TAIL};
use crate::geometry::*;
use crate::header::{Header, Inside};
use crate::index::Index;
use crate::large::{Ground, Large, Resized, page_of};
use crate::map::Map;
use crate::page;
use crate::policy::Policy;
use crate::pools::{Missed, Pools, Tables};
use crate::slots;
use crate::sync::{AtomicU8, AtomicU32, Ordering::*};
use core::alloc::Layout;
use core::ptr::null_mut;

/// How many deferred releases a visitor of tier 2 drains besides its own business.
const DRAIN_VISIT: u32 = 1;

/// Where an extent lies, and its types.
///
/// # Safety
///
/// - `base` points to `map().end` bytes that are the extent's alone for as long as it is used, valid for reads
///   and writes, aligned to a page, zeroed before the first use.
/// - `map` is what `Map::new` made for these types, and both always give the same values.
pub(crate) unsafe trait Extent: Sized {
    type Policy: Policy;
    type Large: Large;
    type Config: Config;

    fn base(&self) -> *mut u8;
    fn map(&self) -> Map;
}

/// What tier 2 answered.
pub(crate) enum Answer<T> {
    Got(T),
    /// Nothing there.
    None,
    /// Somebody else is inside.
    Busy,
}

/// The words at an offset of the arena, as tables.
#[inline(always)]
fn table<'a, E: Extent, T>(extent: &'a E, offset: usize, len: usize) -> &'a [T] {
    // SAFETY: offsets and lengths come from the map, whose tables are inside the extent, disjoint,
    // aligned, and zeroed, which is a valid value of the atomics that they hold. Everything in
    // them is changed through atomics alone. The memory outlives the extent (contract of `Extent`).
    unsafe { core::slice::from_raw_parts(extent.base().add(offset).cast::<T>(), len) }
}

/// One entry of a table.
#[inline(always)]
fn entry<'a, E: Extent, T>(extent: &'a E, offset: usize, at: usize) -> &'a T {
    // SAFETY: as in `table`; callers pass the number of a page or of a class, for which the map
    // has an entry.
    unsafe { &*extent.base().add(offset).cast::<T>().add(at) }
}

impl<E: Extent> Tables for E {
    type Config = E::Config;

    #[inline(always)]
    fn word(&self, page: u32) -> &AtomicU32 {
        debug_assert!(page <= self.map().pages);
        entry(self, self.map().words, page as usize)
    }
    #[inline(always)]
    fn owner(&self, page: u32) -> &AtomicU8 {
        debug_assert!(page <= self.map().pages);
        entry(self, self.map().owners, page as usize)
    }
    #[inline(always)]
    fn current(&self, class: u8) -> &AtomicU32 {
        debug_assert!(usize::from(class) <= E::Config::TABLE.count);
        entry(self, self.map().currents, usize::from(class))
    }
    #[inline(always)]
    fn index(&self, class: u8) -> Index<'_> {
        let map = self.map();
        let at = usize::from(class - 1);
        Index {
            leaves: table(self, map.leaves + at * map.leaf_words * 4, map.leaf_words),
            summary: table(self, map.summaries + at * map.summary_words * 4, map.summary_words),
        }
    }
    #[inline(always)]
    fn kept(&self) -> &[AtomicU32] {
        table(self, self.map().kept, E::Config::KEPT_PAGES)
    }
    #[inline(always)]
    fn stash(&self) -> &[AtomicU32] {
        table(self, self.map().stash, E::Config::STASH_PAGES)
    }
    #[inline(always)]
    fn reserved_pages(&self) -> u32 {
        E::Config::RESERVED_PAGES
    }
    /// To the stash; if that is full, to tier 2; if that is held, to the deferred list.
    fn surrender(&self, page: u32) {
        if !slots::put(self.stash(), page) {
            self.page_to_large(page);
        }
    }
    fn retries(&self) -> &AtomicU32 {
        &self.header().retries
    }
    fn planted(&self) -> &AtomicU32 {
        &self.header().wrong_frees
    }
}

// SAFETY: the map says how many granules lie before the tables, `base` is aligned to a page, and
// the backend's table was counted by `Map` from its own constants.
unsafe impl<E: Extent> Ground for E {
    #[inline(always)]
    fn granules(&self) -> u32 {
        self.map().granules
    }
    #[inline(always)]
    fn block(&self, granule: u32) -> *mut u8 {
        debug_assert!(granule >= 1 && granule <= self.map().granules);
        self.base().wrapping_add((granule as usize).wrapping_sub(1).wrapping_mul(GRANULE_BYTES))
    }
    #[inline(always)]
    fn table(&self) -> *mut u8 {
        self.base().wrapping_add(self.map().large)
    }
}

// SAFETY: a granule of the ground is 8 bytes, aligned to 8: two words.
unsafe impl<E: Extent> Links for E {
    unsafe fn write(&self, granule: u32, next: u32, len: u32) {
        // SAFETY: the granule is the caller's.
        unsafe { self.block(granule).cast::<[u32; 2]>().write([next, len]) }
    }
    unsafe fn read(&self, granule: u32) -> (u32, u32) {
        // SAFETY: the granule is the caller's.
        let [next, len] = unsafe { self.block(granule).cast::<[u32; 2]>().read() };
        (next, len)
    }
}

/// What calls do.
pub(crate) trait Engine: Extent {
    const TABLE: &'static ClassTable = Self::Config::TABLE;

    #[inline(always)]
    fn header(&self) -> &Header<Self::Policy> {
        entry(self, self.map().header, 0)
    }

    #[inline(always)]
    fn pools(&self) -> Pools<'_, Self> {
        Pools(self)
    }

    /// The bytes that an address lies behind the start; huge for one before it.
    #[inline(always)]
    fn offset_of(&self, ptr: *mut u8) -> usize {
        ptr.addr().wrapping_sub(self.base().addr())
    }

    /// Whether an address lies where blocks do.
    #[inline(always)]
    fn holds(&self, ptr: *mut u8) -> bool {
        self.offset_of(ptr) < self.map().granules as usize * GRANULE_BYTES
    }

    #[inline(always)]
    fn allocate<const REPORT: bool>(&self, layout: Layout) -> *mut u8 {
        let mut missed = Missed { page: 0, stray: 0 };
        if layout.align() <= GRANULE_BYTES && layout.size() <= Self::TABLE.max_bytes {
            match self.pools().claim_current(Self::TABLE.class_of(granules(layout.size()))) {
                Ok(offset) => return self.base().wrapping_add(offset as usize),
                Err(other) => missed = other,
            }
        }
        self.allocate_slowly::<REPORT>(layout.size(), layout.align(), missed.page, missed.stray)
    }

    #[cold]
    #[inline(never)]
    fn allocate_slowly<const REPORT: bool>(&self, size: usize, align: usize, page: u32, stray: u32) -> *mut u8 {
        if stray != 0 {
            self.pools().give_back(page, stray);
        }
        let block = if align > ALIGN_MAX_BYTES || size > self.map().granules as usize * GRANULE_BYTES {
            null_mut()
        } else {
            match self.class_for(size, align) {
                0 => self.allocate_large(size, align),
                class => self.allocate_pooled(class, size, align),
            }
        };
        if REPORT && block.is_null() {
            self.refused(size, align);
        }
        block
    }

    #[cold]
    fn refused(&self, size: usize, align: usize) {
        self.header().refused.fetch_add(1, Relaxed);
        Self::Config::tell(Event::Refused { size_bytes: size, align_bytes: align });
    }

    /// The class that serves such a request; 0 for none.
    #[inline(always)]
    fn class_for(&self, size: usize, align: usize) -> u8 {
        // Blocks of a class lie at multiples of its size, from the start of a page.
        let size = if align > GRANULE_BYTES { size.next_multiple_of(align) } else { size.max(1) };
        if size > Self::TABLE.max_bytes {
            return 0;
        }
        let class = Self::TABLE.class_of(granules(size));
        if Self::TABLE.block_bytes(class) & (align - 1) == 0 { class } else { 0 }
    }

    /// A small request whose class's current page gave nothing: the index, the stash, tier 2, the
    /// pages kept by other classes, a block of its own from tier 2, a larger class's.
    fn allocate_pooled(&self, class: u8, size: usize, align: usize) -> *mut u8 {
        if let Some(offset) = self.pools().claim_any(class) {
            return self.at(offset);
        }
        let block_bytes = Self::TABLE.block_bytes(class);
        Self::Config::tell(Event::RefillBegins { block_bytes });
        let offset = self.refill(class);
        Self::Config::tell(Event::RefillEnds { block_bytes });
        match offset {
            Some(offset) => self.at(offset),
            None => self.allocate_elsewhere(class, size, align),
        }
    }

    #[inline(always)]
    fn at(&self, offset: u32) -> *mut u8 {
        self.base().wrapping_add(offset as usize)
    }

    /// Gets the class a page, and a block of it.
    fn refill(&self, class: u8) -> Option<u32> {
        let page = slots::take(self.stash()).or_else(|| self.page_from_large()).or_else(|| self.pools().reclaim())?;
        self.header().refills.fetch_add(1, Relaxed);
        Some(self.pools().open(page, class))
    }

    /// No page can be had: whoever has a block that fits.
    #[cold]
    fn allocate_elsewhere(&self, class: u8, size: usize, align: usize) -> *mut u8 {
        let block = self.allocate_large(size, align);
        if !block.is_null() {
            return block;
        }
        for larger in class + 1..=Self::TABLE.count as u8 {
            if Self::TABLE.block_bytes(larger) & (align - 1) != 0 {
                continue;
            }
            match self.pools().claim_current(larger) {
                Ok(offset) => return self.at(offset),
                Err(missed) if missed.stray != 0 => self.pools().give_back(missed.page, missed.stray),
                Err(_) => {}
            }
            if let Some(offset) = self.pools().claim_any(larger) {
                return self.at(offset);
            }
        }
        null_mut()
    }

    fn allocate_large(&self, size: usize, align: usize) -> *mut u8 {
        let (granules, align) = (large_granules(size), (align / GRANULE_BYTES).max(1) as u32);
        // SAFETY (both): inside the entry; the sizes were checked against the arena's.
        let take = || unsafe { Self::Large::take(self, granules, align) };
        if let Some(first) = self.take_from_large(take) {
            return self.block(first);
        }
        null_mut()
    }

    fn page_from_large(&self) -> Option<u32> {
        // SAFETY: inside the entry.
        match self.enter_large(|| unsafe { Self::Large::take_page(self) }) {
            Answer::Got(first) => {
                let page = page_of(first);
                // Relaxed: the page is this context's; published with its word.
                self.owner(page).store(Self::TABLE.in_transit(), Relaxed);
                Some(page)
            }
            _ => None,
        }
    }

    /// Takes a block from tier 2; when there is none, brings home everything that is on its way there.
    fn take_from_large(&self, take: impl Fn() -> u32) -> Option<u32> {
        loop {
            match self.enter_large(&take) {
                Answer::Got(first) => return Some(first),
                Answer::Busy => return None,
                Answer::None if self.bring_home() => {}
                Answer::None => return None,
            }
        }
    }

    /// Gives tier 2 what belongs to it by rights. `false`: there was nothing.
    ///
    /// Time: at most the deferred releases, the stash and the kept pages.
    #[cold]
    fn bring_home(&self) -> bool {
        let mut found = self.drain(u32::MAX) != 0;
        while let Some(page) = slots::take(self.stash()).or_else(|| self.pools().reclaim()) {
            self.page_to_large(page);
            found = true;
        }
        found
    }

    /// Runs `take` inside tier 2, and drains a little.
    fn enter_large(&self, take: impl FnOnce() -> u32) -> Answer<u32> {
        let entered = self.enter(|inside| {
            let first = take();
            // SAFETY: inside the entry.
            let used = self.map().granules - unsafe { Self::Large::free_granules(self) };
            inside.peak_granules = inside.peak_granules.max(used);
            first
        });
        self.drain(DRAIN_VISIT);
        match entered {
            None => Answer::Busy,
            Some(0) => Answer::None,
            Some(first) => Answer::Got(first),
        }
    }

    /// Enters tier 2, which is set up first if it is the first time.
    #[inline(always)]
    fn enter<R>(&self, f: impl FnOnce(&mut Inside) -> R) -> Option<R> {
        let header = self.header();
        Self::Policy::enter(&header.lock, || {
            // SAFETY: inside the entry nobody else has a reference to `inside`.
            let inside = unsafe { &mut *header.inside.get() };
            if inside.ready == 0 {
                self.set_up(inside);
            }
            inside.version = inside.version.wrapping_add(1);
            f(inside)
        })
    }

    /// Enters tier 2 only to look: what was seen before stays true.
    fn look<R>(&self, f: impl FnOnce(&Inside) -> R) -> Option<R> {
        self.enter(|inside| {
            inside.version = inside.version.wrapping_sub(1);
            f(inside)
        })
    }

    /// Sets tier 2 up and opens the reserved pages.
    #[cold]
    #[inline(never)]
    fn set_up(&self, inside: &mut Inside) {
        inside.ready = 1;
        // SAFETY: inside the entry, once, on zeroed tables.
        unsafe { Self::Large::init(self) };
        for &(bytes, pages) in Self::Config::RESERVED {
            let class = crate::config::class_of_size(Self::Config::CLASSES, bytes);
            for _ in 0..pages {
                // SAFETY: inside the entry.
                match unsafe { Self::Large::take_page(self) } {
                    0 => return,
                    first => self.pools().open_reserved(page_of(first), class),
                }
            }
        }
    }

    #[inline(always)]
    fn release(&self, ptr: *mut u8, layout: Layout) {
        let offset = self.offset_of(ptr);
        let page = (offset / PAGE_BYTES) as u32;
        if offset < self.map().pages as usize * PAGE_BYTES {
            let page = page + 1;
            // Relaxed: the block is the caller's, so its page's owner has not changed since.
            let class = self.owner(page).load(Relaxed);
            let bit = 1 << (offset / GRANULE_BYTES % PAGE_GRANULES as usize);
            let mask = Self::TABLE.mask(class);
            if mask & bit != 0 && offset % GRANULE_BYTES == 0 {
                let old = page::release(self.word(page), bit);
                if old & bit == 0 && old != 0 && old | bit != mask {
                    return;
                }
                return self.released(ptr, page, class, old, bit);
            }
        }
        self.release_slowly(ptr, layout.size());
    }

    /// The release met an edge: a double free, a page that was full, or one that is empty now.
    #[cold]
    #[inline(never)]
    fn released(&self, ptr: *mut u8, page: u32, class: u8, old: u32, bit: u32) {
        if old & bit != 0 {
            return self.wrong_free(ptr, Reason::Double);
        }
        self.pools().released(page, class, old, bit);
    }

    /// The address is no pooled block.
    #[cold]
    #[inline(never)]
    fn release_slowly(&self, ptr: *mut u8, size: usize) {
        match self.locate(ptr) {
            Err(reason) => self.wrong_free(ptr, reason),
            Ok(Place::Pooled(_)) => self.wrong_free(ptr, Reason::NoBlock),
            Ok(Place::Large(first)) => {
                if let Err(reason) = self.release_large(first, size) {
                    self.wrong_free(ptr, reason);
                }
            }
        }
    }

    /// What an address is.
    fn locate(&self, ptr: *mut u8) -> Result<Place, Reason> {
        let offset = self.offset_of(ptr);
        if !self.holds(ptr) {
            return Err(Reason::Foreign);
        }
        if offset % GRANULE_BYTES != 0 {
            return Err(Reason::NoBlock);
        }
        let granule = (offset / GRANULE_BYTES) as u32 + 1;
        let page = granule_page(granule);
        if page > self.map().pages {
            return Ok(Place::Large(granule));
        }
        match self.owner(page).load(Relaxed) {
            owner::LARGE => Ok(Place::Large(granule)),
            class if self.pools().in_transit(class) => Err(Reason::Double),
            class if Self::TABLE.mask(class) >> ((granule - 1) % PAGE_GRANULES) & 1 == 0 => Err(Reason::NoBlock),
            class => Ok(Place::Pooled(class)),
        }
    }

    fn release_large(&self, first: u32, size: usize) -> Result<(), Reason> {
        let granules = large_granules(size);
        loop {
            // SAFETY: inside the entry; the block, if it is one, is the caller's (contract of dealloc).
            match self.enter(|_| unsafe { Self::Large::give(self, first, granules) }) {
                // Its tail may still be on the list, so that the block seems longer than it is.
                Some(Err(Reason::Size)) if self.drain(u32::MAX) != 0 => {}
                Some(result) => {
                    self.drain(DRAIN_VISIT);
                    return result;
                }
                None => return self.defer(first, granules),
            }
        }
    }

    /// Leaves a release to the next visitor of tier 2.
    #[cold]
    fn defer(&self, first: u32, granules: u32) -> Result<(), Reason> {
        if !Self::Large::is_live(self, first) {
            return Err(Reason::Double);
        }
        // SAFETY: the block is live, and by the contract of dealloc the caller's to give.
        unsafe { deferred::push(&self.header().deferred, self, first, granules) };
        self.header().deferred_granules.fetch_add(granules, Relaxed);
        Ok(())
    }

    /// Gives a page that belongs to nobody back to tier 2.
    fn page_to_large(&self, page: u32) {
        // Relaxed: from here on pooled frees of the page end at tier 2's own check.
        self.owner(page).store(owner::LARGE, Relaxed);
        let _ = self.release_large(page_granule(page), PAGE_BYTES);
    }

    /// Drains at most `limit` deferred releases, each in a visit of its own. Returns how many.
    fn drain(&self, limit: u32) -> u32 {
        let mut drained = 0;
        while drained < limit && self.drain_one() {
            drained += 1;
        }
        drained
    }

    /// Gives one deferred block back to tier 2.
    #[inline(always)]
    fn drain_one(&self) -> bool {
        let header = self.header();
        // SAFETY: `draining` is only written inside the entry; a word-sized look from outside is a
        // guess. It is read by a volatile access, as another context may write it meanwhile.
        let nothing = || {
            header.deferred.load(Relaxed) == 0
                && unsafe { core::ptr::read_volatile(&raw const (*header.inside.get()).draining) } == 0
        };
        !nothing() && self.drain_slowly()
    }

    #[cold]
    #[inline(never)]
    fn drain_slowly(&self) -> bool {
        let drained = self.enter(|inside| {
            if inside.draining == 0 {
                inside.draining = deferred::take_all(&self.header().deferred);
            }
            let first = inside.draining;
            if first == 0 || first > self.map().granules {
                inside.draining = 0;
                return None;
            }
            // SAFETY: the block was taken off the list by this holder of tier 2.
            let (next, len) = unsafe { self.read(first) };
            inside.draining = next;
            self.header().deferred_granules.fetch_sub(len & !TAIL, Relaxed);
            // SAFETY: inside the entry; who deferred the block gave it up.
            Some(unsafe { self.give_deferred(inside, first, len) })
        });
        match drained {
            Some(Some(Ok(()))) => true,
            Some(Some(Err((first, reason)))) => {
                self.wrong_free(self.block(first), reason);
                true
            }
            _ => false,
        }
    }

    /// # Safety
    ///
    /// Inside the entry; the block of the list is nobody else's.
    unsafe fn give_deferred(&self, inside: &mut Inside, first: u32, len: u32) -> Result<(), (u32, Reason)> {
        if len & TAIL != 0 {
            // SAFETY: the tail was cut off a live block by its owner, who gave it up.
            unsafe { Self::Large::give_tail(self, first, len & !TAIL) };
            return Ok(());
        }
        // SAFETY: passed on; `give` verifies that the block is live and so long.
        unsafe { Self::Large::give(self, first, len) }.map_err(|reason| {
            // The entry was no block's: its link can't be trusted either.
            inside.draining = 0;
            (first, reason)
        })
    }

    /// Gives everything back that is not in use. A kept page that is in use is merely forgotten there.
    fn trim(&self) {
        self.drain(u32::MAX);
        for page in 1..=self.map().pages {
            if let Some(page) = self.pools().retire(page) {
                self.page_to_large(page);
            }
        }
        while let Some(page) = slots::take(self.stash()) {
            self.page_to_large(page);
        }
    }

    /// What a live block occupies, in bytes.
    fn occupied(&self, ptr: *mut u8, layout: Layout) -> usize {
        match self.locate(ptr) {
            Ok(Place::Pooled(class)) => Self::TABLE.block_bytes(class),
            Ok(Place::Large(_)) => large_granules(layout.size()) as usize * GRANULE_BYTES,
            Err(_) => 0,
        }
    }

    #[cold]
    #[inline(never)]
    fn wrong_free(&self, ptr: *mut u8, reason: Reason) {
        self.header().wrong_frees.fetch_add(1, Relaxed);
        Self::Config::tell(Event::WrongFree(WrongFree { address: ptr.addr(), reason }));
    }

    /// Changes the size of a block where it is. `Ok(false)`: it has to move.
    #[inline(never)]
    fn resize(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> Result<bool, Reason> {
        let resized = match self.locate(ptr) {
            Ok(Place::Pooled(class)) => Ok(new_size <= Self::TABLE.block_bytes(class)),
            Ok(Place::Large(first)) => self.resize_large(first, layout.size(), new_size),
            Err(reason) => Err(reason),
        };
        resized.inspect_err(|&reason| self.wrong_free(ptr, reason))
    }

    fn resize_large(&self, first: u32, old_size: usize, new_size: usize) -> Result<bool, Reason> {
        if new_size > self.map().granules as usize * GRANULE_BYTES {
            return Ok(false);
        }
        let (old, new) = (large_granules(old_size), large_granules(new_size));
        loop {
            if old == new {
                return Ok(true);
            }
            // SAFETY: inside the entry; the block is the caller's (contract of realloc).
            let entered = self.enter(|inside| unsafe {
                let resized = Self::Large::resize(self, first, old, new);
                let used = self.map().granules - Self::Large::free_granules(self);
                inside.peak_granules = inside.peak_granules.max(used);
                resized
            });
            match entered {
                Some(Resized::InPlace) => return Ok(true),
                Some(Resized::Move) => return Ok(false),
                Some(Resized::Wrong(Reason::Size)) if self.drain(u32::MAX) != 0 => {}
                Some(Resized::Wrong(reason)) => return Err(reason),
                None => return Ok(self.shrink_later(first, old, new)),
            }
        }
    }

    /// Tier 2 is held: a block that shrinks leaves its tail to the next visitor.
    fn shrink_later(&self, first: u32, old: u32, new: u32) -> bool {
        if new > old || !Self::Large::SHRINKS {
            return false;
        }
        // A single granule stays with the block: tier 2 expects as much at a block's end.
        if old - new >= LARGE_MIN_GRANULES {
            // SAFETY: the tail is the end of the caller's block, which gives it up.
            unsafe { deferred::push(&self.header().deferred, self, first + new, (old - new) | TAIL) };
            self.header().deferred_granules.fetch_add(old - new, Relaxed);
        }
        true
    }
}

impl<E: Extent> Engine for E {}

/// What an address is.
pub(crate) enum Place {
    /// A block of a class.
    Pooled(u8),
    /// A granule of tier 2.
    Large(u32),
}

/// Granules of a large block.
#[inline(always)]
pub(crate) fn large_granules(size: usize) -> u32 {
    // Saturates: what does not fit into an arena is refused or found wrong by its size.
    let granules = if size > ARENA_MAX_BYTES { ARENA_MAX_BYTES / GRANULE_BYTES } else { granules(size) };
    (granules as u32).max(LARGE_MIN_GRANULES)
}
