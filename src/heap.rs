//! The heap in a static arena.

use crate::check::{Check, CheckError};
use crate::config::{Config, Defaults, Table};
use crate::extent::{Engine, Extent};
use crate::geometry::{ARENA_MAX_BYTES, PAGE_BYTES};
use crate::large::{self, Large};
use crate::map::Map;
use crate::policy::{self, Policy};
use crate::stats::{Census, Stats};
use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::marker::PhantomData;

/// Types that a heap is made for, of which it holds no value.
pub(crate) type Types<P, L, C> = PhantomData<fn() -> (P, L, C)>;

#[repr(C, align(256))]
struct Arena<const BYTES: usize>(UnsafeCell<[u8; BYTES]>);

/// A heap of `BYTES` bytes, its tables included, ready without any call.
///
/// All of it is zero at the start, so it lies in `.bss` and costs no flash.
pub struct Heap<const BYTES: usize, P = policy::Default, L = large::Segregated, C = Defaults> {
    arena: Arena<BYTES>,
    types: Types<P, L, C>,
}

// SAFETY: everything in the arena is reached through atomics, inside the entry of tier 2, or through
// pointers to blocks that one owner has.
unsafe impl<const BYTES: usize, P: Policy, L: Large, C: Config> Sync for Heap<BYTES, P, L, C> {}

impl<const BYTES: usize, P: Policy, L: Large, C: Config> Heap<BYTES, P, L, C> {
    const MAP: Map = {
        assert!(BYTES >= Map::MIN_BYTES, "larder: the arena is too small: a heap needs at least 1 KiB");
        assert!(BYTES <= ARENA_MAX_BYTES, "larder: the arena is too large: a heap has at most 16 MiB");
        let () = C::VALID;
        match Map::new::<P, L, C>(BYTES) {
            Some(map) => {
                assert!(
                    C::RESERVED_PAGES <= map.pages,
                    "larder: more pages are reserved for classes than the arena has"
                );
                map
            }
            None => panic!("larder: the arena is too small for its tables: take more bytes, or fewer classes"),
        }
    };

    /// An empty heap.
    pub const fn new() -> Self {
        let _ = Self::MAP;
        Self { arena: Arena(UnsafeCell::new([0; BYTES])), types: PhantomData }
    }
}

impl<const BYTES: usize, P: Policy, L: Large, C: Config> Heap<BYTES, P, L, C> {
    #[inline(always)]
    fn extent(&self) -> Handle<BYTES, P, L, C> {
        let arena = self.arena.0.get().cast::<u8>();
        Handle(arena.wrapping_add(Self::MAP.ground as usize), PhantomData)
    }

    /// Counts what the heap holds.
    pub fn stats(&self) -> Stats {
        Census::stats(self.extent())
    }

    /// Gives every empty page and every deferred release back to tier 2, so that what is free is in as
    /// few pieces as it can be.
    pub fn trim(&self) {
        Engine::trim(self.extent());
    }

    /// Verifies every invariant of the heap, while nobody else uses it.
    pub fn check(&self) -> Result<(), CheckError> {
        Check::check(self.extent())
    }

    /// Whether an address lies in the part of the arena that is handed out.
    pub fn contains(&self, ptr: *const u8) -> bool {
        self.extent().holds(ptr.cast_mut())
    }

    /// How many bytes a live block really occupies. For information: to use more than the layout says
    /// stays undefined behaviour.
    pub fn usable_size(&self, ptr: *const u8, layout: Layout) -> usize {
        self.extent().occupied(ptr.cast_mut(), layout)
    }
}

impl<const BYTES: usize, P: Policy, L: Large, C: Config> Default for Heap<BYTES, P, L, C> {
    fn default() -> Self {
        Self::new()
    }
}

/// The handle of a static heap: the address of its tables.
struct Handle<const BYTES: usize, P, L, C>(*mut u8, Types<P, L, C>);

impl<const BYTES: usize, P, L, C> Clone for Handle<BYTES, P, L, C> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}
impl<const BYTES: usize, P, L, C> Copy for Handle<BYTES, P, L, C> {}

// SAFETY: the arena is `BYTES` zeroed bytes, aligned to a page, of a `Heap` that outlives the handle; the
// map is a constant for as many bytes.
unsafe impl<const BYTES: usize, P: Policy, L: Large, C: Config> Extent for Handle<BYTES, P, L, C> {
    type Policy = P;
    type Large = L;
    type Config = C;

    #[inline(always)]
    fn tables(self) -> *mut u8 {
        self.0
    }

    #[inline(always)]
    fn map(self) -> Map {
        const { Heap::<BYTES, P, L, C>::MAP }
    }

    #[inline(always)]
    fn apart(self) -> Self {
        Self(opaque(self.0), PhantomData)
    }
}

// SAFETY: blocks come from the engine: disjoint, inside the arena, aligned, untouched while live.
// Nothing unwinds: no path panics, and a hook that does aborts.
unsafe impl<const BYTES: usize, P: Policy, L: Large, C: Config> GlobalAlloc for Heap<BYTES, P, L, C> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.extent().allocate::<true>(layout)
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        self.extent().release(ptr, layout);
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.extent().reallocate(ptr, layout, new_size) }
    }
}

const _: () = assert!(align_of::<Arena<1024>>() == PAGE_BYTES);

/// Keeps the compiler from knowing the address: everything else is then found by small offsets from one
/// register, instead of by a constant of its own each, which costs instructions and flash.
#[inline(always)]
fn opaque(tables: *mut u8) -> *mut u8 {
    #[cfg(all(target_arch = "arm", not(miri)))]
    let mut tables = tables;
    #[cfg(all(target_arch = "arm", not(miri)))]
    // SAFETY: no instruction at all.
    unsafe {
        core::arch::asm!("/* {0} */", inout(reg) tables, options(pure, nomem, nostack, preserves_flags));
    }
    tables
}
