//! The heap in memory that grows on demand: extents, of which the newest may become longer.
//!
//! ```text
//!   extent   ┌ pages and tail ┬ tables ┬ Memory ┐◄ the source's next memory, if nobody else has asked it in between
//!            base             └────────┴──▲─────┘
//!   extents  ┌───┬───┬───┬ 0 ┬ 0 ┐        │
//!            └───┴───┴─│─┴───┴───┘        │
//!                      └──────────────────┘
//! ```
//!
//! | word | moves | by whom | ordering, and what it pairs with |
//! |---|---|---|---|
//! | an entry of `extents` | from null to an extent, in order, and stays | who has laid the extent out, by compare-exchange | Release: the extent is visible to the Acquire of who finds it |
//! | the same, where contexts do not run at the same time | to the same extent, made longer | who makes it longer | none needed |
//! | `last` | to any extent | who was served by it | the same: it may be all that a reader sees |
//! | `growing` | 0 to 1 to 0 | who asks the source | none needed: it only keeps others from asking for the same reason |
//!
//! Two that ask the source at the same time get different memories, and enter them into different slots. That they should wait for
//! each other is thrift, not safety: the wait is bounded, and who has waited for that long asks as well.
//!
//! A hook may use the heap in the middle of a call of it: meanwhile nothing is moved either ([`Pinned`]).
//!
//! Readers of an extent's tables take no lock, so where contexts run at the same time an extent stays as it is, and all
//! further memory is an extent of its own. Each is then as large as half of what was there, so that there are few.

mod hooked;
mod longer;

pub(crate) use hooked::{Hooked, Pinned};

use crate::check::{Check, CheckError};
use crate::config::{Config, Table};
use crate::emergency::Rescue;
use crate::extent::{Allocate, Engine, Release, Resize, large_bytes};
use crate::geometry::*;
use crate::large::Large;
use crate::map::Map;
use crate::memory::Memory;
use crate::policy::Policy;
use crate::stats::{Census, Stats};
use crate::sync::{AtomicPtr, AtomicU32, Ordering::*};
use crate::walk::{Piece, Walk};
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{NonNull, copy_nonoverlapping, null_mut};

/// In what the source counts. The models' are shorter, and so have fewer words.
pub(crate) const UNIT_BYTES: usize = if cfg!(all(test, loom)) { 4096 } else { 64 * 1024 };

/// How many extents there can be. By halves of what was there, so many grow from one unit to more than an address space.
pub(crate) const EXTENTS_MAX: usize = if cfg!(all(test, loom)) { 4 } else { 32 };

/// In the largest extent.
const UNITS_MAX: usize = EXTENT_MAX_BYTES / UNIT_BYTES;

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

    /// So many units more, or null.
    fn grow(&self, units: usize) -> *mut u8;
}

/// The heap.
pub(crate) struct Growing<S, P, L, C> {
    source: S,
    extents: [AtomicPtr<Memory<P, L, Hooked<C>>>; EXTENTS_MAX],
    /// The extent that served last: where calls begin.
    last: AtomicPtr<Memory<P, L, Hooked<C>>>,
    growing: AtomicU32,
    units_grown: AtomicU32,
    /// Runs of the out-of-memory hook: see `emergency`.
    rescues: AtomicU32,
}

impl<S, P, L, C: Config> Growing<S, P, L, C> {
    #[cfg(not(all(test, loom)))]
    pub(crate) const fn new(source: S) -> Self {
        let () = C::VALID;
        Self {
            source,
            extents: [const { AtomicPtr::new(null_mut()) }; EXTENTS_MAX],
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
            extents: core::array::from_fn(|_| AtomicPtr::new(null_mut())),
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
    fn last(&self) -> Option<&Memory<P, L, Hooked<C>>> {
        // Acquire: pairs with the Release in `serve_from`.
        // SAFETY: an extent that was entered stays. Where one is made longer, nobody holds a reference meanwhile.
        unsafe { self.last.load(Acquire).as_ref() }
    }

    /// All extents, in the order in which they came.
    #[inline(always)]
    pub(crate) fn memories(&self) -> impl Iterator<Item = &Memory<P, L, Hooked<C>>> {
        // Acquire: pairs with the Release in `enter`.
        // SAFETY: as in `last`.
        self.extents.iter().map_while(|slot| unsafe { slot.load(Acquire).as_ref() })
    }

    /// The extent in which an address lies.
    #[inline(never)]
    fn memory_of(&self, ptr: *mut u8) -> Option<&Memory<P, L, Hooked<C>>> {
        self.memories().find(|memory| memory.holds(ptr))
    }

    /// The extent in which an address lies; if it is one of none, an extent to report that.
    #[inline(always)]
    fn responsible(&self, ptr: *mut u8) -> Option<&Memory<P, L, Hooked<C>>> {
        match self.last() {
            Some(memory) if !memory.holds(ptr) => self.memory_of(ptr).or(Some(memory)),
            last => last,
        }
    }

    /// What the extent that served last does not have: from the others, or from the source; and again, as often as the
    /// out-of-memory hook asks for it.
    #[cold]
    #[inline(never)]
    fn allocate_elsewhere(&self, size: usize, align: usize) -> *mut u8 {
        let mut rescue = Rescue::before_attempt::<C>(&self.rescues);
        loop {
            let (mut block, seen) = self.allocate_existing(size, align);
            if block.is_null() {
                block = self.allocate_growing(size, align, seen);
            }
            if !block.is_null() {
                return block;
            }
            // Here the hook is in the middle of no call of an extent: what it does may make one longer.
            if !rescue.should_retry::<C>(&self.rescues, size, align) {
                break;
            }
        }
        if let Some(memory) = self.last() {
            memory.refused(size, align);
        }
        null_mut()
    }

    /// A block of any extent, or null; and how many extents there were.
    #[inline(never)]
    fn allocate_existing(&self, size: usize, align: usize) -> (*mut u8, usize) {
        let mut seen = 0;
        for memory in self.memories() {
            let block = memory.allocate_rarely::<false>(size, align);
            if !block.is_null() {
                self.serve_from(memory, size);
                return (block, seen);
            }
            seen += 1;
        }
        (null_mut(), seen)
    }

    fn serve_from(&self, memory: &Memory<P, L, Hooked<C>>, size: usize) {
        memory.count_live(0, size);
        // Release: pairs with the Acquire in `last`.
        self.last.store(core::ptr::from_ref(memory).cast_mut(), Release);
    }

    /// A block of new memory, or null. Where another context is getting some, it is awaited, and looked at first.
    fn allocate_growing(&self, size: usize, align: usize, seen: usize) -> *mut u8 {
        if !S::SHARED {
            return self.grow(size, align, true).unwrap_or(null_mut());
        }
        let alone = self.growing.swap(1, Relaxed) == 0;
        if !alone {
            self.wait();
        }
        let (mut block, mut seen) = (null_mut::<u8>(), seen);
        // Before the source is asked, and once more when it had nothing: others may have got the last of it.
        for is_asked in [false, true] {
            if block.is_null() && self.memories().count() != seen {
                (block, seen) = self.allocate_existing(size, align);
            }
            if block.is_null() && !is_asked {
                block = self.grow(size, align, true).unwrap_or(null_mut());
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

    /// Gets memory in which the request fits for sure, and a block of it if that is wanted. `None`: there is none.
    #[inline(never)]
    fn grow(&self, size: usize, align: usize, wanted: bool) -> Option<*mut u8> {
        if let Some((start, len_bytes)) = self.source.first()
            && let Some(memory) = Self::lay_out(start, len_bytes)
        {
            // SAFETY: the source's, and nobody else's; `lay_out` wrote it.
            unsafe { memory.as_ref().zero_tables() };
            let block = self.open(memory, size, align, wanted);
            if !block.is_null() || !wanted {
                return Some(block);
            }
        }
        let (start, len_bytes) = self.ask(units_for::<P, L, C>(size, align)?)?;
        let memory = self.extend(start, len_bytes).or_else(|| Self::lay_out(start, len_bytes))?;
        Some(self.open(memory, size, align, wanted))
    }

    /// Asks the source for a share of what there is, then for less, down to what is needed.
    fn ask(&self, needed: usize) -> Option<(*mut u8, usize)> {
        let is_full = S::SHARED && !self.extents[EXTENTS_MAX - 1].load(Relaxed).is_null();
        if is_full || needed > UNITS_MAX {
            return None;
        }
        let share = if S::SHARED { 2 } else { 8 };
        let mut units = (self.total_bytes() / (share * UNIT_BYTES)).min(UNITS_MAX).max(needed);
        loop {
            let start = self.source.grow(units);
            if !start.is_null() {
                self.units_grown.fetch_add(units as u32, Relaxed);
                return Some((start, units * UNIT_BYTES));
            }
            if units == needed {
                return None;
            }
            units = needed.max(units / 2);
        }
    }

    pub(crate) fn total_bytes(&self) -> usize {
        self.memories().map(Memory::len_bytes).sum()
    }

    /// How many units the source was asked for, and gave.
    pub(crate) fn units_grown(&self) -> u32 {
        self.units_grown.load(Relaxed)
    }

    /// Makes a memory an extent, with its `Memory` behind its tables. Nobody knows it yet.
    #[inline(never)]
    fn lay_out(start: *mut u8, len_bytes: usize) -> Option<NonNull<Memory<P, L, Hooked<C>>>> {
        let memory = Memory::lay_out(start, len_bytes.checked_sub(size_of::<Memory<P, L, Hooked<C>>>())?)?;
        let at = NonNull::new(memory.end().cast::<Memory<P, L, Hooked<C>>>())?;
        // SAFETY: behind the tables, inside the memory, which is the caller's; aligned as the tables are.
        unsafe { at.write(memory) };
        Some(at)
    }

    /// Makes the newest extent longer by what lies behind it.
    fn extend(&self, start: *mut u8, len_bytes: usize) -> Option<NonNull<Memory<P, L, Hooked<C>>>> {
        if S::SHARED || !L::GROWS || Pinned::is_any() {
            return None;
        }
        let slot = self.extents.iter().take_while(|slot| !slot.load(Relaxed).is_null()).last()?;
        let newest = NonNull::new(slot.load(Relaxed))?;
        // SAFETY: an extent of this heap.
        let old = unsafe { newest.read() };
        let longest = ARENA_MAX_BYTES.max(self.total_bytes() / 4);
        let len_bytes = old.len_bytes() + size_of::<Memory<P, L, Hooked<C>>>() + len_bytes;
        // SAFETY: one behind the value is its end.
        if unsafe { newest.add(1) }.as_ptr().cast() != start || len_bytes > longest {
            return None;
        }
        let new = Self::lay_out((&old).base(), len_bytes)?;
        // SAFETY: the new memory is the source's, touches the old, and nobody else is in the heap. The new `Memory` lies in what was
        // just got, and so over nothing of the old one.
        unsafe { longer::move_tables(&old, new.as_ref()) };
        slot.store(new.as_ptr(), Relaxed);
        self.last.store(new.as_ptr(), Relaxed);
        Some(new)
    }

    /// Takes a block of an extent if one is wanted, and enters the extent unless it is there.
    fn open(&self, memory: NonNull<Memory<P, L, Hooked<C>>>, size: usize, align: usize, wanted: bool) -> *mut u8 {
        // SAFETY: `lay_out` wrote it, and it stays.
        let extent = unsafe { memory.as_ref() };
        // Before others see it, or they could take what it was got for.
        let block = if wanted { extent.allocate_rarely::<false>(size, align) } else { null_mut() };
        if !self.enter(memory.as_ptr()) {
            // No slot is left: nobody would find the block again. The memory is lost.
            return null_mut();
        }
        if !block.is_null() {
            self.serve_from(extent, size);
        }
        block
    }

    /// Enters an extent into the first free slot, unless it is in one.
    fn enter(&self, memory: *mut Memory<P, L, Hooked<C>>) -> bool {
        // Release: pairs with the Acquire in `memories`.
        self.extents.iter().any(|slot| match slot.compare_exchange(null_mut(), memory, Release, Relaxed) {
            Ok(_) => true,
            Err(other) => other == memory,
        })
    }

    /// A block that can't stay where it is.
    ///
    /// # Safety
    ///
    /// As for `GlobalAlloc::realloc`.
    #[cold]
    #[inline(never)]
    unsafe fn move_block(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let mut new = self.allocate_existing(new_size, layout.align()).0;
        if new.is_null() && !S::SHARED && self.grow(new_size, layout.align(), false).is_some() {
            // What was got may lie right behind the block.
            if let Some(memory) = self.memory_of(ptr)
                && memory.resize(ptr, layout.size(), new_size) == Ok(true)
            {
                memory.count_live(layout.size(), new_size);
                return ptr;
            }
        }
        if new.is_null() {
            new = self.allocate_elsewhere(new_size, layout.align());
        }
        if !new.is_null() {
            // SAFETY: both blocks are the caller's, disjoint, and so long.
            unsafe { copy_nonoverlapping(ptr, new, layout.size().min(new_size)) };
            if let Some(memory) = self.responsible(ptr) {
                memory.release_slowly(ptr, layout.size());
            }
        }
        new
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut sum = Stats::none();
        self.memories().for_each(|memory| sum.add(&Census::stats(memory)));
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

    pub(crate) fn usable_size(&self, ptr: *const u8, layout: Layout) -> usize {
        self.memory_of(ptr.cast_mut()).map_or(0, |memory| memory.occupied(ptr.cast_mut(), layout))
    }
}

// SAFETY: blocks come from the engines of disjoint extents, whose tables are moved only while nobody is inside; otherwise as for
// `Heap`.
unsafe impl<S: Source, P: Policy, L: Large, C: Config> GlobalAlloc for Growing<S, P, L, C> {
    #[inline(always)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(memory) = self.last() {
            let block = memory.allocate::<false>(layout);
            if !block.is_null() {
                return block;
            }
        }
        self.allocate_elsewhere(layout.size(), layout.align())
    }

    #[inline(always)]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        if let Some(memory) = self.responsible(ptr) {
            memory.release(ptr, layout);
        }
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Some(memory) = self.responsible(ptr) else { return null_mut() };
        match memory.resize(ptr, layout.size(), new_size) {
            Ok(true) => {
                memory.count_live(layout.size(), new_size);
                ptr
            }
            // SAFETY: passed on.
            Ok(false) => unsafe { self.move_block(ptr, layout, new_size) },
            Err(reason) => {
                memory.wrong_free(ptr, reason);
                null_mut()
            }
        }
    }
}

/// Units in which a request fits, tables included, wherever the run that serves it begins. `None`: it fits into no extent.
fn units_for<P: Policy, L: Large, C: Config>(size: usize, align: usize) -> Option<usize> {
    if size > EXTENT_MAX_BYTES / 8 * 7 || align > ALIGN_MAX_BYTES {
        return None;
    }
    let slack = if align > GRANULE_BYTES { align + GRANULE_BYTES } else { 0 };
    let pages = (large_bytes(size) as usize + slack).div_ceil(PAGE_BYTES) + C::RESERVED_PAGES as usize + 2;
    Some(Map::most_bytes::<P, L, C>(pages).div_ceil(UNIT_BYTES))
}

#[cfg(all(test, not(loom)))]
mod tests;
