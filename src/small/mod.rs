//! The smallest heap: one table, no tiers, no lock.

mod calls;
mod census;
mod granules;

pub(crate) use self::granules::{Blocks, Granules, WORD_GRANULES};
use crate::config::geometry::{ARENA_MAX_BYTES, GRANULE_BYTES};
use crate::config::{Config, Defaults, Table};
use crate::extent::map::Map;
use crate::heap::attempts::attempts;
use crate::heap::opaque;
use crate::report::{CheckError, Piece, Stats, inspect};
use crate::sync::AtomicU32;
use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

/// Lengths of blocks, in granules, for which it is kept where to search: 1 to 8, and none that is 0.
const HINTS: usize = 9;

/// The words of a small heap that are not its table. All zeros is their first value.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Header {
    /// Where the search for a number of granules begins.
    pub(crate) hints: [AtomicU32; HINTS],
    /// Counters: they start at 0, only grow, and wrap.
    refused: AtomicU32,
    wrong_frees: AtomicU32,
    /// Runs of the out-of-memory hook: see `emergency`.
    rescues: AtomicU32,
}

/// A heap of `BYTES` bytes for programs where code size matters most and no interrupt may wait: about 1 KiB of flash,
/// where a [`Heap`](crate::Heap) has 4 to 7, and *no call masks an interrupt, takes a lock or waits*, whatever its
/// size. In return, the time of an allocation grows with the arena.
///
/// All of it is zero at the start, so it lies in `.bss`. Blocks are multiples of 8 bytes without a header; the table
/// has two bits for each 8 bytes (3 % of the arena). Requests are served from the first run that is long enough, those
/// of up to 64 bytes from where such a run was last seen.
///
/// | parameter | what it is | default |
/// |---|---|---|
/// | `BYTES` | 1 KiB to 16 MiB; fast up to about 32 KiB | |
/// | `C` | of a [`Config`], the hooks: [`ON_EVENT`](Config::ON_EVENT) and [`ON_OUT_OF_MEMORY`](Config::ON_OUT_OF_MEMORY). The rest is for heaps that have pools, and does nothing here | [`Defaults`] |
///
/// From every context (thread, interrupt handler, NMI, another core), every call is the same: it masks nothing and
/// never waits. What another context does in the middle of a call only costs it another try. That is with
/// compare-and-swap: on targets without, each step of a call is a critical section of the binary's, a few instructions
/// long, and NMI and fault handlers must not use the heap.
///
/// | call | time |
/// |---|---|
/// | `alloc` | O(`BYTES`): at most two searches, of some 10 instructions for each 128 bytes of arena where nothing is free, of up to 50 where something is; once more for each time that another context takes what was found |
/// | `dealloc` | O(size): some 30 instructions for each 128 bytes |
/// | `realloc` | both, and a copy if the block can't grow where it is; a block that shrinks stays |
///
/// Figures are in `benches/results`. Out of memory is null. An alignment of more than 8 needs a run that is longer by
/// it.
///
/// Rarely, a request is refused, or a block moved that could have grown, although there is memory, while another
/// context is in the middle of another request: for a block that reaches across a multiple of 128 bytes of the arena,
/// it may have a part that it gives back because the next is taken, or get one that stands behind another's part, where
/// it leaves too little. When no other is in a call, all that is free is found.
///
/// **Wrong frees** are counted, told, and change nothing: a second free, an address inside a block or of no block at
/// all, a layout whose size is not the block's (rounded up to 8). Not found: a late second free whose block has a new
/// owner of the same size, and one that another context commits at the same time, if the block gets a new owner in
/// between.
///
/// ```
/// use core::alloc::{GlobalAlloc, Layout};
/// use larder::Small;
///
/// static HEAP: Small<{ 16 * 1024 }> = Small::new();
///
/// let layout = Layout::new::<[u8; 30]>();
/// // SAFETY: the layout's size is not zero, and the block is freed once, with the same layout.
/// unsafe {
///     let block = HEAP.alloc(layout);
///     assert!(HEAP.contains(block));
///     assert_eq!(HEAP.stats().live_bytes, 32);
///     HEAP.dealloc(block, layout);
///
///     HEAP.dealloc(block, layout); // wrong: it is free
///     assert_eq!(HEAP.stats().wrong_frees, 1);
/// }
/// assert_eq!(HEAP.stats().free_runs, 1);
/// assert_eq!(HEAP.check(), Ok(()));
/// ```
///
/// ```compile_fail
/// static TOO_SMALL: larder::Small<512> = larder::Small::new(); // at least 1 KiB
/// ```
pub struct Small<const BYTES: usize, C = Defaults> {
    arena: Arena<BYTES>,
    config: PhantomData<fn() -> C>,
}

/// As that of `Heap`.
#[repr(C, align(8))]
struct Arena<const BYTES: usize>(UnsafeCell<MaybeUninit<[u8; BYTES]>>);

// SAFETY: header and table are reached through atomics, blocks by their owners.
unsafe impl<const BYTES: usize, C: Config> Sync for Small<BYTES, C> {}

impl<const BYTES: usize, C: Config> Small<BYTES, C> {
    /// How many granules have room, with header and table. One more has a state: what is behind the last block does not
    /// go on.
    const GRANULES: usize = {
        assert!(BYTES >= Map::MIN_BYTES, "larder: the arena is too small: a heap needs at least 1 KiB");
        assert!(BYTES <= ARENA_MAX_BYTES, "larder: the arena is too large: a heap has at most 16 MiB");
        let () = C::VALID;
        let rest = BYTES - Self::HEADER_BYTES;
        let mut granules = rest / GRANULE_BYTES;
        while granules * GRANULE_BYTES + (granules / WORD_GRANULES + 1) * size_of::<AtomicU32>() > rest {
            granules -= 1;
        }
        granules
    };

    /// The header, and behind it the word of `events`, if the program has a hook.
    const HEADER_BYTES: usize = size_of::<Header>() + if C::TELLS { size_of::<AtomicU32>() } else { 0 };

    /// Header and table, and what is left over.
    const TABLES_BYTES: usize = BYTES - Self::GRANULES * GRANULE_BYTES;

    /// An empty heap: all zeros.
    ///
    /// Make it a `static`. As a local variable it would lie on the stack, and must not move while a block is live.
    pub const fn new() -> Self {
        let _ = Self::GRANULES;
        Self { arena: Arena(UnsafeCell::new(MaybeUninit::zeroed())), config: PhantomData }
    }

    #[inline]
    fn blocks(&self) -> Blocks<Handle<BYTES, C>> {
        let arena = self.arena.0.get().cast::<u8>();
        Blocks(Handle(opaque(arena.wrapping_add(Self::GRANULES * GRANULE_BYTES)), PhantomData))
    }

    /// Counts what the heap holds. From any context.
    ///
    /// Time: O(`BYTES`). What changes meanwhile makes [`Stats::consistent`] false, unless it changes back.
    ///
    /// There are no classes, all that is live counts as large, nothing is ever deferred, and the peak of committed
    /// bytes is not kept.
    ///
    /// ```
    /// static HEAP: larder::Small<4096> = larder::Small::new();
    /// let stats = HEAP.stats();
    /// assert_eq!(stats.arena_bytes, stats.metadata_bytes + stats.free_bytes);
    /// assert_eq!(stats.largest_free_bytes, stats.free_bytes);
    /// println!("{stats}");
    /// ```
    pub fn stats(&self) -> Stats {
        self.blocks().stats(Self::TABLES_BYTES)
    }

    /// Shows all of the arena, piece by piece and in order, as [`Heap::walk`](crate::Heap::walk) does: live blocks are
    /// [`Holds::Large`](crate::Holds::Large). From any context; `show` may use the heap.
    ///
    /// Time: O(`BYTES`). Returns whether nothing changed meanwhile, or all of it changed back.
    ///
    /// ```
    /// use larder::{Holds, Small};
    ///
    /// static HEAP: Small<4096> = Small::new();
    /// // SAFETY: the size is not zero; the block stays live.
    /// let block = unsafe { core::alloc::GlobalAlloc::alloc(&HEAP, core::alloc::Layout::new::<[u8; 60]>()) };
    /// let mut pieces = Vec::new();
    /// assert!(HEAP.walk(|piece| pieces.push(piece)));
    /// assert_eq!((pieces[0].start, pieces[0].bytes, pieces[0].holds), (block.cast_const(), 64, Holds::Large));
    /// assert_eq!((pieces[1].holds, pieces[2].holds, pieces.len()), (Holds::Free, Holds::Tables, 3));
    /// ```
    pub fn walk(&self, show: impl FnMut(Piece)) -> bool {
        self.blocks().walk(Self::TABLES_BYTES, show)
    }

    /// Verifies the whole table. For tests, and for the field when nobody else uses the heap: a call that is going on
    /// is reported as damage that there is not.
    ///
    /// Time: O(`BYTES`).
    ///
    /// # Errors
    ///
    /// What does not hold, in words. The page is that of 256 bytes in which it does not, counted from 1.
    pub fn check(&self) -> Result<(), CheckError> {
        self.blocks().check()
    }

    /// Whether an address lies in the part of the arena that is handed out, live or not. Time: O(1).
    pub fn contains(&self, ptr: *const u8) -> bool {
        self.blocks().contains(ptr.cast_mut())
    }

    /// How many bytes the block occupies that starts at an address: what its layout says, rounded up to 8. 0: no live
    /// block starts there.
    ///
    /// [`dealloc`](GlobalAlloc::dealloc) and [`realloc`](GlobalAlloc::realloc) of this heap take a layout of that size
    /// for the block's own, as those of a [`Heap`](crate::Heap::usable_size) do. From any context.
    ///
    /// Time: a load for each 128 bytes of the block.
    pub fn usable_size(&self, ptr: *const u8) -> usize {
        self.blocks().occupied(ptr.cast_mut())
    }

    /// There is nothing to give back: as [`Heap::trim`](crate::Heap::trim), for code that takes any heap.
    pub fn trim(&self) {}

    /// Frees a block; `false`: it was wrong.
    #[inline]
    fn release(&self, ptr: *mut u8, layout: Layout) -> bool {
        self.blocks().deallocate(ptr, layout)
    }

    /// A block, or null, without asking the out-of-memory hook, and uncounted.
    fn attempt(&self, layout: Layout) -> *mut u8 {
        self.blocks().allocate::<false>(layout)
    }

    /// Changes the size of a block likewise.
    ///
    /// # Safety
    ///
    /// As for `GlobalAlloc::realloc`.
    unsafe fn attempt_resize(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.blocks().reallocate::<false>(ptr, layout, new_size) }
    }

    attempts!();
}

inspect!([const BYTES: usize, C: Config] Small<BYTES, C>);

impl<const BYTES: usize, C: Config> Default for Small<BYTES, C> {
    fn default() -> Self {
        Self::new()
    }
}

/// The handle of a small heap: the address of its header, which stands between granules and table.
struct Handle<const BYTES: usize, C>(*mut u8, PhantomData<fn() -> C>);

impl<const BYTES: usize, C> Clone for Handle<BYTES, C> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}
impl<const BYTES: usize, C> Copy for Handle<BYTES, C> {}

impl<const BYTES: usize, C: Config> Granules for Handle<BYTES, C> {
    type Config = C;

    #[inline]
    fn count(self) -> usize {
        Small::<BYTES, C>::GRANULES
    }

    #[inline]
    fn header<'a>(self) -> &'a Header
    where
        Self: 'a,
    {
        // SAFETY: behind the granules and aligned as they are, zeroed or written through it, in a `Small` that outlives
        // the handle; all of it is atomics.
        unsafe { &*self.0.cast::<Header>() }
    }

    #[inline]
    fn word<'a>(self, at: usize) -> &'a AtomicU32
    where
        Self: 'a,
    {
        debug_assert!(at <= self.count() / WORD_GRANULES);
        // SAFETY: the table lies behind the header and has that many words, of which nothing but atomics is made.
        unsafe { &*self.0.add(Small::<BYTES, C>::HEADER_BYTES).cast::<AtomicU32>().add(at) }
    }

    #[inline]
    fn events<'a>(self) -> &'a AtomicU32
    where
        Self: 'a,
    {
        debug_assert!(C::TELLS);
        // SAFETY: the word behind the header, where it is asked for; as above. Otherwise the table's first, and nobody
        // looks.
        unsafe { &*self.0.add(size_of::<Header>()).cast::<AtomicU32>() }
    }

    #[inline]
    fn base(self) -> *mut u8 {
        self.0.wrapping_sub(self.count() * GRANULE_BYTES)
    }
}

// SAFETY: blocks are granules that one claim got: disjoint, inside the arena, aligned, untouched while live. Nothing
// unwinds: no path panics while the invariants hold (with debug assertions, one that does not says so), and a hook that
// does aborts.
unsafe impl<const BYTES: usize, C: Config> GlobalAlloc for Small<BYTES, C> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.blocks().allocate::<true>(layout)
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        self.blocks().deallocate(ptr, layout);
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.blocks().reallocate::<true>(ptr, layout, new_size) }
    }
}

const _: () = assert!(align_of::<Header>() <= align_of::<Arena<1024>>());
