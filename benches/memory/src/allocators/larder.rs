//! larder over a region that is given at run time.

use crate::heap::Heap;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

/// As it comes.
pub struct Default(::larder::Region);

// SAFETY: larder keeps the contract.
unsafe impl Heap for Default {
    const NAME: &'static str = "larder";

    unsafe fn place(at: *mut Self) {
        // SAFETY: the caller's contract.
        unsafe { at.write(Self(::larder::Region::new())) }
    }

    unsafe fn start(&mut self, arena: NonNull<[u8]>) -> bool {
        // SAFETY: the caller's contract.
        unsafe { self.0.claim(arena.as_ptr().cast(), arena.len()).is_ok() }
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn dealloc(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract.
        unsafe { self.0.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { self.0.realloc(block, layout, new_size) }
    }
}
