//! The heap in a static arena.

pub(crate) mod attempts;

use crate::config::geometry::{ARENA_MAX_BYTES, GRANULE, PAGE_BYTES};
use crate::config::{Config, Defaults, Table};
use crate::extent::map::{Map, Side};
use crate::extent::{Extent, Storage};
use crate::heap::attempts::attempts;
use crate::large::{self, Large};
use crate::policy::{self, Policy};
use crate::report::{CheckError, Piece, Stats, inspect};
use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

/// Types that a heap is made for, of which it holds no value.
pub(crate) type Types<C, P, L> = PhantomData<fn() -> (C, P, L)>;

/// What is in a block may be uninitialised: a heap that is moved between two uses takes that along.
#[repr(C, align(256))]
struct Arena<const BYTES: usize>(UnsafeCell<MaybeUninit<[u8; BYTES]>>);

/// A heap of `BYTES` bytes, its tables included, ready without any call.
///
/// All of it is zero at the start, so it lies in `.bss` and costs no flash. A size that can't be one, or a
/// configuration that makes no sense, is a compile error in words.
///
/// | parameter | what it is | default |
/// |---|---|---|
/// | `BYTES` | 1 KiB to 16 MiB; tables take about 4 % from 64 KiB up, more of less. From 64 KiB up they lie before the pages, which makes calls shorter by a constant (three instructions on a Cortex-M3), and leaves up to 255 bytes unused | |
/// | `C` | classes, reserved pages and the hook: see [`Config`] | [`Defaults`] |
/// | `P` | how contexts enter the large tier: see [`policy`] | [`policy::Default`] |
/// | `L` | the large tier: see [`large`] | [`large::Segregated`] |
///
/// Time of a call through [`GlobalAlloc`]: a pooled one that needs no page is one read-modify-write and a few loads, in
/// the order of 50 instructions on a Cortex-M3; a large one, or a refill, is one visit of the large tier. `realloc`
/// copies, and `alloc_zeroed` fills, outside of any lock. Nothing panics; out of memory is null.
///
/// ```
/// use core::alloc::{GlobalAlloc, Layout};
/// use larder::{Defaults, Heap, large, policy};
///
/// static HEAP: Heap<{ 16 * 1024 }, Defaults, policy::Try> = Heap::new();
///
/// let layout = Layout::new::<[u32; 5]>();
/// // SAFETY: the layout's size is not zero, and the block is freed once, with the same layout.
/// unsafe {
///     let block = HEAP.alloc(layout);
///     assert!(HEAP.contains(block));
///     assert_eq!(HEAP.usable_size(block), 24); // the class of 20 bytes
///     HEAP.dealloc(block, layout);
/// }
/// HEAP.trim();
/// assert_eq!(HEAP.stats().free_runs, 1);
/// assert_eq!(HEAP.check(), Ok(()));
/// ```
///
/// ```compile_fail
/// static TOO_SMALL: larder::Heap<512> = larder::Heap::new(); // at least 1 KiB
/// ```
pub struct Heap<const BYTES: usize, C = Defaults, P = policy::Default, L = large::Segregated> {
    arena: Arena<BYTES>,
    types: Types<C, P, L>,
}

// SAFETY: everything in the arena is reached through atomics, inside the entry of the large tier, or through
// pointers to blocks that one owner has.
unsafe impl<const BYTES: usize, C: Config, P: Policy, L: Large> Sync for Heap<BYTES, C, P, L> {}

impl<const BYTES: usize, C: Config, P: Policy, L: Large> Heap<BYTES, C, P, L> {
    const MAP: Map = {
        assert!(BYTES >= Map::MIN_BYTES, "larder: the arena is too small: a heap needs at least 1 KiB");
        assert!(BYTES <= ARENA_MAX_BYTES, "larder: the arena is too large: a heap has at most 16 MiB");
        let () = C::VALID;
        let () = policy::is_named::<P>();
        match Map::of_static::<C, P, L>(BYTES) {
            Some(map) => {
                assert!(
                    C::RESERVED_PAGES <= map.pages,
                    "larder: more pages are reserved for classes than the pools can have"
                );
                map
            }
            None => panic!(
                "larder: the arena is too small for its tables: take more bytes, or fewer classes, kept pages or pages in the stash"
            ),
        }
    };

    /// An empty heap: all zeros.
    ///
    /// Make it a `static`. As a local variable it would lie on the stack, and must not move while a block is live.
    pub const fn new() -> Self {
        let _ = Self::MAP;
        Self { arena: Arena(UnsafeCell::new(MaybeUninit::zeroed())), types: PhantomData }
    }
}

impl<const BYTES: usize, C: Config, P: Policy, L: Large> Heap<BYTES, C, P, L> {
    #[inline(always)]
    fn extent(&self) -> Extent<Handle<BYTES, C, P, L>> {
        let arena = self.arena.0.get().cast::<u8>();
        let before = match Side::of_static::<C>(BYTES) {
            Side::Before => 0,
            Side::Behind => Self::MAP.ground as usize,
        };
        Extent(Handle(opaque(arena.wrapping_add(before)), PhantomData))
    }

    /// Counts what the heap holds. From any context, except that under `Spin` and `Patient` it waits like a large call.
    ///
    /// Time: O(pages + free runs + large blocks). The large tier is visited for one run at a time, so nobody else waits
    /// for the whole walk; if something changes meanwhile, [`Stats::consistent`] is `false`.
    ///
    /// ```
    /// static HEAP: larder::Heap<4096> = larder::Heap::new();
    /// let stats = HEAP.stats();
    /// assert_eq!(stats.arena_bytes, stats.metadata_bytes + stats.free_bytes);
    /// assert_eq!(stats.largest_free_bytes, stats.free_bytes);
    /// println!("{stats}");
    /// ```
    pub fn stats(&self) -> Stats {
        self.extent().stats()
    }

    /// Shows all of the arena, piece by piece and in order: pieces touch, the first begins where the arena does, and
    /// the last ends where it ends. From any context, except that under `Spin` and `Patient` it waits like a large
    /// call.
    ///
    /// Time: O(pages + free runs + large blocks). The large tier is visited for one run at a time, and `show` is called
    /// outside of it: it may use the heap. What changes during the walk, by `show` or others, is shown as it was found,
    /// or as [`Holds::Unknown`](crate::Holds::Unknown).
    ///
    /// Returns whether the large tier stayed as it was, so that pieces are those of one moment. (Which blocks of a page
    /// are live is as of the moment in which the page was shown.)
    ///
    /// ```
    /// use core::alloc::{GlobalAlloc, Layout};
    /// use larder::Holds;
    ///
    /// static HEAP: larder::Heap<4096> = larder::Heap::new();
    /// // SAFETY: the size is not zero; the block stays live.
    /// let block = unsafe { HEAP.alloc(Layout::new::<[u8; 60]>()) };
    ///
    /// let mut bytes = 0;
    /// let steady = HEAP.walk(|piece| {
    ///     bytes += piece.bytes;
    ///     if let Holds::Page { block_bytes, blocks, live } = piece.holds {
    ///         assert_eq!(piece.start, block.cast_const()); // the page's first block
    ///         assert_eq!((block_bytes, blocks.count_ones(), live), (64, 4, 1));
    ///     }
    /// });
    /// assert!(steady);
    /// assert_eq!(bytes, 4096);
    /// ```
    pub fn walk(&self, show: impl FnMut(Piece)) -> bool {
        self.extent().walk(show)
    }

    /// Gives every empty page and every deferred release back to the large tier, so that what is free is in as
    /// few pieces as it can be. No call is needed for that: a request that needs the memory gets it.
    ///
    /// Time: O(pages), and one visit for each page or release that is given back. While the large tier is held by a
    /// context that it can't wait for, pages go on the deferred list.
    pub fn trim(&self) {
        self.extent().trim();
    }

    /// Verifies every invariant of the heap. For tests, and for the field when nobody else uses the heap: what
    /// changes meanwhile is reported as damage that there is not.
    ///
    /// Time: O(pages × kept pages + runs). All runs are checked in a single visit, so under `CriticalSection`
    /// interrupts are masked for as long.
    ///
    /// # Errors
    ///
    /// The first invariant that does not hold, in words, and the page in which it does not.
    pub fn check(&self) -> Result<(), CheckError> {
        self.extent().check()
    }

    /// Whether an address lies in the part of the arena that is handed out, live or not. Time: O(1).
    pub fn contains(&self, ptr: *const u8) -> bool {
        self.extent().holds(ptr.cast_mut())
    }

    /// How many bytes the block occupies that starts at an address: at least what its layout says. 0: no live block
    /// starts there.
    ///
    /// [`dealloc`](GlobalAlloc::dealloc) and [`realloc`](GlobalAlloc::realloc) of this heap take a layout of that size
    /// for the block's own: what has no layout at hand, as C's `free`, makes one of it (`examples/c_malloc.rs`). To
    /// write more than the layout says of a block
    /// that a Rust type owns stays undefined behaviour.
    ///
    /// From any context, without a visit. A large block whose release was deferred counts as live until it is drained.
    /// Where another context changes at that moment what is at the address, and on targets other than ARM, 32-bit
    /// RISC-V and x86-64, 8 bytes behind the start of a free run, a number may be returned for what is no block.
    ///
    /// Time: O(1) for pooled blocks; for large ones, a load for each 256 bytes of the block.
    pub fn usable_size(&self, ptr: *const u8) -> usize {
        self.extent().occupied(ptr.cast_mut())
    }

    /// Frees a block; `false`: it was wrong.
    #[inline(always)]
    fn release(&self, ptr: *mut u8, layout: Layout) -> bool {
        self.extent().release(ptr, layout)
    }

    /// A block, or null, without asking the out-of-memory hook, and uncounted.
    fn attempt(&self, layout: Layout) -> *mut u8 {
        self.extent().allocate::<false>(layout)
    }

    /// Changes the size of a block likewise.
    ///
    /// # Safety
    ///
    /// As for `GlobalAlloc::realloc`.
    unsafe fn attempt_resize(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.extent().reallocate::<false>(ptr, layout, new_size) }
    }

    attempts!();
}

inspect!([const BYTES: usize, C: Config, P: Policy, L: Large] Heap<BYTES, C, P, L>);

impl<const BYTES: usize, C: Config, P: Policy, L: Large> Default for Heap<BYTES, C, P, L> {
    fn default() -> Self {
        Self::new()
    }
}

/// The handle of a static heap: the address of its tables.
struct Handle<const BYTES: usize, C, P, L>(*mut u8, Types<C, P, L>);

impl<const BYTES: usize, P, L, C> Clone for Handle<BYTES, C, P, L> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}
impl<const BYTES: usize, P, L, C> Copy for Handle<BYTES, C, P, L> {}

// SAFETY: the arena is `BYTES` zeroed bytes, aligned to a page, of a `Heap` that outlives the handle; the
// map is a constant for as many bytes, in which tables that lie in front are whole pages long.
unsafe impl<const BYTES: usize, C: Config, P: Policy, L: Large> Storage for Handle<BYTES, C, P, L> {
    type Policy = P;
    type Large = L;
    type Config = C;
    const PAGE_BITS: u32 = crate::pools::front::page_bits(Heap::<BYTES, C, P, L>::MAP.pages);

    #[inline(always)]
    fn tables(self) -> *mut u8 {
        self.0
    }

    #[inline(always)]
    fn map(self) -> Map {
        const { Heap::<BYTES, C, P, L>::MAP }
    }

    #[inline(always)]
    fn tables_place(self) -> i32 {
        let before = match Side::of_static::<C>(BYTES) {
            Side::Before => -(self.map().bytes as i32),
            Side::Behind => self.map().ground as i32,
        };
        before + GRANULE as i32
    }
}

// SAFETY: blocks come from the engine: disjoint, inside the arena, aligned, untouched while live. Nothing unwinds: no
// path panics while the invariants hold (with debug assertions, one that does not says so), and a hook that does
// aborts.
unsafe impl<const BYTES: usize, C: Config, P: Policy, L: Large> GlobalAlloc for Heap<BYTES, C, P, L> {
    #[inline(always)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.extent().allocate::<true>(layout)
    }

    #[inline(always)]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        self.release(ptr, layout);
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.extent().reallocate::<true>(ptr, layout, new_size) }
    }
}

const _: () = assert!(align_of::<Arena<1024>>() == PAGE_BYTES);

/// Keeps the compiler from knowing the address: everything else is then found by small offsets from one
/// register, instead of by one constant each, which costs instructions and flash.
#[inline(always)]
pub(crate) fn opaque(tables: *mut u8) -> *mut u8 {
    #[cfg(all(target_arch = "arm", not(miri)))]
    let mut tables = tables;
    #[cfg(all(target_arch = "arm", not(miri)))]
    // SAFETY: no instruction at all.
    #[allow(clippy::pointers_in_nomem_asm_block, reason = "the address is not followed")]
    unsafe {
        core::arch::asm!("/* {0} */", inout(reg) tables, options(pure, nomem, nostack, preserves_flags));
    }
    tables
}
