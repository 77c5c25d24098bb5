//! The heap under test.

use core::alloc::{GlobalAlloc, Layout};
use core::marker::PhantomData;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use larder::policy::Policy;
use larder::{CheckError, Inspect, Piece, Stats};
use larder_suite::{Door, Shape, Subject};

/// Small, so that it is soon full and quickly verified.
pub const ARENA_BYTES: usize = 4 * 1024;

/// What the binaries make their global allocator of.
pub type Heap<P> = larder::Heap<ARENA_BYTES, Swept, Door<Marked<P>>>;

/// So long that pages have numbers of 16 bits, and indexes two levels.
const LONG_BYTES: usize = 72 * 1024;

/// The same in a long arena, of which all but the last few pages is one block.
pub type Long<P> = Filled<larder::Heap<LONG_BYTES, Swept, Door<Marked<P>>>>;

/// Pages are kept and stashed, so that there is something to interrupt.
pub struct Swept;
impl larder::Config for Swept {
    const KEPT_PAGES: usize = 2;
    const STASH_PAGES: usize = 1;
}

static IS_INSIDE: AtomicBool = AtomicBool::new(false);

/// Whether somebody is in the large tier.
pub fn is_inside() -> bool {
    IS_INSIDE.load(Relaxed)
}

/// A policy that tells whether somebody is inside, and stops the run when two are.
pub struct Marked<P>(PhantomData<P>);

// SAFETY: the work runs when and only when the policy runs it.
unsafe impl<P: Policy> Policy for Marked<P> {
    type Lock = P::Lock;

    #[inline(always)]
    fn enter<R>(lock: &Self::Lock, work: impl FnOnce() -> R) -> Option<R> {
        P::enter(lock, || {
            assert!(!is_inside(), "two contexts are in the large tier");
            IS_INSIDE.store(true, Relaxed);
            let result = work();
            IS_INSIDE.store(false, Relaxed);
            result
        })
    }
}

static DEPTH: AtomicU32 = AtomicU32::new(0);

/// How many contexts are in the middle of a call, one interrupting the other.
pub fn depth() -> u32 {
    DEPTH.load(Relaxed)
}

/// A heap whose calls are counted. For contexts that interrupt each other: one that comes later ends earlier.
pub struct Counted<H>(pub H);

impl<H> Counted<H> {
    fn during<R>(call: impl FnOnce() -> R) -> R {
        let outside = DEPTH.load(Relaxed);
        DEPTH.store(outside + 1, Relaxed);
        let result = call();
        DEPTH.store(outside, Relaxed);
        result
    }
}

// SAFETY: every call goes to the heap as it is.
unsafe impl<H: GlobalAlloc> GlobalAlloc for Counted<H> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        Self::during(|| unsafe { self.0.alloc(layout) })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        Self::during(|| unsafe { self.0.dealloc(block, layout) });
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        Self::during(|| unsafe { self.0.realloc(block, layout, new_size) })
    }
}

/// A heap of which one block takes all but about [`ARENA_BYTES`]: as soon full, and as quickly verified, as a short one.
#[repr(transparent)]
pub struct Filled<H>(pub H);

/// How long that block is.
static FILLING_BYTES: AtomicU32 = AtomicU32::new(0);

impl<H: Inspect> Filled<H> {
    /// Figures without that block.
    fn rest(mut stats: Stats) -> Stats {
        let filling = FILLING_BYTES.load(Relaxed) as usize;
        stats.live_bytes -= filling;
        stats.live_large_bytes -= filling;
        stats
    }
}

// SAFETY: every call goes to the heap as it is.
unsafe impl<H: GlobalAlloc> GlobalAlloc for Filled<H> {
    #[inline(always)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.0.alloc(layout) }
    }

    #[inline(always)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { self.0.dealloc(block, layout) };
    }

    #[inline(always)]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.0.realloc(block, layout, new_size) }
    }
}

impl<H: Subject> Subject for Filled<H> {
    fn begin(&self) {
        let free = self.0.stats().free_bytes;
        let filling = Layout::from_size_align(free - ARENA_BYTES, 8).expect("a layout");
        // SAFETY: the size is not zero. The block is never freed: the next run begins with a heap of zeros.
        let block = unsafe { self.0.alloc(filling) };
        assert!(!block.is_null(), "a new heap has no room");
        FILLING_BYTES.store(self.0.stats().live_bytes as u32, Relaxed);
    }

    fn shape(&self) -> Shape {
        self.0.shape()
    }
}

impl<H: Inspect> Inspect for Filled<H> {
    fn stats(&self) -> Stats {
        Self::rest(self.0.stats())
    }

    fn trim(&self) {
        self.0.trim();
    }

    fn contains(&self, block: *const u8) -> bool {
        self.0.contains(block)
    }

    fn usable_size(&self, block: *const u8) -> usize {
        self.0.usable_size(block)
    }

    fn check(&self) -> Result<(), CheckError> {
        self.0.check()
    }

    fn walk(&self, show: &mut dyn FnMut(Piece)) -> bool {
        self.0.walk(show)
    }

    unsafe fn try_dealloc(&self, block: *mut u8, layout: Layout) -> bool {
        // SAFETY: passed on.
        unsafe { self.0.try_dealloc(block, layout) }
    }
}

/// Makes the heap what it was at the start: all zeros.
///
/// # Safety
///
/// The subject is a `Heap` or a `Small`, nobody is in it, and no block of it will be used any more.
pub unsafe fn reset(heap: &'static dyn Subject) {
    let arena = core::ptr::from_ref(heap).cast::<u8>().cast_mut();
    // SAFETY: a heap is one arena inside an `UnsafeCell`, and zeros are its first value.
    unsafe { arena.write_bytes(0, size_of_val(heap)) };
}
