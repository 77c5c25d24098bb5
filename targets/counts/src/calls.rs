//! The calls that are counted, with layouts that the compiler can't know.

use alloc::alloc::{alloc, dealloc};
use core::alloc::Layout;

use crate::count;

/// A block, or null, and what the call took.
pub fn allocate(layout: Layout) -> (*mut u8, u32) {
    // SAFETY: that function, with the size and alignment of a layout that is not of size zero.
    let (block, taken) = unsafe { count::call(c_allocate as *const (), [layout.size(), layout.align(), 0, 0]) };
    (block as *mut u8, taken)
}

/// What the release took.
///
/// # Safety
/// The block is live with this layout.
pub unsafe fn free(block: *mut u8, layout: Layout) -> u32 {
    let arguments = [block as usize, layout.size(), layout.align(), 0];
    // SAFETY: that function, and the caller's promise.
    let (_, taken) = unsafe { count::call(c_free as *const (), arguments) };
    taken
}

extern "C" fn c_allocate(size: usize, align: usize) -> *mut u8 {
    // SAFETY: they come from a layout, whose size is not zero.
    unsafe { alloc(Layout::from_size_align_unchecked(size, align)) }
}

extern "C" fn c_free(block: *mut u8, size: usize, align: usize) {
    // SAFETY: they come from a layout, and the block is live with it.
    unsafe { dealloc(block, Layout::from_size_align_unchecked(size, align)) }
}
