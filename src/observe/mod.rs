//! Code that sees every call of a heap: what counts, tags or traces is an [`Observer`].
//!
//! ```
//! use larder::observe::{Live, Observed};
//!
//! #[global_allocator]
//! static HEAP: Observed<larder::Heap<{ 64 * 1024 }>, Live> = Observed::new(larder::Heap::new(), Live::new());
//!
//! fn main() {
//!     let text = String::from("counted to the byte");
//!     assert!(HEAP.observer().peak_bytes() >= text.len());
//!     println!("{}", HEAP.heap().stats());
//! }
//! ```
//!
//! A heap that is not [`Observed`] has nothing of this: no instruction and no byte.

mod holders;
mod live;
mod snapshot;
mod tag;
mod traced;

pub use holders::{Holders, Mark};
pub use live::Live;
pub use snapshot::{Change, Count, Difference, Holder, Snapshot};
#[cfg(not(all(test, loom)))]
pub use tag::TAG;
pub use tag::{Scope, Slot, Tagged};
pub use traced::Traced;

use crate::config::geometry::GRANULE_BYTES;
use crate::report::{CheckError, Inspect, Piece, Stats};
use core::alloc::{GlobalAlloc, Layout};

/// Sees what is asked of a heap, and what became of it. Every method is called in the context of the call: a thread, an
/// interrupt handler, any core; several at a time. Must not unwind, and must not use the heap that it observes: it
/// would recurse.
///
/// Sizes are those of the program's layouts, without [`EXTRA_BYTES`](Observer::EXTRA_BYTES). A block begins where it
/// does for the program.
///
/// # Safety
///
/// The unsafe methods are for [`Observed`] to call, which promises:
/// - `extra` leads to `EXTRA_BYTES` bytes, aligned to 8, in the memory of the heap; or, of what may be no block, it is
///   null.
/// - Of a block that is the caller's, nobody else uses these bytes during the call.
///
/// ```
/// use core::alloc::Layout;
/// use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
/// use larder::observe::{Observed, Observer};
///
/// /// Counts requests that were refused.
/// struct Refusals(AtomicUsize);
///
/// impl Observer for Refusals {
///     fn refused(&self, _: Layout) {
///         self.0.fetch_add(1, Relaxed);
///     }
/// }
///
/// static HEAP: Observed<larder::Heap<4096>, Refusals> =
///     Observed::new(larder::Heap::new(), Refusals(AtomicUsize::new(0)));
///
/// // SAFETY: the size is not zero.
/// assert!(unsafe { std::alloc::GlobalAlloc::alloc(&HEAP, Layout::new::<[u8; 5000]>()) }.is_null());
/// assert_eq!(HEAP.observer().0.load(Relaxed), 1);
/// ```
pub trait Observer: Sync {
    /// How many bytes every block has besides, for the observer alone: for a tag, or a red zone. They lie behind the
    /// block, at the next multiple of 8, and hold anything at first. The methods that are told of a block get a pointer
    /// to them; of what is no block, because a free is wrong, it is null or leads to other bytes of the heap's memory.
    const EXTRA_BYTES: usize = 0;

    /// A request was served. `extra` is where the observer's bytes begin.
    ///
    /// # Safety
    ///
    /// See the trait.
    unsafe fn allocated(&self, block: *mut u8, layout: Layout, extra: *mut u8) {
        let _ = (block, layout, extra);
    }

    /// A request was refused, after the out-of-memory hook, if there is one.
    fn refused(&self, layout: Layout) {
        let _ = layout;
    }

    /// A block is about to be freed. `false` keeps it: nothing is freed, and nothing counted. Whether the free is right
    /// is not certain yet.
    ///
    /// # Safety
    ///
    /// See the trait.
    unsafe fn may_free(&self, block: *mut u8, layout: Layout, extra: *mut u8) -> bool {
        let _ = (block, layout, extra);
        true
    }

    /// The block was freed, and may be another's by now; or, if that is not `right`, the heap found that it was none.
    fn freed(&self, block: *mut u8, layout: Layout, right: bool) {
        let _ = (block, layout, right);
    }

    /// A block is about to change its size. As `may_free`; `false`: the call returns null.
    ///
    /// # Safety
    ///
    /// See the trait.
    unsafe fn may_resize(&self, block: *mut u8, layout: Layout, new_size: usize, extra: *mut u8) -> bool {
        let _ = (block, layout, new_size, extra);
        true
    }

    /// The block of that layout has another size now, and may lie elsewhere; null: the request was refused, or the
    /// block was none. `extra` is where the observer's bytes are now: of the new block, in which they have to be
    /// written anew, or of the old one, if `new` is null.
    ///
    /// # Safety
    ///
    /// See the trait.
    unsafe fn resized(&self, block: *mut u8, layout: Layout, new: *mut u8, new_size: usize, extra: *mut u8) {
        let _ = (block, layout, new, new_size, extra);
    }
}

/// A heap whose every call an [`Observer`] sees: the heap's calls, and as many of the observer's.
pub struct Observed<H, O> {
    heap: H,
    observer: O,
}

impl<H, O> Observed<H, O> {
    /// Both, unused.
    pub const fn new(heap: H, observer: O) -> Self {
        Self { heap, observer }
    }

    /// The heap, for its statistics. Blocks are to be allocated and freed through `self`.
    pub const fn heap(&self) -> &H {
        &self.heap
    }

    /// The observer.
    pub const fn observer(&self) -> &O {
        &self.observer
    }
}

/// Where the extra bytes of a block of that size begin, from its start.
#[inline]
fn before_extra(size: usize) -> usize {
    size.next_multiple_of(GRANULE_BYTES)
}

impl<H: Inspect, O: Observer> Observed<H, O> {
    /// The size of a block with the extra bytes; `None`: there is no such layout.
    #[inline]
    fn wide_size(size: usize, align: usize) -> Option<usize> {
        if O::EXTRA_BYTES == 0 {
            return Some(size);
        }
        let wide = size.checked_next_multiple_of(GRANULE_BYTES)?.checked_add(O::EXTRA_BYTES)?;
        Layout::from_size_align(wide, align).is_ok().then_some(wide)
    }

    /// The layout with the extra bytes.
    #[inline]
    fn wide(layout: Layout) -> Option<Layout> {
        let size = Self::wide_size(layout.size(), layout.align())?;
        // SAFETY: that there is such a layout was verified, or it is the caller's own.
        Some(unsafe { Layout::from_size_align_unchecked(size, layout.align()) })
    }

    /// Where the extra bytes of a block are that the program names; null: outside of the heap.
    #[inline]
    fn extra(&self, block: *mut u8, size: usize) -> *mut u8 {
        let extra = block.wrapping_add(before_extra(size));
        let is_inside = |offset: usize| self.heap.contains(extra.wrapping_add(offset));
        if O::EXTRA_BYTES == 0 || is_inside(0) && is_inside(O::EXTRA_BYTES - 1) { extra } else { core::ptr::null_mut() }
    }

    #[inline]
    fn serve(&self, layout: Layout, alloc: impl FnOnce(Layout) -> *mut u8) -> *mut u8 {
        let block = Self::wide(layout).map_or(core::ptr::null_mut(), alloc);
        if block.is_null() {
            self.observer.refused(layout);
        } else {
            let extra = block.wrapping_add(before_extra(layout.size()));
            // SAFETY: the block is the caller's, and has the extra bytes.
            unsafe { self.observer.allocated(block, layout, extra) };
        }
        block
    }
}

// SAFETY: blocks are the heap's. Each is asked for, resized and freed with the size that `wide` gives, which depends on
// the program's layout alone.
unsafe impl<H: Inspect, O: Observer> GlobalAlloc for Observed<H, O> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on; a wider layout's size is not zero either.
        self.serve(layout, |wide| unsafe { self.heap.alloc(wide) })
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        self.serve(layout, |wide| unsafe { self.heap.alloc_zeroed(wide) })
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { self.try_dealloc(ptr, layout) };
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let sizes = (Self::wide(layout), Self::wide_size(new_size, layout.align()));
        let extra = self.extra(ptr, layout.size());
        let (Some(wide), Some(new_wide)) = sizes else { return core::ptr::null_mut() };
        // SAFETY: `extra` says whether the bytes are the heap's.
        if !unsafe { self.observer.may_resize(ptr, layout, new_size, extra) } {
            return core::ptr::null_mut();
        }
        // SAFETY: passed on: the block was allocated with the wide layout.
        let new = unsafe { self.heap.realloc(ptr, wide, new_wide) };
        let extra = if new.is_null() { extra } else { new.wrapping_add(before_extra(new_size)) };
        // SAFETY: the same, or they are those of the new block.
        unsafe { self.observer.resized(ptr, layout, new, new_size, extra) };
        new
    }
}

impl<H: Inspect, O: Observer> Inspect for Observed<H, O> {
    fn stats(&self) -> Stats {
        self.heap.stats()
    }
    fn walk(&self, show: &mut dyn FnMut(Piece)) -> bool {
        self.heap.walk(show)
    }
    fn check(&self) -> Result<(), CheckError> {
        self.heap.check()
    }
    fn trim(&self) {
        self.heap.trim();
    }
    fn contains(&self, ptr: *const u8) -> bool {
        self.heap.contains(ptr)
    }
    /// Without the observer's bytes. An observer that has some finds them by the program's layout: with one, a program
    /// writes no more than that says, and frees with that alone.
    fn usable_size(&self, ptr: *const u8) -> usize {
        self.heap.usable_size(ptr).saturating_sub(O::EXTRA_BYTES)
    }
    #[inline]
    unsafe fn try_dealloc(&self, ptr: *mut u8, layout: Layout) -> bool {
        let Some(wide) = Self::wide(layout) else { return false };
        // SAFETY: `extra` says whether the bytes are the heap's.
        if !unsafe { self.observer.may_free(ptr, layout, self.extra(ptr, layout.size())) } {
            return false;
        }
        // SAFETY: passed on: the block was allocated with the wide layout.
        let right = unsafe { self.heap.try_dealloc(ptr, wide) };
        self.observer.freed(ptr, layout, right);
        right
    }
}
