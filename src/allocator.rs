//! Heaps for single collections: the trait `Allocator`, as the crate `allocator-api2` has it.

use allocator_api2::alloc::{AllocError, Allocator};
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{NonNull, without_provenance_mut};

/// A block of exactly the layout's size, so that whatever the caller frees it with has that; or one of 0 bytes, of
/// which the heap knows nothing.
#[inline]
fn allocate(layout: Layout, alloc: impl FnOnce(Layout) -> *mut u8) -> Result<NonNull<[u8]>, AllocError> {
    let block = if layout.size() == 0 { without_provenance_mut(layout.align()) } else { alloc(layout) };
    slice(block, layout.size())
}

fn slice(block: *mut u8, size: usize) -> Result<NonNull<[u8]>, AllocError> {
    NonNull::new(block).map(|block| NonNull::slice_from_raw_parts(block, size)).ok_or(AllocError)
}

/// Changes the size of a block: where it is, if it is aligned so.
///
/// # Safety
///
/// That of `Allocator::grow`, or of `Allocator::shrink`.
unsafe fn resize<H: GlobalAlloc>(
    heap: &H,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Result<NonNull<[u8]>, AllocError> {
    if old.size() == 0 {
        // SAFETY: `allocate` asks only for a layout that is not of 0 bytes.
        return allocate(new, |layout| unsafe { heap.alloc(layout) });
    }
    if new.size() == 0 {
        // SAFETY: the block is live, and this is its layout.
        unsafe { heap.dealloc(block.as_ptr(), old) };
        return slice(without_provenance_mut(new.align()), 0);
    }
    if block.addr().get() % new.align() == 0 {
        // SAFETY: the size is that of the live block, and the new one is not 0. The block has the alignment too that it
        // shall have from now on, and our heaps look at that only when they move it.
        let resized = unsafe {
            let layout = Layout::from_size_align_unchecked(old.size(), new.align());
            heap.realloc(block.as_ptr(), layout, new.size())
        };
        return slice(resized, new.size());
    }
    // SAFETY: the size is not 0.
    let moved = slice(unsafe { heap.alloc(new) }, new.size())?;
    // SAFETY: both blocks are the caller's, disjoint, and so long; the old one is live, and this is its layout.
    unsafe {
        block.copy_to_nonoverlapping(moved.cast(), old.size().min(new.size()));
        heap.dealloc(block.as_ptr(), old);
    }
    Ok(moved)
}

/// The trait for references to a heap.
macro_rules! allocator {
    ($([$($parameters:tt)*] $heap:ty),* $(,)?) => {$(
        // SAFETY: blocks stay where they are and live until they are freed, as long as the heap, which the reference
        // borrows; which reference frees one makes no difference.
        unsafe impl<$($parameters)*> Allocator for &$heap {
            #[inline]
            fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                // SAFETY: `allocate` asks only for a layout that is not of 0 bytes.
                allocate(layout, |layout| unsafe { self.alloc(layout) })
            }

            #[inline]
            fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                // SAFETY: as above.
                allocate(layout, |layout| unsafe { self.alloc_zeroed(layout) })
            }

            #[inline]
            unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
                if layout.size() != 0 {
                    // SAFETY: passed on. What `allocate` returned is as long as the layout that was asked for.
                    unsafe { self.dealloc(block.as_ptr(), layout) }
                }
            }

            #[inline]
            unsafe fn grow(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
                // SAFETY: passed on.
                unsafe { resize(*self, block, old, new) }
            }

            #[inline]
            unsafe fn grow_zeroed(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
                // SAFETY: passed on. What is behind the old bytes is the caller's now.
                unsafe {
                    let grown = resize(*self, block, old, new)?;
                    grown.cast::<u8>().add(old.size()).write_bytes(0, new.size() - old.size());
                    Ok(grown)
                }
            }

            #[inline]
            unsafe fn shrink(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
                // SAFETY: passed on.
                unsafe { resize(*self, block, old, new) }
            }
        }
    )*};
}

allocator! {
    [const BYTES: usize, C: crate::Config, P: crate::policy::Policy, L: crate::large::Large] crate::Heap<BYTES, C, P, L>,
    [C: crate::Config, P: crate::policy::Policy, L: crate::large::Large] crate::Region<C, P, L>,
    [const BYTES: usize, C: crate::Config] crate::Small<BYTES, C>,
}

#[cfg(target_arch = "wasm32")]
allocator! {
    [C: crate::Config, P: crate::policy::Policy, L: crate::large::Large] crate::wasm::Heap<C, P, L>,
}
