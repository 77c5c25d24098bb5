//! The heap in memory that grows on demand: extents, of which the newest may become longer.
//!
//! ```text
//!   oldest ─► ┌ Node ┬ pages and tail ┬ tables ┐
//!             └──┬───┴────────────────┴────────┘
//!                └► ┌ Node ┬ …        ┬ tables ┐◄ the source's next memory, if nobody else has asked it in between
//! ```
//!
//! | word | moves | by whom | ordering, and what it pairs with |
//! |---|---|---|---|
//! | `oldest`, a node's `next` | from null to the next extent, and stays | who has laid the extent out, by compare-exchange | Release: the extent is visible to the Acquire of who finds it |
//! | `last` | to any extent | who was served by it | the same: it may be all that a reader sees |
//! | `growing` | 0 to 1 to 0 | who asks the source | none needed: it only keeps others from asking for the same reason |
//!
//! Two that ask the source at the same time get different memories. That they should wait for each other is thrift, not safety: the wait
//! is bounded, and who has waited for that long asks as well.
//!
//! An extent that becomes longer stays where it is, and so does its node; only its tables move, behind what it got. Readers of tables
//! take no lock, so where contexts run at the same time an extent stays as it is, and all further memory is an extent of its own.
//! Each is then as large as half of what there was, so that there are few. Nor is anything moved while a hook may use the heap in the
//! middle of a call of it ([`Pinned`]).

mod hooked;
mod node;

pub(crate) use hooked::{Hooked, Pinned};
pub(crate) use node::Node;

use crate::check::{Check, CheckError};
use crate::config::{Config, Table};
use crate::emergency::Rescue;
use crate::extent::{Allocate, Engine, Entry, Extent as _, Release, Resize};
use crate::geometry::*;
use crate::large::Large;
use crate::map::Map;
use crate::policy::Policy;
use crate::stats::{Census, Stats};
use crate::sync::{AtomicPtr, AtomicU32, Ordering::*};
use crate::walk::{Piece, Walk};
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{copy_nonoverlapping, null_mut};

/// In what the source counts. The models' are shorter, and so have fewer words.
pub(crate) const UNIT_BYTES: usize = if cfg!(all(test, loom)) { 4096 } else { 64 * 1024 };

/// How often a context looks whether another has got memory, before it asks for some itself: some milliseconds.
const TURNS: u32 = if cfg!(all(test, loom)) { 1 } else { 1 << 22 };

/// Where memory comes from.
///
/// # Safety
///
/// - What `first` and `grow` return is nobody else's, for ever, and valid for reads and writes. What was grown is zeroed, and aligned
///   to [`UNIT_BYTES`].
/// - If memories touch, pointers to the one may be used for the other.
/// - Unless `SHARED`, no two contexts use the heap at the same time.
pub(crate) unsafe trait Source {
    /// Whether contexts run at the same time.
    const SHARED: bool;

    /// The memory that is there from the start, to whoever asks first. It need not be zeroed.
    fn first(&self) -> Option<(*mut u8, usize)>;

    /// So many units more, or nothing. Where they end with the address space, the last granule, which has no end that is an address, is
    /// left out.
    fn grow(&self, units: usize) -> Option<(*mut u8, usize)>;

    /// The address at which the next units will begin, unless somebody else comes first.
    fn next(&self) -> usize;

    /// Called before memory at this address is used that another context may have got, and all that it got with it: so once for an
    /// extent, at its node, which lies in the same memory as its pages and tables.
    #[inline(always)]
    fn meet(&self, address: usize) {
        let _ = address;
    }
}

/// The heap.
pub(crate) struct Growing<S, P, L, C> {
    source: S,
    oldest: AtomicPtr<Extent<P, L, C>>,
    /// The extent that served last: where calls begin.
    last: AtomicPtr<Extent<P, L, C>>,
    growing: AtomicU32,
    units_grown: AtomicU32,
    /// Runs of the out-of-memory hook: see `emergency`.
    rescues: AtomicU32,
}

type Extent<P, L, C> = Node<P, L, Hooked<C>>;

impl<S, P, L, C: Config> Growing<S, P, L, C> {
    #[cfg(not(all(test, loom)))]
    pub(crate) const fn new(source: S) -> Self {
        let () = C::VALID;
        Self {
            source,
            oldest: AtomicPtr::new(null_mut()),
            last: AtomicPtr::new(null_mut()),
            growing: AtomicU32::new(0),
            units_grown: AtomicU32::new(0),
            rescues: AtomicU32::new(0),
        }
    }

    /// Loom's atomics are not made at compile time.
    #[cfg(all(test, loom))]
    pub(crate) fn new(source: S) -> Self {
        Self {
            source,
            oldest: AtomicPtr::new(null_mut()),
            last: AtomicPtr::new(null_mut()),
            growing: AtomicU32::new(0),
            units_grown: AtomicU32::new(0),
            rescues: AtomicU32::new(0),
        }
    }
}

impl<S: Source, P: Policy, L: Large, C: Config> Growing<S, P, L, C> {
    /// The extent that served last; `None` before the first request.
    #[inline(always)]
    fn last(&self) -> Option<&Extent<P, L, C>> {
        // Acquire: pairs with the Release in `serve_from`.
        let extent = self.last.load(Acquire);
        self.source.meet(extent.addr());
        // SAFETY: an extent that was entered stays. Where one is made longer, nobody holds a reference meanwhile.
        unsafe { extent.as_ref() }
    }

    /// All extents, in the order in which they came.
    #[inline(always)]
    fn extents(&self) -> impl Iterator<Item = *mut Extent<P, L, C>> {
        let mut link = &self.oldest;
        core::iter::from_fn(move || {
            // Acquire: pairs with the Release in `enter`.
            let extent = link.load(Acquire);
            self.source.meet(extent.addr());
            // SAFETY: as in `last`.
            link = &unsafe { extent.as_ref() }?.next;
            Some(extent)
        })
    }

    #[inline(always)]
    pub(crate) fn memories(&self) -> impl Iterator<Item = &Extent<P, L, C>> {
        // SAFETY: as in `last`.
        self.extents().map(|extent| unsafe { &*extent })
    }

    /// The extent in which an address lies; if it is one of none, an extent to report that.
    #[inline(always)]
    fn responsible(&self, ptr: *mut u8) -> Option<&Extent<P, L, C>> {
        match self.last() {
            Some(memory) if !memory.holds(ptr) => self.find_responsible(ptr),
            last => last,
        }
    }

    /// The same, off the common path.
    #[inline(never)]
    fn find_responsible(&self, ptr: *mut u8) -> Option<&Extent<P, L, C>> {
        self.memory_of(ptr).or(self.last())
    }

    /// The extent in which an address lies.
    #[inline(always)]
    fn memory_of(&self, ptr: *mut u8) -> Option<&Extent<P, L, C>> {
        self.memories().find(|memory| memory.holds(ptr))
    }

    /// What the extent that served last does not have: from the others, or from the source; and again, as often as the
    /// out-of-memory hook asks for it.
    #[cold]
    #[inline(never)]
    fn allocate_elsewhere<const REPORT: bool>(&self, size: usize, align: usize) -> *mut u8 {
        self.persist::<REPORT>(size, align, || {
            // Relaxed: a guess, and the source knows whom it gave what there is.
            if self.oldest.load(Relaxed).is_null() {
                self.begin();
            }
            let seen = if S::SHARED { self.newest() } else { null_mut() };
            let mut block = self.allocate_existing(size, align);
            if block.is_null() {
                block = self.allocate_growing(size, align, seen);
            }
            (!block.is_null()).then_some(block)
        })
    }

    /// Makes attempts to serve a request, as many as the out-of-memory hook asks for; `None` is one in vain. Null after the last, which is
    /// counted and told. Without `REPORT`, there is one attempt, and that is all.
    #[inline(always)]
    fn persist<const REPORT: bool>(
        &self,
        size: usize,
        align: usize,
        mut attempt: impl FnMut() -> Option<*mut u8>,
    ) -> *mut u8 {
        if !REPORT {
            return attempt().unwrap_or(null_mut());
        }
        let mut rescue = Rescue::before_attempt::<C>(&self.rescues);
        loop {
            if let Some(block) = attempt() {
                return block;
            }
            // Here the hook is in the middle of no call of an extent: what it does may make one longer.
            if !rescue.should_retry::<C>(&self.rescues, size, align) {
                break;
            }
        }
        if let Some(extent) = self.last() {
            extent.refused(size, align);
        }
        null_mut()
    }

    /// The last extent, or null.
    fn newest(&self) -> *mut Extent<P, L, C> {
        self.extents().last().unwrap_or(null_mut())
    }

    /// A block of any extent, or null.
    #[inline(never)]
    fn allocate_existing(&self, size: usize, align: usize) -> *mut u8 {
        for extent in self.extents() {
            // SAFETY: as in `last`.
            let block = Allocate::allocate_rarely::<false>(size, align, unsafe { &*extent });
            if !block.is_null() {
                self.serve_from(extent, size);
                return block;
            }
        }
        null_mut()
    }

    #[inline(always)]
    fn serve_from(&self, extent: *mut Extent<P, L, C>, size: usize) {
        // SAFETY: as in `last`.
        unsafe { &*extent }.count_live(0, size);
        // Release: pairs with the Acquire in `last`.
        self.last.store(extent, Release);
    }

    /// A block of new memory, or null. Where another context is getting some, it is awaited, and looked at first: what is newer than
    /// `seen`.
    #[inline(always)]
    fn allocate_growing(&self, size: usize, align: usize, mut seen: *mut Extent<P, L, C>) -> *mut u8 {
        if !S::SHARED {
            return self.allocate_new(size, align);
        }
        let alone = self.growing.swap(1, Relaxed) == 0;
        if !alone {
            self.wait();
        }
        let mut block = null_mut::<u8>();
        // Before the source is asked, and once more when it had nothing: others may have got the last of it.
        for is_asked in [false, true] {
            let newest = self.newest();
            if block.is_null() && newest != seen {
                seen = newest;
                block = self.allocate_existing(size, align);
            }
            if block.is_null() && !is_asked {
                block = self.allocate_new(size, align);
            }
        }
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
    #[inline(always)]
    fn begin(&self) {
        let Some((start, len_bytes)) = self.source.first() else { return };
        // SAFETY: the source's, and nobody else's.
        unsafe {
            let extent = Node::lay_out(start, len_bytes);
            if !extent.is_null() {
                (*extent).zero_tables();
                self.enter(extent);
            }
        }
    }

    /// A block of what the source has, or null.
    #[inline(always)]
    fn allocate_new(&self, size: usize, align: usize) -> *mut u8 {
        let extent = self.get(size, align, null_mut(), 0);
        if extent.is_null() {
            return null_mut();
        }
        // Before others see it, or they could take what it was got for.
        // SAFETY: `get` laid the extent out, and it stays.
        let block = Allocate::allocate_rarely::<false>(size, align, unsafe { &*extent });
        // SAFETY: the same.
        unsafe { self.enter(extent) };
        if !block.is_null() {
            self.serve_from(extent, size);
        }
        block
    }

    /// Whether an extent may be made longer now: nobody else is in the heap.
    fn may_extend() -> bool {
        !S::SHARED && L::GROWS && !Pinned::is_any()
    }

    /// Memory in which the request fits for sure: the newest extent, longer by it, or one that is to be entered. Null: there is none. If it is
    /// for a block that changes its size, that is the one of `old` bytes at `ptr`.
    #[inline(never)]
    fn get(&self, size: usize, align: usize, ptr: *mut u8, old: usize) -> *mut Extent<P, L, C> {
        let (mut newest, mut total_bytes) = (null_mut::<Extent<P, L, C>>(), 0);
        for extent in self.extents() {
            newest = extent;
            // SAFETY: as in `last`.
            total_bytes += unsafe { &*extent }.len_bytes();
        }
        // SAFETY: as in `last`.
        let joined = unsafe { newest.as_ref() };
        let joined = joined.filter(|newest| Self::may_extend() && newest.end().addr() == self.source.next());
        let there = joined.map_or(0, |newest| Self::there_for(ptr, old, newest));
        let Some(needed) = units_for::<P, L, Hooked<C>>(size, align, there) else { return null_mut() };
        let Some((start, len_bytes)) = self.ask(needed, total_bytes) else { return null_mut() };
        // SAFETY: the new memory is the source's, and zeroed. Where an extent can be made longer, nobody else is in the heap.
        unsafe {
            if joined.is_some() && Node::extend(newest, start, len_bytes) {
                return newest;
            }
            Node::lay_out(start, len_bytes)
        }
    }

    /// How much of what a block needs is there, at the end of an extent: what is free; and the block itself, if it lies before that.
    #[inline(always)]
    fn there_for(ptr: *mut u8, old: usize, extent: &Extent<P, L, C>) -> usize {
        // SAFETY: inside the entry.
        let free = extent.look(|_| unsafe { L::free_at_end(extent) }).unwrap_or(0) as usize;
        let behind = (extent.map().ground as usize).wrapping_sub(extent.offset_of(ptr));
        // The block may have a spare granule. Of an address elsewhere, `behind` is very large.
        if behind <= free + granules(old) * GRANULE_BYTES + GRANULE_BYTES { behind } else { free }
    }

    /// Asks the source for a share of what there is, then for less, down to what is needed.
    #[inline(always)]
    fn ask(&self, needed: usize, total_bytes: usize) -> Option<(*mut u8, usize)> {
        let share = if S::SHARED { 2 } else { 8 };
        let mut units = (total_bytes / (share * UNIT_BYTES)).max(needed);
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

    /// How many units the source was asked for, and gave.
    pub(crate) fn units_grown(&self) -> u32 {
        self.units_grown.load(Relaxed)
    }

    /// Puts an extent behind all others, unless it is there.
    ///
    /// # Safety
    ///
    /// It was laid out for this heap.
    #[inline(never)]
    unsafe fn enter(&self, extent: *mut Extent<P, L, C>) {
        let mut link = &self.oldest;
        // Release: pairs with the Acquire in `extents`.
        while let Err(other) = link.compare_exchange(null_mut(), extent, Release, Acquire) {
            if other == extent {
                return;
            }
            self.source.meet(other.addr());
            // SAFETY: as in `last`.
            link = unsafe { &(*other).next };
        }
    }

    /// Changes the size of a block, where it is or elsewhere.
    ///
    /// # Safety
    ///
    /// As for `GlobalAlloc::realloc`.
    #[inline(never)]
    pub(crate) unsafe fn reallocate<const REPORT: bool>(
        &self,
        ptr: *mut u8,
        layout: Layout,
        new_size: usize,
    ) -> *mut u8 {
        // Each attempt is the whole request: what was released, or got, may lie behind the block.
        self.persist::<REPORT>(new_size, layout.align(), || {
            let mut new;
            let mut is_grown = false;
            let seen = if S::SHARED { self.newest() } else { null_mut() };
            loop {
                let resized = self.resize(ptr, layout, new_size);
                if resized.is_some() {
                    return resized;
                }
                new = self.allocate_existing(new_size, layout.align());
                if S::SHARED || is_grown || !new.is_null() {
                    break;
                }
                let extent = self.get(new_size, layout.align(), ptr, layout.size());
                if extent.is_null() {
                    break;
                }
                // SAFETY: `get` returned it.
                unsafe { self.enter(extent) };
                // Once more from the start: what was got may lie right behind the block.
                is_grown = true;
            }
            if S::SHARED && new.is_null() {
                new = self.allocate_growing(new_size, layout.align(), seen);
            }
            if new.is_null() {
                return None;
            }
            // SAFETY: both blocks are the caller's, disjoint, and so long.
            unsafe { copy_nonoverlapping(ptr, new, layout.size().min(new_size)) };
            if let Some(extent) = self.find_responsible(ptr) {
                Release::release_slowly(ptr, layout.size(), extent);
            }
            Some(new)
        })
    }

    /// Changes the size of a block where it is; null: it is none. `None`: it has to move.
    #[inline(always)]
    fn resize(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> Option<*mut u8> {
        let Some(extent) = self.find_responsible(ptr) else { return Some(null_mut()) };
        match extent.resize(ptr, layout.size(), new_size) {
            Ok(true) => {
                extent.count_live(layout.size(), new_size);
                Some(ptr)
            }
            Ok(false) => None,
            Err(reason) => {
                extent.wrong_free(ptr, reason);
                Some(null_mut())
            }
        }
    }

    #[inline(always)]
    pub(crate) fn allocate<const REPORT: bool>(&self, layout: Layout) -> *mut u8 {
        if let Some(memory) = self.last() {
            let block = memory.allocate::<false>(layout);
            if !block.is_null() {
                return block;
            }
        }
        self.allocate_elsewhere::<REPORT>(layout.size(), layout.align())
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut sum = Stats::none();
        self.memories().for_each(|memory| sum.add(&Census::stats(memory)));
        sum.events_untold = sum.events_untold.wrapping_add(hooked::untold::<C>());
        sum
    }

    /// One extent after the other. What is shown may use the heap.
    pub(crate) fn walk(&self, mut show: impl FnMut(Piece)) -> bool {
        let _pinned = Pinned::new();
        self.memories().map(|memory| Walk::walk(memory, &mut show)).fold(true, |all, one| all & one)
    }

    pub(crate) fn trim(&self) {
        self.memories().for_each(|memory| memory.trim());
    }

    pub(crate) fn check(&self) -> Result<(), CheckError> {
        self.memories().try_for_each(Check::check)
    }

    pub(crate) fn contains(&self, ptr: *const u8) -> bool {
        self.memory_of(ptr.cast_mut()).is_some()
    }

    pub(crate) fn usable_size(&self, ptr: *const u8) -> usize {
        self.memory_of(ptr.cast_mut()).map_or(0, |memory| memory.occupied(ptr.cast_mut()))
    }
}

// SAFETY: blocks come from the engines of disjoint extents, whose tables are moved only while nobody is inside; otherwise as for
// `Heap`.
unsafe impl<S: Source, P: Policy, L: Large, C: Config> GlobalAlloc for Growing<S, P, L, C> {
    #[inline(always)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.allocate::<true>(layout)
    }

    #[inline(always)]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        if let Some(memory) = self.responsible(ptr) {
            memory.release(ptr, layout);
        }
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.reallocate::<true>(ptr, layout, new_size) }
    }
}

/// Units in which a request fits, tables included, wherever the run that serves it begins, if so many bytes of it are there. `None`: it
/// is no layout's.
#[inline(always)]
fn units_for<P: Policy, L: Large, C: Config>(size: usize, align: usize, free: usize) -> Option<usize> {
    if size > isize::MAX as usize || align > ALIGN_MAX_BYTES {
        return None;
    }
    // Twice the smallest block and the alignment: what can lie before the block, and behind it.
    let bytes = (size + align + 2 * LARGE_MIN_BYTES as usize).saturating_sub(free);
    let pages = bytes / PAGE_BYTES + C::RESERVED_PAGES as usize + 2;
    // A unit may end a granule early.
    let bytes = Node::<P, L, C>::MOST_BYTES + Map::most_bytes::<P, L, C>(pages) + GRANULE_BYTES;
    Some(bytes / UNIT_BYTES + 1)
}

#[cfg(all(test, not(loom)))]
mod tests;
