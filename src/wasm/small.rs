//! The smallest heap of a wasm module, whose memory grows.

use super::Pages;
use crate::check::CheckError;
use crate::config::{Config, Defaults, Table};
use crate::geometry::GRANULE_BYTES;
use crate::growing::{Source, UNIT_BYTES};
use crate::small::{Calls, Census, Granules, Header, WORD_GRANULES};
use crate::stats::Stats;
use crate::sync::{AtomicPtr, AtomicU32, Ordering::Relaxed};
use crate::walk::Piece;
use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::memory_size;
use core::marker::PhantomData;
use core::ptr::null_mut;

/// A memory that has fewer bytes is not worth a table.
const LEAST_BYTES: usize = 1024;

/// A [`larder::Small`](crate::Small) in a module's own memory, which grows: for modules with one thread that count bytes of code, and
/// want as little memory as can be. The time of an allocation grows with the memory; [`Heap`](super::Heap) does not have that, and
/// peers that are as small are faster: see the README's tables.
///
/// ```ignore (a heap for wasm32 alone)
/// #[global_allocator]
/// static HEAP: larder::wasm::Small = larder::wasm::Small::new();
/// ```
///
/// It begins, as [`Heap`](super::Heap) does, with what lies between `__heap_base` and `__heap_end`, and asks for an eighth of what it has
/// when that is full, at least for what the request needs; where there is a limit, for that alone, and then the request is refused.
/// New memory joins the old. What somebody else has grown the module by in between is never touched: the heap counts it as a live block of its
/// own, and has states for it (3 % of it).
///
/// The parameter is a [`Config`], for its hooks alone, as in `larder::Small`. There is none of these in a module that is built with
/// `+atomics`: tables that others read can't be moved. `Heap` can be shared.
pub struct Small<C = Defaults> {
    header: Header,
    /// Where the granules begin; null before the first request.
    base: AtomicPtr<u8>,
    /// How many there are. Their table lies behind the last.
    count: AtomicU32,
    /// Where the memory ends that the heap got last.
    end: AtomicPtr<u8>,
    config: PhantomData<fn() -> C>,
}

impl<C: Config> Small<C> {
    /// A heap that has nothing yet. As a `static`, all its bytes are zero.
    pub const fn new() -> Self {
        let () = C::VALID;
        Self {
            header: Header::new(),
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

    /// As [`larder::Small::walk`](crate::Small::walk); but `show` must not use the heap: its table may move.
    pub fn walk(&self, show: impl FnMut(Piece)) -> bool {
        Census::walk(self, self.tables_bytes(), show)
    }

    /// As [`larder::Small::check`](crate::Small::check).
    ///
    /// # Errors
    ///
    /// What does not hold, in words.
    pub fn check(&self) -> Result<(), CheckError> {
        if self.base().is_null() { Ok(()) } else { Census::check(self) }
    }

    /// As [`larder::Small::contains`](crate::Small::contains).
    pub fn contains(&self, ptr: *const u8) -> bool {
        Calls::contains(self, ptr.cast_mut())
    }

    /// As [`larder::Small::usable_size`](crate::Small::usable_size).
    pub fn usable_size(&self, ptr: *const u8, layout: Layout) -> usize {
        let _ = layout;
        self.occupied(ptr.cast_mut())
    }

    /// What is behind the last granule.
    fn tables_bytes(&self) -> usize {
        self.end.load(Relaxed).addr() - self.base().addr() - self.count() * GRANULE_BYTES
    }

    /// Has the granules reach as far as there is room in front of `end` for them and their table, which moves there.
    fn reach(&self, end: *mut u8) {
        let (base, old) = (self.base(), self.count());
        // Of 66 bytes, 8 granules and their states; and a word for the states that are begun, and the one behind.
        let count = (end.addr() - base.addr() - size_of::<u32>()) / (8 * GRANULE_BYTES + 2) * 8;
        let bytes = |count: usize| (count / WORD_GRANULES + 1) * size_of::<u32>();
        let old_bytes = if old == 0 { 0 } else { bytes(old) };
        // SAFETY: from `base` to the old end, and from what was got to `end`, all is the heap's; of what may lie in between, only what is
        // a live block of somebody else's. The new table is behind the old one, which nobody reads meanwhile, and may overlap it.
        unsafe {
            let table = base.add(count * GRANULE_BYTES);
            core::ptr::copy(base.add(old * GRANULE_BYTES), table, old_bytes);
            table.add(old_bytes).write_bytes(0, bytes(count) - old_bytes);
        }
        self.count.store(count as u32, Relaxed);
        self.end.store(end, Relaxed);
    }
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
    fn word<'a>(self, at: usize) -> &'a AtomicU32
    where
        Self: 'a,
    {
        // SAFETY: `reach` has put a table of so many words behind the granules.
        unsafe { &*self.base().add(self.count() * GRANULE_BYTES).cast::<AtomicU32>().add(at) }
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
    fn grow(self, len: usize) -> bool {
        let end = self.end.load(Relaxed);
        if end.is_null() {
            if let Some((start, bytes)) = Pages.first().filter(|&(_, bytes)| bytes >= LEAST_BYTES) {
                self.base.store(start.map_addr(|addr| addr.next_multiple_of(GRANULE_BYTES)), Relaxed);
                self.reach(start.wrapping_add(bytes));
                return true;
            }
        }
        // With their states. And with those of what somebody else has got in between: the table must not reach back into that.
        let next = memory_size::<0>() * UNIT_BYTES;
        let states = if next == end.addr() { 0 } else { (next - self.base().addr()) / 32 };
        let least = (len * GRANULE_BYTES + len / 4 + states) / UNIT_BYTES + 1;
        let mut units = least.max((end.addr() - self.base().addr()) / UNIT_BYTES / 8);
        let memory = loop {
            let memory = Pages.grow(units);
            if !memory.is_null() {
                break memory;
            }
            if units == least {
                return false;
            }
            units = least;
        };
        if end.is_null() {
            self.base.store(memory, Relaxed);
        }
        self.reach(memory.wrapping_add(units * UNIT_BYTES));
        // What lies in between is somebody else's for ever. Nothing does if there was no memory before.
        self.claim(self.granule(end), self.granule(memory), true);
        true
    }
}

// SAFETY: blocks are granules that one claim got: disjoint, the heap's, aligned, untouched while live. Nothing unwinds.
unsafe impl<C: Config> GlobalAlloc for Small<C> {
    #[inline(always)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.allocate(layout)
    }

    #[inline(always)]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        self.deallocate(ptr, layout);
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.reallocate(ptr, layout, new_size) }
    }
}
