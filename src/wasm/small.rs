//! The smallest heap of a wasm module, whose memory grows.

use super::Pages;
use crate::attempts::attempts;
use crate::check::CheckError;
use crate::config::{Config, Defaults, Table};
use crate::geometry::GRANULE_BYTES;
use crate::growing::{Source, UNIT_BYTES};
use crate::small::{Calls, Census, Granules, Header, UNIT_GRANULES, WORD_GRANULES, lack, room};
use crate::stats::Stats;
use crate::sync::{AtomicPtr, AtomicU32, Ordering::Relaxed, SINGLE};
use crate::walk::Piece;
use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::memory_size;
use core::marker::PhantomData;
use core::ptr::{null_mut, with_exposed_provenance_mut};

/// A memory that has fewer bytes is not worth a table.
const LEAST_BYTES: usize = 1024;

/// A [`larder::Small`](crate::Small) in a module's own memory, which grows: for modules with one thread that count
/// bytes of code, and want as little memory as can be. The time of an allocation grows with the memory;
/// [`Heap`](super::Heap) does not have that, and peers that are as small are faster: see docs/benchmarks.md.
///
/// ```ignore (a heap for wasm32 alone)
/// #[global_allocator]
/// static HEAP: larder::wasm::Small = larder::wasm::Small::new();
/// ```
///
/// It begins, as [`Heap`](super::Heap) does, with what lies between `__heap_base` and `__heap_end`. When that is full,
/// it asks for an eighth of what it reaches over, at least for what the request lacks; where there is a limit, for that
/// alone, and then the request is refused. New memory joins the old. Memory that other code has added in between is
/// never touched: the heap counts it as one live block, and has states for it (3 % of it).
///
/// The parameter is a [`Config`], for its hooks alone, as in `larder::Small`. In a module that is built with
/// `+atomics`, or for an operating system (`wasm32-wasip1`), where that can't be told, it is a compile error: tables
/// that others read can't be moved. `Heap` can be shared.
pub struct Small<C = Defaults> {
    header: Header,
    /// The word of `events`.
    events: AtomicU32,
    /// Where the granules begin. Means nothing while there are none.
    base: AtomicPtr<u8>,
    /// How many there are; 0 before the first request that was served. Their table lies behind the last.
    count: AtomicU32,
    /// Where the memory ends that the heap got last; null while there is none.
    end: AtomicPtr<u8>,
    config: PhantomData<fn() -> C>,
}

impl<C: Config> Small<C> {
    /// A heap that has nothing yet. As a `static`, all its bytes are zero.
    pub const fn new() -> Self {
        const { assert!(SINGLE, "larder: wasm::Small is for wasm modules that have one thread for sure: take wasm::Heap") };
        let () = C::VALID;
        Self {
            header: Header::new(),
            events: AtomicU32::new(0),
            base: AtomicPtr::new(null_mut()),
            count: AtomicU32::new(0),
            end: AtomicPtr::new(null_mut()),
            config: PhantomData,
        }
    }

    /// As [`larder::Small::stats`](crate::Small::stats).
    pub fn stats(&self) -> Stats {
        Census::stats(self, self.tables_bytes())
    }

    /// As [`larder::Small::walk`](crate::Small::walk); but `show` must not use the heap: its table may move, and what
    /// is shown then is not what is there.
    pub fn walk(&self, show: impl FnMut(Piece)) -> bool {
        self.count() == 0 || Census::walk(self, self.tables_bytes(), show)
    }

    /// As [`larder::Small::check`](crate::Small::check).
    ///
    /// # Errors
    ///
    /// What does not hold, in words.
    pub fn check(&self) -> Result<(), CheckError> {
        if self.count() == 0 { Ok(()) } else { Census::check(self) }
    }

    /// As [`larder::Small::contains`](crate::Small::contains).
    pub fn contains(&self, ptr: *const u8) -> bool {
        Calls::contains(self, ptr.cast_mut())
    }

    /// As [`larder::Small::usable_size`](crate::Small::usable_size).
    pub fn usable_size(&self, ptr: *const u8) -> usize {
        self.occupied(ptr.cast_mut())
    }

    /// What is behind the last granule.
    fn tables_bytes(&self) -> usize {
        // Where there are none yet, `base` may be what a refused request has left.
        if self.count() == 0 { 0 } else { self.end.load(Relaxed).addr() - self.at(self.count()).addr() }
    }

    /// Grows the module, whose memory ends where granule `first` begins, so that there is room for `wanted`: by how
    /// many bytes.
    #[inline(always)]
    fn ask(first: usize, wanted: usize) -> Option<usize> {
        let least = lack(first, wanted);
        let mut units = least.max(first / (8 * UNIT_GRANULES));
        loop {
            if let Some((_, bytes)) = Pages.grow(units) {
                return Some(bytes);
            }
            if units == least {
                return None;
            }
            units = least;
        }
    }

    /// Has the granules reach as far as there is room in front of `end` for them and their table, which moves there.
    #[inline(always)]
    fn reach(&self, end: *mut u8) {
        let old = self.count();
        let count = room(end.addr() - self.base().addr());
        let states = old.div_ceil(WORD_GRANULES) * size_of::<u32>();
        let table = self.at(count);
        // SAFETY: from `base` to the old end, and from what was got to `end`, all is the heap's; what lies in between
        // may be another's, and the table begins behind it: see `lack`. The new one is behind the old, which nobody
        // reads meanwhile, and may overlap it.
        unsafe {
            core::ptr::copy(self.at(old), table, states);
            let rest = table.add(states);
            rest.write_bytes(0, end.addr() - rest.addr());
        }
        self.count.store(count as u32, Relaxed);
        self.end.store(end, Relaxed);
    }

    /// A block, or null, without asking the out-of-memory hook, and uncounted.
    fn attempt(&self, layout: Layout) -> *mut u8 {
        self.allocate::<false>(layout)
    }

    /// Changes the size of a block likewise.
    ///
    /// # Safety
    ///
    /// As for `GlobalAlloc::realloc`.
    unsafe fn attempt_resize(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.reallocate::<false>(ptr, layout, new_size) }
    }

    attempts!();
}

impl<C: Config> Default for Small<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Config> Granules for &Small<C> {
    type Config = C;

    #[inline(always)]
    fn count(self) -> usize {
        self.count.load(Relaxed) as usize
    }

    #[inline(always)]
    fn header<'a>(self) -> &'a Header
    where
        Self: 'a,
    {
        &self.header
    }

    #[inline(always)]
    fn events<'a>(self) -> &'a AtomicU32
    where
        Self: 'a,
    {
        &self.events
    }

    #[inline(always)]
    fn word<'a>(self, at: usize) -> &'a AtomicU32
    where
        Self: 'a,
    {
        debug_assert!(self.count() != 0 && at <= self.count() / WORD_GRANULES);
        // SAFETY: `reach` has put a table of that many words behind the granules.
        unsafe { &*self.at(self.count()).cast::<AtomicU32>().add(at) }
    }

    #[inline(always)]
    fn base(self) -> *mut u8 {
        self.base.load(Relaxed)
    }

    #[inline(always)]
    fn hint<'a>(self, len: usize) -> Option<&'a AtomicU32>
    where
        Self: 'a,
    {
        self.header.hints.get((usize::BITS - len.leading_zeros()) as usize)
    }

    #[cold]
    #[inline(never)]
    fn grow(self, wanted: usize, len: usize) -> bool {
        // Null where the module has all that addresses can tell: it can't grow then.
        let mut start = with_exposed_provenance_mut(memory_size::<0>().wrapping_mul(UNIT_BYTES));
        let mut bytes = 0;
        let mut end = self.end.load(Relaxed);
        if end.is_null() {
            if let Some(first) = Pages.first().filter(|&(_, bytes)| bytes >= LEAST_BYTES) {
                (start, bytes) = first;
            }
            end = start;
            self.base.store(start.map_addr(|addr| addr.next_multiple_of(GRANULE_BYTES)), Relaxed);
        }
        let first = self.granule(start);
        if bytes == 0 {
            let Some(more) = Small::<C>::ask(first, if start == end { wanted } else { first + len }) else {
                return false;
            };
            bytes = more;
        }
        self.reach(start.wrapping_add(bytes));
        // Memory that other code has added in between is its for ever.
        self.claim(self.granule(end), first, true);
        true
    }
}

// SAFETY: blocks are granules that one claim got: disjoint, the heap's, aligned, untouched while live. Nothing unwinds.
unsafe impl<C: Config> GlobalAlloc for Small<C> {
    #[inline(always)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.allocate::<true>(layout)
    }

    #[inline(always)]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        self.deallocate(ptr, layout);
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.reallocate::<true>(ptr, layout, new_size) }
    }
}
