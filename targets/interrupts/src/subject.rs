//! The heap under test.

use core::alloc::{GlobalAlloc, Layout};
use core::marker::PhantomData;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use larder::policy::Policy;
use larder_suite::{Door, Subject};

/// Small, so that it is soon full and quickly verified.
pub const ARENA_BYTES: usize = 4 * 1024;

/// What the binaries make their global allocator of.
pub type Heap<P> = larder::Heap<ARENA_BYTES, Door<Marked<P>>, larder::large::Segregated, Swept>;

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
