//! Not an allocator: the replay loop's own cost.

use crate::heap::Heap;
use core::alloc::Layout;
use core::ptr::NonNull;

/// Serves nothing: what remains is the loop.
pub struct Nothing;

// SAFETY: not kept, which is why only the timed loop runs it: no block is ever read or written.
unsafe impl Heap for Nothing {
    const NAME: &'static str = "none";

    unsafe fn place(_: *mut Self) {}

    unsafe fn start(&mut self, _: NonNull<[u8]>) -> bool {
        true
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        core::ptr::without_provenance_mut(layout.align())
    }

    unsafe fn dealloc(&mut self, _: *mut u8, _: Layout) {}

    unsafe fn alloc_zeroed(&mut self, layout: Layout) -> *mut u8 {
        core::ptr::without_provenance_mut(layout.align())
    }

    unsafe fn realloc(&mut self, block: *mut u8, _: Layout, _: usize) -> *mut u8 {
        block
    }
}
