//! One contiguous memory with its tables inside: a heap complete in itself.
//!
//! [`Heap`](crate::Heap) is one extent, [`Region`](crate::Region) a few. An extent is a handle, generic
//! over the type that says where it lies, so that for a static arena all but its start is a constant.

mod allocate;
mod defer;
pub(crate) mod deferred;
mod enter;
pub(crate) mod header;
mod lengthen;
pub(crate) mod map;
pub(crate) mod moment;
mod release;
mod resize;

pub(crate) use lengthen::lengthen;

use crate::config::classes::{ClassTable, owner};
use crate::config::geometry::*;
use crate::config::{Config, Event, Reason, Table, WrongFree};
use crate::extent::deferred::Links;
use crate::extent::header::Header;
use crate::extent::map::Map;
use crate::hooks::events::{self, Events};
use crate::large::peek::peek;
use crate::large::{Backend, Ground, Large};
use crate::policy::Policy;
use crate::pools::Tables;
use crate::pools::front::AtomicFront;
use crate::pools::slots;
use crate::sync::{AtomicU8, AtomicU32, Ordering::*};

/// Where an extent lies, and its types. A handle: cheap to copy.
///
/// # Safety
///
/// - `tables` points to `map().bytes` bytes that were zeroed before the first use. `map().ground` bytes, aligned to a
///   page, end there, or, if `tables_place` says so, begin behind. The pointer may be used for all of it, and all of it
///   is the extent's alone for as long as any copy of the handle is used.
/// - `map` is what `Map::new` made for these types, and both always give the same values.
pub(crate) unsafe trait Storage: Copy {
    type Policy: Policy;
    type Large: Large;
    type Config: Config;
    /// How many bits a page's number has in a front: 8, 16 or 32.
    const PAGE_BITS: u32 = 16;

    fn tables(self) -> *mut u8;
    fn map(self) -> Map;

    /// How many pages have entries in the tables: there may be room for some that are not there yet.
    #[inline(always)]
    fn entries(self) -> u32 {
        self.map().pages
    }

    /// Where the tables begin, as a place: behind all others, or, if that is negative, before.
    #[inline(always)]
    fn tables_place(self) -> i32 {
        (self.map().ground + GRANULE) as i32
    }

    /// What place 0 would be.
    #[inline(always)]
    fn origin(self) -> *mut u8 {
        self.tables().wrapping_sub(self.tables_place() as usize)
    }
}

/// One memory with its tables inside. A handle: cheap to copy.
#[derive(Clone, Copy)]
pub(crate) struct Extent<S>(pub(crate) S);

/// Words of a table.
#[inline(always)]
fn table<'a, S, T>(extent: Extent<S>, offset: usize, len: usize) -> &'a [T]
where
    S: Storage + 'a,
{
    // SAFETY: offsets and lengths come from the map, whose tables are inside the extent, disjoint,
    // aligned, and zeroed, which is a valid value of the atomics that they hold. Everything in
    // them is changed through atomics alone. They live as long as the handle is used.
    unsafe { core::slice::from_raw_parts(extent.tables().add(offset).cast::<T>(), len) }
}

/// One entry of a table.
#[inline(always)]
fn entry<'a, S, T>(extent: Extent<S>, offset: usize, at: usize) -> &'a T
where
    S: Storage + 'a,
{
    // SAFETY: as in `table`; callers pass the number of a page, a class or a word for which the map
    // has an entry.
    unsafe { &*extent.tables().add(offset).cast::<T>().add(at) }
}

impl<'a, S: Storage + 'a> Tables<'a> for Extent<S> {
    type Config = S::Config;
    const PAGE_BITS: u32 = S::PAGE_BITS;

    #[inline(always)]
    fn lead(self) -> u32 {
        self.map().lead
    }
    #[inline(always)]
    fn word(self, page: u32) -> &'a AtomicU32 {
        debug_assert!(page <= self.0.entries());
        entry(self, self.map().words, page as usize)
    }
    #[inline(always)]
    fn owner(self, page: u32) -> &'a AtomicU8 {
        debug_assert!(page <= self.0.entries());
        entry(self, self.map().owners, page as usize)
    }
    #[inline(always)]
    fn front_word(self, class: u32) -> &'a AtomicFront {
        debug_assert!((class as usize) < S::Config::TABLE.numbers());
        entry(self, self.map().fronts, class as usize)
    }
    #[inline(always)]
    fn leaf_count(self) -> usize {
        self.map().leaf_words
    }
    #[inline(always)]
    fn leaf(self, class: u32, at: usize) -> &'a AtomicU32 {
        debug_assert!(class >= 1 && at < self.map().leaf_words);
        entry(self, self.map().leaves, self.map().leaf_row(class) + at)
    }
    #[inline(always)]
    fn summary(self, class: u32, at: usize) -> &'a AtomicU32 {
        debug_assert!(class >= 1 && at < self.map().summary_words);
        entry(self, self.map().summaries, self.map().summary_row(class) + at)
    }
    #[inline(always)]
    fn kept(self) -> &'a [AtomicU32] {
        table(self, self.map().kept, S::Config::KEPT_PAGES)
    }
    /// To the stash; if that is full, to the large tier; if that is held, to the deferred list.
    fn surrender(self, page: u32) {
        if !slots::put(self.stash(), page) {
            self.page_to_large(page);
        }
    }
    fn retries(self) -> &'a AtomicU32 {
        &self.header().retries
    }
    #[cold]
    fn report_planted(self, page: u32, bits: u32) {
        let place = self.place_of_page(page) + bits.trailing_zeros() * GRANULE;
        self.wrong_free(self.at(place), Reason::Double);
    }
    #[inline(always)]
    fn tell(self, event: Event) {
        Extent::tell(self, event);
    }
}

// SAFETY: the map says how many bytes there are, their start is aligned to a page, and the backend's table, which lies
// among the tables, before or behind, was counted by `Map` from its own constants.
unsafe impl<S: Storage> Ground for Extent<S> {
    const HAS_PAGES: bool = S::Config::TABLE.count != 0;

    #[inline(always)]
    fn bytes(self) -> u32 {
        self.map().ground
    }
    #[inline(always)]
    fn pages_from(self) -> u32 {
        self.map().lead + GRANULE
    }
    #[inline(always)]
    fn pages_to(self) -> u32 {
        self.map().lead + self.map().pages * PAGE + GRANULE
    }
    #[inline(always)]
    fn word(self, place: u32) -> *mut u32 {
        self.origin().wrapping_offset(place as i32 as isize).cast()
    }
    #[inline(always)]
    fn table(self) -> *mut u8 {
        self.tables().wrapping_add(self.map().large)
    }
    #[inline(always)]
    fn table_place(self) -> u32 {
        (self.0.tables_place() as u32).wrapping_add(self.map().large as u32)
    }
}

// SAFETY: a place of the ground is aligned to 8 and has 8 bytes at least: two words.
unsafe impl<S: Storage> Links for Extent<S> {
    #[inline(always)]
    unsafe fn write(&self, place: u32, next: u32, len: u32) {
        // SAFETY: the block is the caller's.
        unsafe { Ground::word(*self, place).cast::<[u32; 2]>().write([next, len]) }
    }
    #[inline(always)]
    unsafe fn len(&self, place: u32) -> u32 {
        // SAFETY: the block is on the list or in the hand, so nobody writes to that word.
        unsafe { Ground::word(*self, place + 4).read() }
    }
    #[inline(always)]
    fn next(&self, place: u32) -> u32 {
        if place % GRANULE != 0 || place.wrapping_sub(GRANULE) >= self.map().ground {
            return 0;
        }
        // SAFETY: the word is aligned, and of the ground. Its next owner may be writing to it, on other cores: `finds`
        // then does not use what it holds. Where a look must not race with that, it is a volatile one.
        unsafe { peek(Ground::word(*self, place)) }
    }
    #[inline(always)]
    unsafe fn set_next(&self, place: u32, next: u32) {
        // SAFETY: the block is on the list, and only its holder writes there. Others may be looking.
        unsafe { Ground::word(*self, place).write_volatile(next) }
    }
}

/// What all calls need.
impl<S: Storage> Extent<S> {
    pub(crate) const TABLE: ClassTable = S::Config::TABLE;

    /// Where the tables begin.
    #[inline(always)]
    pub(crate) fn tables(self) -> *mut u8 {
        self.0.tables()
    }

    /// Where each of them lies.
    #[inline(always)]
    pub(crate) fn map(self) -> Map {
        self.0.map()
    }

    /// What place 0 would be.
    #[inline(always)]
    pub(crate) fn origin(self) -> *mut u8 {
        self.0.origin()
    }

    /// The start of the ground.
    #[inline(always)]
    pub(crate) fn base(self) -> *mut u8 {
        self.origin().wrapping_add(GRANULE_BYTES)
    }

    /// The place of a page.
    #[inline(always)]
    pub(crate) fn place_of_page(self, page: u32) -> u32 {
        self.lead() + page_place(page)
    }

    /// The page that starts at a place, of those that pools can have.
    #[inline(always)]
    pub(crate) fn page_at(self, place: u32) -> u32 {
        debug_assert!(place > self.lead() && place % PAGE == GRANULE);
        (place - self.lead()) / PAGE + 1
    }

    /// Whether releases can find the large tier held.
    pub(crate) const DEFERS: bool = !S::Policy::WAITS;

    #[inline(always)]
    pub(crate) fn header<'a>(self) -> &'a Header<S::Policy>
    where
        Self: 'a,
    {
        entry(self, self.map().header, 0)
    }

    /// Pages that belong to nobody.
    #[inline(always)]
    pub(crate) fn stash<'a>(self) -> &'a [AtomicU32]
    where
        Self: 'a,
    {
        table(self, self.map().stash, S::Config::STASH_PAGES)
    }

    #[inline(always)]
    pub(crate) fn at(self, place: u32) -> *mut u8 {
        Ground::word(self, place).cast()
    }

    /// How many bytes an address lies behind the start; very many for one before it.
    #[inline(always)]
    pub(crate) fn offset_of(self, ptr: *mut u8) -> usize {
        ptr.addr().wrapping_sub(self.base().addr())
    }

    /// The same from where the pools' pages begin.
    #[inline(always)]
    pub(crate) fn pooled_offset_of(self, ptr: *mut u8) -> usize {
        ptr.addr().wrapping_sub(self.base().addr().wrapping_add(self.lead() as usize))
    }

    /// Whether an address lies where blocks do.
    #[inline(always)]
    pub(crate) fn holds(self, ptr: *mut u8) -> bool {
        self.offset_of(ptr) < self.map().ground as usize
    }

    /// What an address is.
    #[inline(never)]
    pub(crate) fn locate(self, ptr: *mut u8) -> Location {
        let offset = self.offset_of(ptr);
        if !self.holds(ptr) {
            return Location::wrong(Reason::Foreign);
        }
        if offset % GRANULE_BYTES != 0 {
            return Location::wrong(Reason::NoBlock);
        }
        let pooled = self.pooled_offset_of(ptr);
        let may_be_pooled = pooled < self.map().pages as usize * PAGE_BYTES;
        let class = if may_be_pooled { self.owner_of((pooled / PAGE_BYTES) as u32 + 1) } else { owner::LARGE };
        if class == owner::LARGE {
            return Location::large(offset as u32 + GRANULE);
        }
        if class == Self::TABLE.in_transit() {
            return Location::wrong(Reason::Double);
        }
        if (Self::TABLE.mask(class) >> (offset / GRANULE_BYTES % PAGE_GRANULES as usize)) & 1 == 0 {
            return Location::wrong(Reason::NoBlock);
        }
        Location::pooled(class)
    }

    /// How long a block of the large tier really is.
    #[cold]
    #[inline(never)]
    pub(crate) fn true_bytes(self, first: u32) -> u32 {
        // SAFETY: `first` comes from `locate`: a place of the ground.
        unsafe { S::Large::true_bytes(self, first) }
    }

    /// Whether a block of the large tier looks live. For correct callers it does, whatever others do meanwhile.
    #[inline(always)]
    pub(crate) fn is_live(self, first: u32) -> bool {
        // SAFETY: as in `true_bytes`.
        self.header().moment.steady(|| Some(unsafe { S::Large::is_live(self, first) }))
    }

    /// What the block occupies that starts at an address, in bytes. 0: none that is live.
    pub(crate) fn occupied(self, ptr: *mut u8) -> usize {
        match self.locate(ptr).place() {
            Ok(Place::Pooled(class)) if !self.is_free_block(ptr) => Self::TABLE.block_bytes(class),
            Ok(Place::Large(first)) if self.is_live(first) => self.true_bytes(first) as usize,
            _ => 0,
        }
    }

    /// Whether the block of a class that starts at an address is free.
    pub(crate) fn is_free_block(self, ptr: *mut u8) -> bool {
        let granule = self.pooled_offset_of(ptr) as u32 / GRANULE;
        // Relaxed: a live block's bit does not change while it is live.
        let free = Tables::word(self, granule / PAGE_GRANULES + 1).load(Relaxed);
        free >> (granule % PAGE_GRANULES) & 1 != 0
    }

    /// Counts and tells a wrong free. `false`, as the calls return that find one.
    #[cold]
    #[inline(never)]
    pub(crate) fn wrong_free(self, ptr: *mut u8, reason: Reason) -> bool {
        self.header().wrong_frees.fetch_add(1, Relaxed);
        self.tell(Event::WrongFree(WrongFree { address: ptr.addr(), reason }));
        false
    }

    /// The words of `events`: where the program has a hook.
    #[inline(always)]
    pub(crate) fn events<'a>(self) -> &'a Events
    where
        Self: 'a,
    {
        entry(self, self.map().events::<S::Config>(), 0)
    }

    /// Tells the hook, if there is one.
    #[inline(always)]
    pub(crate) fn tell(self, event: Event) {
        if S::Config::TELLS {
            events::tell::<S::Config>(self.events().guard(), self.events().word(), event);
        }
    }
}

/// What an address is, in one register: a place of the large tier, all of which are multiples of 8, or the number of a
/// class or of a reason, and which of them it is.
#[derive(Clone, Copy)]
pub(crate) struct Location(u32);

impl Location {
    const POOLED: u32 = 1;
    const WRONG: u32 = 2;

    #[inline(always)]
    fn large(place: u32) -> Self {
        Self(place)
    }

    #[inline(always)]
    fn pooled(class: u32) -> Self {
        Self(class * GRANULE + Self::POOLED)
    }

    #[inline(always)]
    fn wrong(reason: Reason) -> Self {
        Self(reason as u32 * GRANULE + Self::WRONG)
    }

    /// The same, taken apart. An error: no block can start there, or a free one does.
    #[inline(always)]
    pub(crate) fn place(self) -> Result<Place, Reason> {
        const FOREIGN: u32 = Reason::Foreign as u32;
        const NO_BLOCK: u32 = Reason::NoBlock as u32;
        match (self.0 % GRANULE, self.0 / GRANULE) {
            (0, _) => Ok(Place::Large(self.0)),
            (Self::POOLED, class) => Ok(Place::Pooled(class)),
            (_, FOREIGN) => Err(Reason::Foreign),
            (_, NO_BLOCK) => Err(Reason::NoBlock),
            _ => Err(Reason::Double),
        }
    }
}

/// What an address is.
pub(crate) enum Place {
    /// A block of a class.
    Pooled(u32),
    /// A place of the large tier.
    Large(u32),
}

/// Bytes of a large block.
#[inline(always)]
pub(crate) fn large_bytes(size: usize) -> u32 {
    // What is larger than an extent is refused, or found wrong by its size: no need to tell it apart.
    let size = size.min((u32::MAX - (GRANULE - 1)) as usize) as u32;
    ((size + (GRANULE - 1)) & !(GRANULE - 1)).max(LARGE_MIN_BYTES)
}
