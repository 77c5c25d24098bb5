use super::Observer;
use crate::sync::{AtomicU32, Ordering::*};
use core::alloc::Layout;

/// Counts live bytes, as requested, and the most that they ever were: to choose how large an arena has to be. Exact,
/// also while several contexts use the heap; while `realloc` moves a block, it counts with its new size alone.
///
/// Cost: one or two read-modify-writes a call, and 8 bytes. Both numbers wrap at 4 GiB.
///
/// ```
/// use core::alloc::{GlobalAlloc, Layout};
/// use larder::observe::{Live, Observed};
///
/// static HEAP: Observed<larder::Heap<4096>, Live> = Observed::new(larder::Heap::new(), Live::new());
/// let layout = Layout::new::<[u8; 100]>();
/// // SAFETY: the size is not zero; the block is freed once, with its layout.
/// unsafe {
///     let block = HEAP.alloc(layout);
///     HEAP.dealloc(block, layout);
/// }
/// assert_eq!((HEAP.observer().bytes(), HEAP.observer().peak_bytes()), (0, 100));
/// ```
#[derive(Default)]
pub struct Live {
    now: AtomicU32,
    peak: AtomicU32,
}

impl Live {
    /// Nothing is live yet.
    #[cfg(not(all(test, loom)))]
    pub const fn new() -> Self {
        Self { now: AtomicU32::new(0), peak: AtomicU32::new(0) }
    }

    /// How many bytes are live.
    pub fn bytes(&self) -> usize {
        self.now.load(Relaxed) as usize
    }

    /// The most that ever were.
    pub fn peak_bytes(&self) -> usize {
        self.peak.load(Relaxed) as usize
    }

    fn change(&self, less: usize, more: usize) {
        let change = (more as u32).wrapping_sub(less as u32);
        let now = self.now.fetch_add(change, Relaxed).wrapping_add(change);
        let mut peak = self.peak.load(Relaxed);
        while more > less && now > peak {
            match self.peak.compare_exchange_weak(peak, now, Relaxed, Relaxed) {
                Ok(_) => return,
                Err(seen) => peak = seen,
            }
        }
    }
}

impl Observer for Live {
    #[inline]
    unsafe fn allocated(&self, _: *mut u8, layout: Layout, _: *mut u8) {
        self.change(0, layout.size());
    }

    #[inline]
    fn freed(&self, _: *mut u8, layout: Layout, right: bool) {
        if right {
            self.change(layout.size(), 0);
        }
    }

    #[inline]
    unsafe fn resized(&self, _: *mut u8, layout: Layout, new: *mut u8, new_size: usize, _: *mut u8) {
        if !new.is_null() {
            self.change(layout.size(), new_size);
        }
    }
}
