//! One contiguous memory with its tables inside: a heap complete in itself.
//!
//! [`Heap`](crate::Heap) is one extent, [`Region`](crate::Region) a few. An extent is a handle, generic
//! over who says where it lies, so that for a static arena every address below is a constant.

use crate::classes::{ClassTable, owner};
use crate::config::{Config, Event, Reason, Table, WrongFree};
use crate::deferred::{self, Links};
use crate::emergency::Rescue;
use crate::geometry::*;
use crate::header::{Header, Inside};
use crate::large::{Ground, Large, Resized, page_at};
use crate::map::Map;
use crate::page;
use crate::policy::Policy;
use crate::pools::{Claim, Pools, Tables};
use crate::slots;
use crate::sync::{AtomicU8, AtomicU32, Ordering::*};
use core::alloc::Layout;
use core::ptr::null_mut;

/// Where an extent lies, and its types. A handle: cheap to copy.
///
/// # Safety
///
/// - `tables` points to `map().bytes` bytes that were zeroed before the first use and lie `map().ground` bytes
///   behind the start of the arena, which is aligned to a page. The pointer may be used for all of it,
///   and all of it is the extent's alone for as long as any copy of the handle is used.
/// - `map` is what `Map::new` made for these types, and both always give the same values.
pub(crate) unsafe trait Extent: Copy {
    type Policy: Policy;
    type Large: Large;
    type Config: Config;
    /// How many bits a page's number needs: 8 or 16.
    const PAGE_BITS: u32 = 16;

    fn tables(self) -> *mut u8;
    fn map(self) -> Map;

    /// The same handle, for calls that leave the common path: the compiler need not know its address there.
    #[inline(always)]
    fn apart(self) -> Self {
        self
    }
}

/// What tier 2 answered: a place (a multiple of 8), or one of the codes below. One register.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer(u32);

impl Answer {
    /// There is nothing to be had.
    const NOTHING: Self = Self(0);
    const DONE: Self = Self(1);
    /// Somebody else is inside.
    const BUSY: Self = Self(2);
    /// Wrong, and why: this plus the reason.
    const WRONG: u32 = 3;
    const WRONG_SIZE: Self = Self::wrong(Reason::Size);

    const fn wrong(reason: Reason) -> Self {
        Self(Self::WRONG + reason as u32)
    }

    /// Whether it is a place.
    fn is_place(self) -> bool {
        self.0 >= GRANULE
    }

    /// What was wrong.
    fn reason(self) -> Reason {
        Reason::from_number(self.0.wrapping_sub(Self::WRONG))
    }
}

/// What is asked of tier 2, with up to three numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// A block: bytes, alignment.
    Take,
    /// A block back: place, bytes.
    Give,
    /// Another size for a block: place, old bytes, new bytes.
    Resize,
    /// To take one release off the deferred list.
    Drain,
}

/// Words of a table.
#[inline(always)]
fn table<'a, E, T>(extent: E, offset: usize, len: usize) -> &'a [T]
where
    E: Extent + 'a,
{
    // SAFETY: offsets and lengths come from the map, whose tables are inside the extent, disjoint,
    // aligned, and zeroed, which is a valid value of the atomics that they hold. Everything in
    // them is changed through atomics alone. They live as long as the handle is used.
    unsafe { core::slice::from_raw_parts(extent.tables().add(offset).cast::<T>(), len) }
}

/// One entry of a table.
#[inline(always)]
fn entry<'a, E, T>(extent: E, offset: usize, at: usize) -> &'a T
where
    E: Extent + 'a,
{
    // SAFETY: as in `table`; callers pass the number of a page, a class or a word for which the map
    // has an entry.
    unsafe { &*extent.tables().add(offset).cast::<T>().add(at) }
}

impl<'a, E: Extent + 'a> Tables<'a> for E {
    type Config = E::Config;
    const PAGE_BITS: u32 = E::PAGE_BITS;

    #[inline(always)]
    fn word(self, page: u32) -> &'a AtomicU32 {
        debug_assert!(page <= self.map().pages);
        entry(self, self.map().words, page as usize)
    }
    #[inline(always)]
    fn owner(self, page: u32) -> &'a AtomicU8 {
        debug_assert!(page <= self.map().pages);
        entry(self, self.map().owners, page as usize)
    }
    #[inline(always)]
    fn front_word(self, class: u32) -> &'a AtomicU32 {
        debug_assert!(class as usize <= E::Config::TABLE.count);
        entry(self, self.map().fronts, class as usize)
    }
    #[inline(always)]
    fn leaf_count(self) -> usize {
        self.map().leaf_words
    }
    #[inline(always)]
    fn leaf(self, class: u32, at: usize) -> &'a AtomicU32 {
        debug_assert!(class >= 1 && at < self.map().leaf_words);
        entry(self, self.map().leaves, (class as usize - 1) * self.map().leaf_words + at)
    }
    #[inline(always)]
    fn summary(self, class: u32, at: usize) -> &'a AtomicU32 {
        debug_assert!(class >= 1 && at < self.map().summary_words);
        entry(self, self.map().summaries, (class as usize - 1) * self.map().summary_words + at)
    }
    #[inline(always)]
    fn kept(self) -> &'a [AtomicU32] {
        table(self, self.map().kept, E::Config::KEPT_PAGES)
    }
    /// To the stash; if that is full, to tier 2; if that is held, to the deferred list.
    fn surrender(self, page: u32) {
        if !slots::put(self.stash(), page) {
            self.page_to_large(page);
        }
    }
    fn retries(self) -> &'a AtomicU32 {
        &self.header().retries
    }
    fn planted(self) -> &'a AtomicU32 {
        &self.header().wrong_frees
    }
}

// SAFETY: the map says how many bytes lie before the tables, the arena's start is aligned to a page, and
// the backend's table, behind it, was counted by `Map` from its own constants.
unsafe impl<E: Extent> Ground for E {
    #[inline(always)]
    fn bytes(self) -> u32 {
        self.map().ground
    }
    #[inline(always)]
    fn word(self, place: u32) -> *mut u32 {
        self.tables().wrapping_sub(self.map().ground as usize + GRANULE_BYTES).wrapping_add(place as usize).cast()
    }
    #[inline(always)]
    fn table(self) -> *mut u8 {
        self.tables().wrapping_add(self.map().large)
    }
    #[inline(always)]
    fn table_place(self) -> u32 {
        self.map().ground + GRANULE + self.map().large as u32
    }
}

// SAFETY: a place of the ground is aligned to 8 and has 8 bytes at least: two words.
unsafe impl<E: Extent> Links for E {
    #[inline(always)]
    unsafe fn write(&self, place: u32, next: u32, len: u32) {
        // SAFETY: the block is the caller's.
        unsafe { Ground::word(*self, place).cast::<[u32; 2]>().write([next, len]) }
    }
    #[inline(always)]
    unsafe fn read(&self, place: u32) -> (u32, u32) {
        // SAFETY: the block is the caller's.
        let [next, len] = unsafe { Ground::word(*self, place).cast::<[u32; 2]>().read() };
        (next, len)
    }
}

/// What calls do.
pub(crate) trait Engine: Extent {
    const TABLE: &'static ClassTable = Self::Config::TABLE;

    /// Whether releases can find tier 2 held.
    const DEFERS: bool = !Self::Policy::WAITS;

    #[inline(always)]
    fn header<'a>(self) -> &'a Header<Self::Policy>
    where
        Self: 'a,
    {
        entry(self, 0, 0)
    }

    /// Pages that belong to nobody.
    #[inline(always)]
    fn stash<'a>(self) -> &'a [AtomicU32]
    where
        Self: 'a,
    {
        table(self, self.map().stash, Self::Config::STASH_PAGES)
    }

    /// The start of the arena.
    #[inline(always)]
    fn base(self) -> *mut u8 {
        self.tables().wrapping_sub(self.map().ground as usize)
    }

    #[inline(always)]
    fn at(self, place: u32) -> *mut u8 {
        Ground::word(self, place).cast()
    }

    /// How many bytes an address lies behind the start; very many for one before it.
    #[inline(always)]
    fn offset_of(self, ptr: *mut u8) -> usize {
        ptr.addr().wrapping_sub(self.base().addr())
    }

    /// Whether an address lies where blocks do.
    #[inline(always)]
    fn holds(self, ptr: *mut u8) -> bool {
        self.offset_of(ptr) < self.map().ground as usize
    }

    #[inline(always)]
    fn allocate<const REPORT: bool>(self, layout: Layout) -> *mut u8 {
        let block = self.allocate_uncounted::<REPORT>(layout);
        if !block.is_null() {
            self.count_live(0, layout.size());
        }
        block
    }

    /// Keeps the exact count of live bytes, as requested, and its peak: the feature `live-peak`.
    #[inline(always)]
    fn count_live(self, less: usize, more: usize) {
        #[cfg(feature = "live-peak")]
        {
            let header = self.header();
            let change = (more as u32).wrapping_sub(less as u32);
            let live = header.live.fetch_add(change, Relaxed).wrapping_add(change);
            if more > less {
                header.live_peak.fetch_max(live, Relaxed);
            }
        }
        #[cfg(not(feature = "live-peak"))]
        let _ = (less, more);
    }

    #[inline(always)]
    fn allocate_uncounted<const REPORT: bool>(self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        if align > GRANULE_BYTES || size > Self::TABLE.max_bytes {
            return self.apart().allocate_rarely::<REPORT>(size, align);
        }
        let class = Self::TABLE.class_of(granules(size));
        match Pools(self).claim_first(class) {
            Claim::Block(place) => self.at(place),
            Claim::Last(place, seen) => {
                Pools(self).drop_first(seen, class);
                self.at(place)
            }
            Claim::Stray(place) => self.apart().allocate_past::<REPORT>(size, class, place),
            Claim::Nothing => self.apart().allocate_behind::<REPORT>(size, GRANULE_BYTES, class),
        }
    }

    /// The first page of the front is another class's by now.
    #[cold]
    #[inline(never)]
    fn allocate_past<const REPORT: bool>(self, size: usize, class: u32, stray: u32) -> *mut u8 {
        Pools(self).give_stray(stray);
        self.allocate_behind::<REPORT>(size, GRANULE_BYTES, class)
    }

    /// The front led to no block.
    #[inline(never)]
    fn allocate_behind<const REPORT: bool>(self, size: usize, align: usize, class: u32) -> *mut u8 {
        match Pools(self).claim_any(class) {
            0 => self.allocate_anywhere::<REPORT>(size, align, class),
            place => self.at(place),
        }
    }

    /// A request that is large, or aligned to more than a granule.
    #[inline(never)]
    fn allocate_rarely<const REPORT: bool>(self, size: usize, align: usize) -> *mut u8 {
        match self.class_for(size, align) {
            0 => self.allocate_anywhere::<REPORT>(size, align, 0),
            class => self.allocate_behind::<REPORT>(size, align, class),
        }
    }

    /// No page of the class has a free block, or there is no such class.
    #[inline(never)]
    fn allocate_anywhere<const REPORT: bool>(self, size: usize, align: usize, class: u32) -> *mut u8 {
        let find_block =
            || Some(self.find_block(size, align, class)).filter(|&place| place != 0).map(|place| self.at(place));
        match REPORT {
            true => self.persist(size, align, find_block),
            false => find_block().unwrap_or(null_mut()),
        }
    }

    /// Makes attempts to serve a request, as many as the out-of-memory hook asks for; `None` is one in vain. Null after the last,
    /// which is counted and told.
    #[inline(always)]
    fn persist(self, size: usize, align: usize, mut attempt: impl FnMut() -> Option<*mut u8>) -> *mut u8 {
        let runs = &self.header().rescues;
        let mut rescue = Rescue::before_attempt::<Self::Config>(runs);
        loop {
            if let Some(block) = attempt() {
                return block;
            }
            if !rescue.should_retry::<Self::Config>(runs, size, align) {
                self.refused(size, align);
                return null_mut();
            }
        }
    }

    /// A block of a new page, of tier 2, or of another class: its place, or 0.
    #[inline(always)]
    fn find_block(self, size: usize, align: usize, class: u32) -> u32 {
        let mut place = 0;
        if class != 0 {
            place = self.refill(class);
        }
        if place == 0 && align <= ALIGN_MAX_BYTES && size <= self.map().ground as usize {
            place = self.allocate_large(size, align);
        }
        if place == 0 && class != 0 {
            place = self.borrow(class, align);
        }
        place
    }

    #[inline(always)]
    fn refused(self, size: usize, align: usize) {
        self.header().refused.fetch_add(1, Relaxed);
        Self::Config::tell(Event::Refused { size_bytes: size, align_bytes: align });
    }

    /// The class that serves such a request; 0 for none.
    #[inline(always)]
    fn class_for(self, size: usize, align: usize) -> u32 {
        // Blocks of a class lie at multiples of its size, from the start of a page.
        let size = (size.max(1).wrapping_add(align - 1)) & !(align - 1);
        if size > Self::TABLE.max_bytes {
            return 0;
        }
        let class = Self::TABLE.class_of(granules(size));
        if self.fits(class, align) { class } else { 0 }
    }

    /// Whether a class's blocks are so aligned.
    #[inline(always)]
    fn fits(self, class: u32, align: usize) -> bool {
        Self::TABLE.block_bytes(class) & (align - 1) == 0
    }

    /// Gets the class a page, and a block of it: from the stash, from tier 2, from another class that
    /// keeps an empty one.
    #[inline(always)]
    fn refill(self, class: u32) -> u32 {
        let block_bytes = Self::TABLE.block_bytes(class);
        Self::Config::tell(Event::RefillBegins { block_bytes });
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
        Self::Config::tell(Event::RefillEnds { block_bytes });
        place
    }

    #[inline(always)]
    fn page_from_large(self) -> u32 {
        let answer = self.visit(Ask::Take, PAGE, PAGE, 0);
        if !answer.is_place() {
            return 0;
        }
        let page = page_at(answer.0);
        if self.map().is_longer_than_its_pages() && page > self.map().pages {
            // Tier 2's alone. Nobody else knows the block yet: if the tier is held, it is deferred.
            let _ = self.release_large(answer.0, PAGE);
            return 0;
        }
        // Relaxed: the page is this context's; published with its word.
        self.owner(page).store(Self::TABLE.in_transit() as u8, Relaxed);
        page
    }

    /// A block of a larger class, or of the same, which may have got one meanwhile. Its page's owner then says how to free it.
    ///
    /// Only fronts are looked at: a class that has pages in its index alone is not found.
    #[inline(always)]
    fn borrow(self, class: u32, align: usize) -> u32 {
        for larger in class..=Self::TABLE.count as u32 {
            if Tables::front(self, larger).seen() != 0 && self.fits(larger, align) {
                let place = Pools(self).claim_any(larger);
                if place != 0 {
                    return place;
                }
            }
        }
        0
    }

    /// A block of tier 2. When there is none, what is on its way there is brought home first.
    #[inline(always)]
    fn allocate_large(self, size: usize, align: usize) -> u32 {
        let (bytes, align) = (large_bytes(size), align.max(GRANULE_BYTES) as u32);
        loop {
            let answer = self.visit(Ask::Take, bytes, align, 0);
            if answer.is_place() {
                return answer.0;
            }
            if answer != Answer::NOTHING || !self.bring_home() {
                return 0;
            }
        }
    }

    /// Gives tier 2 what belongs to it by rights. `false`: there was nothing.
    ///
    /// Time: at most the deferred releases, the stash and the kept pages.
    #[inline(never)]
    fn bring_home(self) -> bool {
        let mut found = false;
        while self.drain() {
            found = true;
        }
        loop {
            let mut page = slots::take(self.stash());
            if page == 0 {
                page = Pools(self).reclaim();
            }
            if page == 0 {
                return found;
            }
            self.page_to_large(page);
            found = true;
        }
    }

    /// Asks tier 2, and leaves it in order: one deferred release is drained on the way out.
    #[inline(never)]
    fn visit(self, ask: Ask, a: u32, b: u32, c: u32) -> Answer {
        let header = self.header();
        let answer = Self::Policy::enter(&header.lock, || {
            // SAFETY: inside the entry nobody else has a reference to `inside`.
            let inside = unsafe { &mut *header.inside.get() };
            if inside.ready == 0 {
                self.set_up(inside);
                // Nothing was handed out yet. The caller's look at the page is older than its reservation.
                if matches!(ask, Ask::Give | Ask::Resize) {
                    return Answer::wrong(Reason::NoBlock);
                }
            }
            inside.version = inside.version.wrapping_add(1);
            self.answer(inside, ask, a, b, c)
        });
        if Self::DEFERS && ask != Ask::Drain && header.deferred_bytes.load(Relaxed) != 0 {
            self.drain();
        }
        answer.unwrap_or(Answer::BUSY)
    }

    /// Inside the entry.
    #[inline(always)]
    fn answer(self, inside: &mut Inside, ask: Ask, a: u32, b: u32, c: u32) -> Answer {
        let answer = match ask {
            // SAFETY: inside the entry; size and alignment are made by `large_bytes` and checked against the arena.
            Ask::Take => Answer(unsafe { Self::Large::take(self, a, b) }),
            Ask::Give => {
                // SAFETY: inside the entry; the block is the caller's by the contract of dealloc.
                return match unsafe { Self::Large::give(self, a, b) } {
                    Ok(()) => Answer::DONE,
                    Err(reason) => Answer::wrong(reason),
                };
            }
            // SAFETY: inside the entry; the block is the caller's by the contract of realloc.
            Ask::Resize => match unsafe { Self::Large::resize(self, a, b, c) } {
                Resized::InPlace => Answer::DONE,
                Resized::Move => Answer::NOTHING,
                Resized::Wrong(reason) => Answer::wrong(reason),
            },
            Ask::Drain if Self::DEFERS => return self.drain_inside(inside),
            Ask::Drain => Answer::NOTHING,
        };
        // SAFETY: inside the entry.
        let free = unsafe { Self::Large::free_bytes(self) };
        inside.least_free = inside.least_free.min(free);
        answer
    }

    /// Enters tier 2 only to look.
    fn look<R>(self, f: impl FnOnce(&Inside) -> R) -> Option<R> {
        let header = self.header();
        Self::Policy::enter(&header.lock, || {
            // SAFETY: inside the entry nobody else has a reference to `inside`.
            let inside = unsafe { &mut *header.inside.get() };
            if inside.ready == 0 {
                self.set_up(inside);
            }
            f(inside)
        })
    }

    /// Sets tier 2 up and opens the reserved pages.
    #[cold]
    #[inline(never)]
    fn set_up(self, inside: &mut Inside) {
        inside.ready = 1;
        inside.least_free = self.map().ground;
        // SAFETY: inside the entry, once, on zeroed tables.
        unsafe { Self::Large::init(self) };
        for &(bytes, pages) in Self::Config::RESERVED {
            let class = crate::config::class_of_size(Self::Config::CLASSES, bytes);
            for _ in 0..pages {
                // SAFETY: inside the entry.
                match unsafe { Self::Large::take(self, PAGE, PAGE) } {
                    0 => return,
                    place => {
                        // What `retire` goes by: a fresh backend hands out its lowest pages.
                        debug_assert!(page_at(place) <= Self::Config::RESERVED_PAGES);
                        Pools(self).open_reserved(page_at(place), class);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn release(self, ptr: *mut u8, layout: Layout) {
        let offset = self.offset_of(ptr);
        if offset < self.map().pages as usize * PAGE_BYTES {
            let page = (offset / PAGE_BYTES) as u32 + 1;
            // Relaxed: the block is the caller's, so its page's owner has not changed since.
            let class = self.owner_of(page);
            let bit = 1 << (offset / GRANULE_BYTES % PAGE_GRANULES as usize);
            let mask = Self::TABLE.mask(class);
            if mask & bit != 0 && offset % GRANULE_BYTES == 0 {
                let old = page::release(Tables::word(self, page), bit);
                if old & bit != 0 {
                    return self.apart().wrong_free(ptr, Reason::Double);
                }
                self.count_live(layout.size(), 0);
                return Pools(self).released(page, class, old, bit);
            }
        }
        self.apart().release_slowly(ptr, layout.size());
    }

    /// A release, once more from the start: the address may be anything.
    #[cold]
    #[inline(never)]
    fn release_slowly(self, ptr: *mut u8, size: usize) {
        let result = match self.locate(ptr) {
            Err(reason) => Err(reason),
            Ok(Place::Large(first)) => self.release_large(first, large_bytes(size)),
            Ok(Place::Pooled(_)) => {
                let offset = self.offset_of(ptr) as u32;
                match Pools(self).give(offset / PAGE + 1, 1 << (offset / GRANULE % PAGE_GRANULES)) {
                    0 => Ok(()),
                    _ => Err(Reason::Double),
                }
            }
        };
        match result {
            Ok(()) => self.count_live(size, 0),
            Err(reason) => self.wrong_free(ptr, reason),
        }
    }

    /// What an address is.
    #[inline(never)]
    fn locate(self, ptr: *mut u8) -> Result<Place, Reason> {
        let offset = self.offset_of(ptr);
        if !self.holds(ptr) {
            return Err(Reason::Foreign);
        }
        if offset % GRANULE_BYTES != 0 {
            return Err(Reason::NoBlock);
        }
        let page = (offset / PAGE_BYTES) as u32 + 1;
        let class = if page > self.map().pages { owner::LARGE } else { self.owner_of(page) };
        if class == owner::LARGE {
            return Ok(Place::Large(offset as u32 + GRANULE));
        }
        if class == Self::TABLE.in_transit() {
            return Err(Reason::Double);
        }
        if (Self::TABLE.mask(class) >> (offset / GRANULE_BYTES % PAGE_GRANULES as usize)) & 1 == 0 {
            return Err(Reason::NoBlock);
        }
        Ok(Place::Pooled(class))
    }

    fn release_large(self, first: u32, bytes: u32) -> Result<(), Reason> {
        if Self::DEFERS && self.header().deferred_bytes.load(Relaxed) != 0 && self.is_sealed(first) {
            return Err(Reason::Double);
        }
        let mut answer = self.visit(Ask::Give, first, bytes, 0);
        if answer == Answer::WRONG_SIZE && self.outgrows(first, bytes) {
            answer = self.visit(Ask::Give, first, self.true_bytes(first), 0);
        }
        if answer == Answer::DONE {
            return Ok(());
        }
        if !Self::DEFERS || answer != Answer::BUSY {
            return Err(answer.reason());
        }
        self.defer(first, bytes)
    }

    /// Whether a block is longer than its layout says, because it shrank while tier 2 was held.
    #[cold]
    fn outgrows(self, first: u32, bytes: u32) -> bool {
        Self::DEFERS && Self::Large::KNOWS_ENDS && self.true_bytes(first) > bytes
    }

    /// How long a block of tier 2 really is.
    #[cold]
    fn true_bytes(self, first: u32) -> u32 {
        // SAFETY: `first` comes from `locate`: a place of the ground.
        unsafe { Self::Large::true_bytes(self, first) }
    }

    /// Whether a block of tier 2 looks live.
    #[inline(always)]
    fn is_live(self, first: u32) -> bool {
        // SAFETY: as in `true_bytes`.
        unsafe { Self::Large::is_live(self, first) }
    }

    /// Leaves a release to the next visitor of tier 2.
    #[cold]
    #[inline(never)]
    fn defer(self, first: u32, bytes: u32) -> Result<(), Reason> {
        if !self.is_live(first) {
            return Err(Reason::Double);
        }
        let bytes = if Self::Large::KNOWS_ENDS { self.true_bytes(first) } else { bytes };
        self.header().deferred_bytes.fetch_add(bytes, Relaxed);
        // SAFETY: the block is live, and by the contract of dealloc the caller's to give; it has 16 bytes.
        unsafe {
            self.seal(first).write(Self::seal_of(first));
            deferred::push(&self.header().deferred, &self, first, bytes);
        }
        Ok(())
    }

    /// Where a block on the deferred list carries its seal: behind its link.
    #[inline(always)]
    fn seal(self, first: u32) -> *mut [u32; 2] {
        Ground::word(self, first + GRANULE).cast()
    }

    /// 64 bits that a block's owner would have to write by chance.
    #[inline(always)]
    fn seal_of(first: u32) -> [u32; 2] {
        let seal = 0x5EA1_ED0F ^ first;
        [seal, !seal.rotate_left(16)]
    }

    /// Whether a block is on the deferred list: a second free would tie the list into a knot.
    #[cold]
    fn is_sealed(self, first: u32) -> bool {
        // SAFETY: `first` is a place of the ground, and so is the next, or the first of the tables: inside the extent.
        // A block that is not on the list is the caller's to read, though its bytes need not be initialised: the
        // read is volatile, and whatever it gives, only a seal means anything. One that is on the list is
        // freed twice, which the seal is there to find.
        self.is_live(first) && unsafe { self.seal(first).read_volatile() } == Self::seal_of(first)
    }

    /// Gives a page that belongs to nobody back to tier 2.
    fn page_to_large(self, page: u32) {
        // Relaxed: from here on pooled frees of the page end at tier 2's own check.
        self.owner(page).store(owner::LARGE as u8, Relaxed);
        let place = page_place(page);
        // The page is this context's, so tier 2 takes it, or is held.
        if self.visit(Ask::Give, place, PAGE, 0) == Answer::BUSY && Self::DEFERS {
            let _ = self.defer(place, PAGE);
        }
    }

    /// Gives one deferred release back to tier 2. `false`: there is none, or tier 2 is held.
    #[inline(never)]
    fn drain(self) -> bool {
        if !Self::DEFERS {
            return false;
        }
        let answer = self.visit(Ask::Drain, 0, 0, 0);
        if answer.0 >= Answer::WRONG {
            self.wrong_free(null_mut(), answer.reason());
        }
        answer != Answer::NOTHING && answer != Answer::BUSY
    }

    /// Inside the entry.
    #[inline(always)]
    fn drain_inside(self, inside: &mut Inside) -> Answer {
        let header = self.header();
        if inside.draining == 0 {
            inside.draining = deferred::take_all(&header.deferred);
        }
        let first = inside.draining;
        if first == 0 {
            return Answer::NOTHING;
        }
        // SAFETY: the block was taken off the list by this holder of tier 2.
        let (next, bytes) = unsafe { self.read(first) };
        // SAFETY: as above.
        if unsafe { self.seal(first).read() } != Self::seal_of(first) {
            // Somebody wrote into a block after its release: its link can't be trusted either.
            inside.draining = 0;
            return Answer::wrong(Reason::Double);
        }
        // SAFETY: as above. The block's next owner shall not find the seal in it.
        unsafe { self.seal(first).write([0; 2]) };
        inside.draining = next;
        header.deferred_bytes.fetch_sub(bytes, Relaxed);
        // SAFETY: inside the entry; who deferred the block gave it up; `give` verifies that it is live.
        match unsafe { Self::Large::give(self, first, bytes) } {
            Ok(()) => Answer::DONE,
            Err(reason) => {
                // The entry was no block's: its link can't be trusted either.
                inside.draining = 0;
                Answer::wrong(reason)
            }
        }
    }

    /// Gives everything back that is not in use.
    fn trim(self) {
        while self.drain() {}
        for page in 1..=self.map().pages {
            if Pools(self).retire(page) {
                self.page_to_large(page);
            }
        }
        self.bring_home();
    }

    /// What a live block occupies, in bytes.
    fn occupied(self, ptr: *mut u8, layout: Layout) -> usize {
        match self.locate(ptr) {
            Ok(Place::Pooled(class)) => Self::TABLE.block_bytes(class),
            Ok(Place::Large(first)) if Self::Large::KNOWS_ENDS => self.true_bytes(first) as usize,
            Ok(Place::Large(_)) => large_bytes(layout.size()) as usize,
            Err(_) => 0,
        }
    }

    #[cold]
    #[inline(never)]
    fn wrong_free(self, ptr: *mut u8, reason: Reason) {
        self.header().wrong_frees.fetch_add(1, Relaxed);
        Self::Config::tell(Event::WrongFree(WrongFree { address: ptr.addr(), reason }));
    }

    /// Changes the size of a block where it is, or moves it.
    ///
    /// # Safety
    ///
    /// That of `GlobalAlloc::realloc`.
    #[inline(always)]
    unsafe fn reallocate(self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let this = self.apart();
        let resize = || match this.resize(ptr, layout.size(), new_size) {
            Ok(true) => {
                this.count_live(layout.size(), new_size);
                Some(ptr)
            }
            // SAFETY: passed on.
            Ok(false) => unsafe { this.relocate(ptr, layout, new_size) },
            Err(reason) => {
                this.wrong_free(ptr, reason);
                Some(null_mut())
            }
        };
        match Self::Config::RESCUES {
            // Each attempt is the whole request: what was released may lie behind the block.
            true => this.persist(new_size, layout.align(), resize),
            false => resize().unwrap_or(null_mut()),
        }
    }

    /// Moves a block; `None`: there was none to be had. Without an out-of-memory hook, that was counted and told.
    ///
    /// # Safety
    ///
    /// That of `GlobalAlloc::realloc`.
    #[inline(always)]
    unsafe fn relocate(self, ptr: *mut u8, layout: Layout, new_size: usize) -> Option<*mut u8> {
        let new = match Self::Config::RESCUES {
            true => self.allocate_rarely::<false>(new_size, layout.align()),
            false => self.allocate_rarely::<true>(new_size, layout.align()),
        };
        if new.is_null() {
            return None;
        }
        self.count_live(0, new_size);
        // SAFETY: both blocks are the caller's, disjoint, and so long.
        unsafe { core::ptr::copy_nonoverlapping(ptr, new, layout.size().min(new_size)) };
        self.release_slowly(ptr, layout.size());
        Some(new)
    }

    /// `Ok(false)`: the block has to move.
    #[inline(always)]
    fn resize(self, ptr: *mut u8, old_size: usize, new_size: usize) -> Result<bool, Reason> {
        match self.locate(ptr)? {
            Place::Pooled(class) => Ok(new_size <= Self::TABLE.block_bytes(class)),
            Place::Large(_) if new_size > self.map().ground as usize => Ok(false),
            Place::Large(first) => self.resize_large(first, large_bytes(old_size), large_bytes(new_size)),
        }
    }

    #[inline(always)]
    fn resize_large(self, first: u32, old: u32, new: u32) -> Result<bool, Reason> {
        let mut answer = self.visit(Ask::Resize, first, old, new);
        if answer == Answer::WRONG_SIZE && self.outgrows(first, old) {
            answer = self.visit(Ask::Resize, first, self.true_bytes(first), new);
        }
        if answer.0 >= Answer::WRONG {
            return Err(answer.reason());
        }
        // Tier 2 is held: a block that shrinks keeps what it had until it is freed or resized again.
        Ok(answer == Answer::DONE || (Self::DEFERS && answer == Answer::BUSY && Self::Large::KNOWS_ENDS && new <= old))
    }
}

impl<E: Extent> Engine for E {}

/// What an address is.
pub(crate) enum Place {
    /// A block of a class.
    Pooled(u32),
    /// A place of tier 2.
    Large(u32),
}

/// Bytes of a large block.
#[inline(always)]
pub(crate) fn large_bytes(size: usize) -> u32 {
    // What is larger than an arena is refused, or found wrong by its size: no need to tell it apart.
    let size = size.min(EXTENT_MAX_BYTES) as u32;
    ((size + (GRANULE - 1)) & !(GRANULE - 1)).max(LARGE_MIN_BYTES)
}
