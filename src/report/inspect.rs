use super::{CheckError, Piece, Stats};
use core::alloc::{GlobalAlloc, Layout};

/// What every heap can tell, and do, besides allocating: for code that is given any of them. Each heap has methods of
/// the same names, so that a program which names its heap needs no import.
///
/// ```
/// use core::alloc::Layout;
/// use larder::{Heap, Inspect, Small};
///
/// static HEAP: Heap<4096> = Heap::new();
/// static SMALL: Small<4096> = Small::new();
///
/// fn in_use(heap: &dyn Inspect) -> usize {
///     heap.stats().live_bytes
/// }
/// for heap in [&HEAP as &dyn Inspect, &SMALL] {
///     let layout = Layout::new::<[u8; 24]>();
///     // SAFETY: the size is not zero; the block is freed once, with its layout, and then once more, which is wrong.
///     unsafe {
///         let block = heap.alloc(layout);
///         assert_eq!(in_use(heap), 24);
///         assert!(heap.try_dealloc(block, layout));
///         assert!(!heap.try_dealloc(block, layout));
///     }
///     assert_eq!(in_use(heap), 0);
/// }
/// ```
pub trait Inspect: GlobalAlloc {
    /// Counts what the heap holds: see [`Heap::stats`](crate::Heap::stats).
    fn stats(&self) -> Stats;

    /// Shows all of the heap, piece by piece, and returns whether the pieces are those of one moment: see
    /// [`Heap::walk`](crate::Heap::walk).
    fn walk(&self, show: &mut dyn FnMut(Piece)) -> bool;

    /// Verifies the heap, while nobody uses it: see [`Heap::check`](crate::Heap::check).
    ///
    /// # Errors
    ///
    /// The first invariant that does not hold.
    fn check(&self) -> Result<(), CheckError>;

    /// Gives back what is held for later: see [`Heap::trim`](crate::Heap::trim). A [`Small`](crate::Small) holds
    /// nothing.
    fn trim(&self);

    /// Whether an address lies where blocks do: see [`Heap::contains`](crate::Heap::contains).
    fn contains(&self, ptr: *const u8) -> bool;

    /// How many bytes the block at an address occupies, 0 for none: see
    /// [`Heap::usable_size`](crate::Heap::usable_size).
    fn usable_size(&self, ptr: *const u8) -> usize;

    /// As [`dealloc`](GlobalAlloc::dealloc). `false`: the heap found that it was wrong. Then nothing has changed, but
    /// that the wrong free was counted and told.
    ///
    /// # Safety
    ///
    /// That of `dealloc`, but for what the heap finds: the table of wrong frees, in the crate's documentation, says
    /// what that is.
    /// - The block was allocated by this heap, and is live.
    /// - `layout` is the one that it was allocated with, at its present size.
    unsafe fn try_dealloc(&self, ptr: *mut u8, layout: Layout) -> bool;
}

/// The trait, for a heap that has methods of the same names, and `release`.
#[cfg_attr(test, allow(unused_macros, reason = "tests compile parts of the library"))]
macro_rules! inspect {
    ([$($parameters:tt)*] $heap:ty) => {
        impl<$($parameters)*> crate::Inspect for $heap {
            fn stats(&self) -> crate::Stats {
                <$heap>::stats(self)
            }
            fn walk(&self, show: &mut dyn FnMut(crate::Piece)) -> bool {
                <$heap>::walk(self, show)
            }
            fn check(&self) -> Result<(), crate::CheckError> {
                <$heap>::check(self)
            }
            fn trim(&self) {
                <$heap>::trim(self);
            }
            fn contains(&self, ptr: *const u8) -> bool {
                <$heap>::contains(self, ptr)
            }
            fn usable_size(&self, ptr: *const u8) -> usize {
                <$heap>::usable_size(self, ptr)
            }
            #[inline]
            unsafe fn try_dealloc(&self, ptr: *mut u8, layout: core::alloc::Layout) -> bool {
                self.release(ptr, layout)
            }
        }
    };
}

#[cfg_attr(test, allow(unused_imports, reason = "as above"))]
pub(crate) use inspect;
