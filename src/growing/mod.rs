//! The heap in memory that grows on demand: extents, of which the newest may become longer.
//!
//! ```text
//!   oldest ─► ┌ Node ┬ … ┐
//!             └──┬───┴───┘
//!                └► ┌ Node ┬ ground and tables ┐◄ the source's next memory, if nobody else has asked it in between
//! ```
//!
//! | word | moves | by whom | ordering, and what it pairs with |
//! |---|---|---|---|
//! | `oldest`, a node's `next` | from null to the next extent, and stays | the context that has laid the extent out, by compare-exchange | Release: the extent is visible to the Acquire of the context that finds it |
//! | `last` | to any extent | the context that was served by it | the same: it may be all that a reader sees |
//! | `growing` | 0 to 1 to 0 | the context that asks the source | none needed: it only keeps others from asking for the same reason |
//! | `arrivals` | up by 1 | the context that has entered an extent, or made one longer | Release: a context that reads it before it looks for a block, by Acquire, and then finds it changed, looks again |
//! | `reach` | to a later byte | the context that has got memory up to it, before others can find that | none needed: what finds the memory orders it |
//!
//! Two that ask the source at the same time get different memories. That they should wait for each other is thrift, not
//! safety: the wait is bounded, and the context that has waited for that long asks as well.
//!
//! An extent that becomes longer stays where it is, and so does its node. Where there is one context, its tables move,
//! behind what it got; but not while a hook may use the heap in the middle of a call of it ([`Pinned`]). Readers of
//! tables take no lock, so where contexts run at the same time, the tables stay as well: they lie in front of the
//! ground, with room for more ([`RESERVE`]), and the ground becomes longer inside the entry of the large tier. What
//! lies behind an extent whose tables are full is an extent of its own.
//!
//! Two contexts get disjoint memory. One of them may find that its memory lies behind an extent only when the other's
//! has joined that: then it is an extent of its own.

mod hooked;
mod node;

pub(crate) use hooked::{Hooked, Pinned};
pub(crate) use node::Node;

use crate::config::geometry::*;
use crate::config::{Config, Table};
use crate::extent::Extent;
use crate::extent::map::Map;
use crate::hooks::emergency::Rescue;
use crate::large::Large;
use crate::policy::Policy;
use crate::report::{CheckError, Piece, Stats};
use crate::sync::{AtomicPtr, AtomicU32, Ordering::*};
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{copy_nonoverlapping, null_mut};

/// In what the source counts. The models' are shorter, and so have fewer words.
pub(crate) const UNIT_BYTES: usize = if cfg!(all(test, loom)) { 4096 } else { 64 * 1024 };

/// Where tables can't move, those of a new extent have room for that many times what there is: so there are few
/// extents, and the largest is a large part of the heap.
const RESERVE: usize = 3;

/// How often a context looks whether another has got memory, before it asks for some itself: some milliseconds.
const TURNS: u32 = if cfg!(all(test, loom)) { 1 } else { 1 << 22 };

/// Where memory comes from.
///
/// # Safety
///
/// - What `first` and `grow` return is nobody else's, for ever, and valid for reads and writes. What was grown is
///   zeroed, and aligned to [`UNIT_BYTES`].
/// - If memories touch, pointers to the one may be used for the other.
/// - Unless `SHARED`, no two contexts use the heap at the same time.
pub(crate) unsafe trait Source {
    /// Whether contexts run at the same time.
    const SHARED: bool;
    /// Whether what is got next usually lies behind what was got last. If not, all memories are extents of their own.
    const TOUCHES: bool = true;

    /// The memory that is there from the start, to the context that asks first. It need not be zeroed.
    fn first(&self) -> Option<(*mut u8, usize)>;

    /// So many units more, or nothing. Where they end with the address space, the last granule, which has no end that
    /// is an address, is left out.
    fn grow(&self, units: usize) -> Option<(*mut u8, usize)>;

    /// The address at which the next units will begin, unless another context comes first.
    fn next(&self) -> usize;

    /// Called before memory up to this address is used that another context may have got.
    #[inline(always)]
    fn meet(&self, address: usize) {
        let _ = address;
    }

    /// Makes an extent's tables: loom's atomics are not made of zeroes.
    #[cfg(all(test, loom))]
    fn make(&self, extent: *mut u8);
}

/// The heap.
pub(crate) struct Growing<S, C, P, L> {
    source: S,
    oldest: AtomicPtr<Memory<C, P, L>>,
    /// The extent that served last: where calls begin.
    last: AtomicPtr<Memory<C, P, L>>,
    growing: AtomicU32,
    /// How often memory has arrived.
    arrivals: AtomicU32,
    /// The last byte of all that was got.
    reach: AtomicPtr<u8>,
    units_grown: AtomicU32,
    /// Runs of the out-of-memory hook: see `emergency`.
    rescues: AtomicU32,
}

/// One of its extents.
type Memory<C, P, L> = Node<Hooked<C>, P, L>;

impl<S, C: Config, P, L> Growing<S, C, P, L> {
    #[cfg(not(all(test, loom)))]
    pub(crate) const fn new(source: S) -> Self {
        let () = C::VALID;
        Self {
            source,
            oldest: AtomicPtr::new(null_mut()),
            last: AtomicPtr::new(null_mut()),
            growing: AtomicU32::new(0),
            arrivals: AtomicU32::new(0),
            reach: AtomicPtr::new(null_mut()),
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
            arrivals: AtomicU32::new(0),
            reach: AtomicPtr::new(null_mut()),
            units_grown: AtomicU32::new(0),
            rescues: AtomicU32::new(0),
        }
    }
}

impl<S: Source, C: Config, P: Policy, L: Large> Growing<S, C, P, L> {
    /// Whether extents ever become longer.
    const JOINS: bool = L::GROWS && S::TOUCHES;

    /// The extent that served last; `None` before the first request.
    #[inline(always)]
    fn last(&self) -> Option<Extent<&Memory<C, P, L>>> {
        // Acquire: pairs with the Release in `serve_from`.
        let extent = self.last.load(Acquire);
        self.meet();
        // SAFETY: an extent that was entered stays. Where one is made longer, nobody holds a reference meanwhile.
        unsafe { extent.as_ref() }.map(Extent)
    }

    /// All extents, in the order in which they came.
    #[inline(always)]
    fn extents(&self) -> impl Iterator<Item = *mut Memory<C, P, L>> {
        let mut link = &self.oldest;
        core::iter::from_fn(move || {
            // Acquire: pairs with the Release in `enter`.
            let extent = link.load(Acquire);
            self.meet();
            // SAFETY: as in `last`.
            link = &unsafe { extent.as_ref() }?.next;
            Some(extent)
        })
    }

    #[inline(always)]
    pub(crate) fn memories(&self) -> impl Iterator<Item = Extent<&Memory<C, P, L>>> {
        // SAFETY: as in `last`.
        self.extents().map(|extent| Extent(unsafe { &*extent }))
    }

    /// The extent in which an address lies; if it is one of none, an extent to report that.
    #[inline(always)]
    fn responsible(&self, ptr: *mut u8) -> Option<Extent<&Memory<C, P, L>>> {
        match self.last() {
            Some(memory) if !memory.holds(ptr) => self.find_responsible(ptr),
            last => last,
        }
    }

    /// The same, off the common path.
    #[inline(never)]
    fn find_responsible(&self, ptr: *mut u8) -> Option<Extent<&Memory<C, P, L>>> {
        self.memory_of(ptr).or(self.last())
    }

    /// The extent in which an address lies.
    #[inline(always)]
    fn memory_of(&self, ptr: *mut u8) -> Option<Extent<&Memory<C, P, L>>> {
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
            loop {
                let seen = self.arrivals();
                let block = self.allocate_existing(size, align);
                if !block.is_null() {
                    return Some(block);
                }
                // Others may have what joined an extent before this context. Then there is more to be got, or memory
                // has run out.
                let block = self.grow(size, align, null_mut(), 0, seen)?;
                if !block.is_null() {
                    return Some(block);
                }
            }
        })
    }

    /// Makes attempts to serve a request, as many as the out-of-memory hook asks for; `None` is one in vain. Null after
    /// the last, which is counted and told. Without `REPORT`, there is one attempt, and that is all.
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

    /// A block of any extent, or null.
    #[inline(never)]
    fn allocate_existing(&self, size: usize, align: usize) -> *mut u8 {
        for extent in self.extents() {
            // SAFETY: as in `last`.
            let block = Extent::allocate_rarely::<false>(size, align, Extent(unsafe { &*extent }));
            if !block.is_null() {
                self.serve_from(extent);
                return block;
            }
        }
        null_mut()
    }

    #[inline(always)]
    fn serve_from(&self, extent: *mut Memory<C, P, L>) {
        // Release: pairs with the Acquire in `last`.
        self.last.store(extent, Release);
    }

    /// How often memory has arrived. Where there is one context, it knows.
    #[inline(always)]
    fn arrivals(&self) -> u32 {
        // Acquire: pairs with the Release in `arrived`.
        if S::SHARED { self.arrivals.load(Acquire) } else { 0 }
    }

    /// Memory that others can have by now has arrived.
    #[inline(always)]
    fn arrived(&self) {
        if S::SHARED {
            // Release: pairs with the Acquire in `arrivals`.
            self.arrivals.fetch_add(1, Release);
        }
    }

    /// Gets memory in which the request fits, or has it got by another context. A block of an extent that is new; or
    /// null: the extents are to be asked again. `None`: there is no memory, and nothing has arrived since `seen`. For a
    /// block that changes its size, it is the one of `old` bytes at `ptr`.
    #[inline(always)]
    fn grow(&self, size: usize, align: usize, ptr: *mut u8, old: usize, seen: u32) -> Option<*mut u8> {
        if !S::SHARED {
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
    #[inline(always)]
    fn begin(&self) {
        let Some((start, len_bytes)) = self.source.first() else { return };
        // SAFETY: the source's, and nobody else's.
        unsafe {
            // A module of fixed memory would have tables for memory that it never gets.
            let extent = Self::lay_out(start, len_bytes, 0);
            if !extent.is_null() {
                (*extent).zero_tables();
                self.enter(extent);
            }
        }
    }

    /// Makes memory an extent; its tables, if they can't move, have room for that many bytes besides. Null: it is too
    /// short.
    ///
    /// # Safety
    ///
    /// The memory is the source's, and nobody else's.
    #[inline(always)]
    unsafe fn lay_out(start: *mut u8, len_bytes: usize, reserve_bytes: usize) -> *mut Memory<C, P, L> {
        // SAFETY: passed on.
        unsafe { Node::lay_out(start, len_bytes, S::SHARED.then_some(reserve_bytes)) }
    }

    /// Gets memory in which the request fits: a block of a new extent; or null if it has joined one. `None`: there is
    /// none.
    #[inline(never)]
    fn get(&self, size: usize, align: usize, ptr: *mut u8, old: usize) -> Option<*mut u8> {
        let (mut behind, mut total_bytes) = (null_mut::<Memory<C, P, L>>(), 0);
        for extent in self.extents() {
            // SAFETY: as in `last`.
            let node = unsafe { &*extent };
            total_bytes += node.len_bytes();
            if Self::may_extend() && node.end().addr() == self.source.next() {
                behind = extent;
            }
        }
        // SAFETY: as in `last`.
        let there = unsafe { behind.as_ref() }.map_or(0, |node| Self::there_for(ptr, old, Extent(node)));
        let mut needed = units_for::<Hooked<C>, P, L>(size, align, there)?;
        // What does not join is more, so that there are few.
        let share = total_bytes / UNIT_BYTES / if S::SHARED && !Self::JOINS { 2 } else { 8 };
        let mut most = usize::MAX;
        let mut reserve_bytes = 0;
        if S::SHARED && Self::JOINS {
            // SAFETY: as in `last`.
            let room = unsafe { behind.as_ref() }.map_or(0, |node| node.room_bytes() / UNIT_BYTES);
            if needed <= room {
                most = room;
            } else {
                // The tables have no room for that.
                behind = null_mut();
                needed = units_for::<Hooked<C>, P, L>(size, align, 0)?;
                reserve_bytes = total_bytes.saturating_mul(RESERVE).min(EXTENT_MAX_BYTES.saturating_sub(total_bytes));
            }
        }
        let reserved = reserved_units::<Hooked<C>, P, L>(reserve_bytes);
        let mut memory = self.ask(needed + reserved, share.min(most) + reserved);
        if memory.is_none() && reserved != 0 {
            reserve_bytes = 0;
            memory = self.ask(needed, share);
        }
        let (start, len_bytes) = memory?;
        self.reach(start.wrapping_add(len_bytes - 1));
        let mut block = null_mut();
        // SAFETY: the new memory is the source's, and zeroed. Where tables move, nobody else is in the heap.
        unsafe {
            if behind.is_null() || !Self::extend(behind, start, len_bytes) {
                let extent = Self::lay_out(start, len_bytes, reserve_bytes);
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
    fn may_extend() -> bool {
        Self::JOINS && (S::SHARED || !Pinned::is_any())
    }

    /// Makes an extent longer by memory that lies behind it. `false`: it does not, or another context keeps this one
    /// out.
    ///
    /// # Safety
    ///
    /// The memory is the source's, nobody else's, and zeroed. Where there is one context, it is not in the heap and has
    /// been in the extent's large tier.
    #[inline(always)]
    unsafe fn extend(extent: *mut Memory<C, P, L>, start: *mut u8, len_bytes: usize) -> bool {
        // SAFETY: passed on; as in `last`.
        unsafe {
            match S::SHARED {
                true => (*extent).extend_in_place(start, len_bytes),
                false => Node::extend(extent, start, len_bytes),
            }
        }
    }

    /// How much of what a block needs is there, at the end of an extent: what is free; and the block itself, if it lies
    /// before that.
    #[inline(always)]
    fn there_for(ptr: *mut u8, old: usize, extent: Extent<&Memory<C, P, L>>) -> usize {
        // SAFETY: inside the entry.
        let free = extent.look(|_| unsafe { L::free_at_end(extent) }).unwrap_or(0) as usize;
        let behind = (extent.map().ground as usize).wrapping_sub(extent.offset_of(ptr));
        // The block may have a spare granule. Of an address elsewhere, `behind` is very large.
        if behind <= free + granules(old) * GRANULE_BYTES + GRANULE_BYTES { behind } else { free }
    }

    /// Asks the source for a share of what there is, then for less, down to what is needed.
    #[inline(always)]
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
    #[inline(always)]
    fn reach(&self, last: *mut u8) {
        if S::SHARED {
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

    /// Called before memory is used that another context may have got.
    #[inline(always)]
    fn meet(&self) {
        if S::SHARED {
            // Relaxed: what this context has found in the heap, it has found by an Acquire that pairs with a Release
            // behind `reach`.
            self.source.meet(self.reach.load(Relaxed).addr());
        }
    }

    /// Called with a block before it is the caller's: another context may have got its memory meanwhile.
    #[inline(always)]
    fn meet_block(&self, block: *mut u8, size: usize) {
        if S::SHARED {
            self.source.meet(block.addr().wrapping_add(size.wrapping_sub(1)));
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
    unsafe fn enter(&self, extent: *mut Memory<C, P, L>) {
        let mut link = &self.oldest;
        // Release: pairs with the Acquire in `extents`.
        while let Err(other) = link.compare_exchange(null_mut(), extent, Release, Acquire) {
            if other == extent {
                return;
            }
            self.meet();
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
        let new = self.persist::<REPORT>(new_size, layout.align(), || {
            let new = loop {
                let seen = self.arrivals();
                let resized = self.resize(ptr, layout, new_size);
                if resized.is_some() {
                    return resized;
                }
                let new = self.allocate_existing(new_size, layout.align());
                if !new.is_null() {
                    break new;
                }
                let new = self.grow(new_size, layout.align(), ptr, layout.size(), seen)?;
                if !new.is_null() {
                    break new;
                }
                // Once more from the start: what was got may lie right behind the block.
            };
            self.meet_block(new, new_size);
            // SAFETY: both blocks are the caller's, disjoint, and so long.
            unsafe { copy_nonoverlapping(ptr, new, layout.size().min(new_size)) };
            if let Some(extent) = self.find_responsible(ptr) {
                Extent::release_slowly(ptr, layout.size(), extent);
            }
            Some(new)
        });
        self.meet_block(new, new_size);
        new
    }

    /// Changes the size of a block where it is; null: it is none. `None`: it has to move.
    #[inline(always)]
    fn resize(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> Option<*mut u8> {
        let Some(extent) = self.find_responsible(ptr) else { return Some(null_mut()) };
        match extent.resize(ptr, layout.size(), new_size) {
            Ok(true) => Some(ptr),
            Ok(false) => None,
            Err(reason) => {
                extent.wrong_free(ptr, reason);
                Some(null_mut())
            }
        }
    }

    #[inline(always)]
    pub(crate) fn allocate<const REPORT: bool>(&self, layout: Layout) -> *mut u8 {
        let mut block = self.last().map_or(null_mut(), |memory| memory.allocate::<false>(layout));
        if block.is_null() {
            block = self.allocate_elsewhere::<REPORT>(layout.size(), layout.align());
        }
        self.meet_block(block, layout.size());
        block
    }

    /// Frees a block; `false`: it was wrong, or there is no memory.
    #[inline(always)]
    pub(crate) fn release(&self, ptr: *mut u8, layout: Layout) -> bool {
        self.responsible(ptr).is_some_and(|memory| memory.release(ptr, layout))
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut sum = Stats::none();
        self.memories().for_each(|memory| sum.add(&memory.stats()));
        sum.events_untold = sum.events_untold.wrapping_add(hooked::untold::<C>());
        sum
    }

    /// One extent after the other. What is shown may use the heap.
    pub(crate) fn walk(&self, mut show: impl FnMut(Piece)) -> bool {
        let _pinned = Pinned::new();
        self.memories().map(|memory| memory.walk(&mut show)).fold(true, |all, one| all & one)
    }

    pub(crate) fn trim(&self) {
        self.memories().for_each(|memory| memory.trim());
    }

    pub(crate) fn check(&self) -> Result<(), CheckError> {
        self.memories().try_for_each(Extent::check)
    }

    pub(crate) fn contains(&self, ptr: *const u8) -> bool {
        self.memory_of(ptr.cast_mut()).is_some()
    }

    pub(crate) fn usable_size(&self, ptr: *const u8) -> usize {
        self.memory_of(ptr.cast_mut()).map_or(0, |memory| memory.occupied(ptr.cast_mut()))
    }
}

// SAFETY: blocks come from the engines of disjoint extents, whose tables are moved only while nobody is inside;
// otherwise as for `Heap`.
unsafe impl<S: Source, C: Config, P: Policy, L: Large> GlobalAlloc for Growing<S, C, P, L> {
    #[inline(always)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.allocate::<true>(layout)
    }

    #[inline(always)]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        self.release(ptr, layout);
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.reallocate::<true>(ptr, layout, new_size) }
    }
}

/// Units in which a request fits, tables included, wherever the run that serves it begins, if that many bytes of it are
/// there. `None`: it is no layout's.
#[inline(always)]
fn units_for<C: Config, P: Policy, L: Large>(size: usize, align: usize, free: usize) -> Option<usize> {
    if size > isize::MAX as usize || align > ALIGN_MAX_BYTES {
        return None;
    }
    // Twice the smallest block and the alignment: what can lie before the block, and behind it.
    let bytes = (size + align + 2 * LARGE_MIN_BYTES as usize).saturating_sub(free);
    let pages = bytes / PAGE_BYTES + C::RESERVED_PAGES as usize + 2;
    // A unit may end a granule early.
    let bytes = Node::<C, P, L>::MOST_BYTES + Map::most_bytes::<C, P, L>(pages) + GRANULE_BYTES;
    Some(bytes / UNIT_BYTES + 1)
}

/// Units that it takes to have tables for that many bytes more.
#[inline(always)]
fn reserved_units<C: Config, P: Policy, L: Large>(bytes: usize) -> usize {
    let pages = bytes / PAGE_BYTES;
    if pages == 0 { 0 } else { Map::most_table_bytes::<C, P, L>(pages) / UNIT_BYTES + 1 }
}

#[cfg(all(test, not(loom)))]
mod tests;
