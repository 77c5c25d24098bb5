//! No allocator: what a firmware's size is compared with.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr;

pub const LOCK: &str = "none";
pub static HEAP: Heap = Heap;

pub struct Heap;

pub fn init() {}

// SAFETY: refuses every request.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}

    unsafe fn realloc(&self, _: *mut u8, _: Layout, _: usize) -> *mut u8 {
        ptr::null_mut()
    }

    unsafe fn alloc_zeroed(&self, _: Layout) -> *mut u8 {
        ptr::null_mut()
    }
}
