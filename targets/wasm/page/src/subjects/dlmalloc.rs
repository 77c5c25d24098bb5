//! `dlmalloc`, with a system that has one piece of memory.

use super::Subject;
use ::dlmalloc::Allocator;
use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::null_mut;

/// Gives its memory once, all of it.
struct Once(Cell<Option<(*mut u8, usize)>>);

// SAFETY: a module has one thread.
unsafe impl Send for Once {}

// SAFETY: the memory is given out once, and nothing is taken back.
unsafe impl Allocator for Once {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        match self.0.take() {
            Some((start, bytes)) if bytes >= size => (start, bytes, 0),
            _ => (null_mut(), 0, 0),
        }
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        false
    }

    fn page_size(&self) -> usize {
        4096
    }
}

pub struct Dlmalloc(::dlmalloc::Dlmalloc<Once>);

// SAFETY: dlmalloc keeps the contract.
unsafe impl Subject for Dlmalloc {
    unsafe fn new(arena: *mut u8, bytes: usize) -> Self {
        let mut heap = ::dlmalloc::Dlmalloc::new_with_allocator(Once(Cell::new(Some((arena, bytes)))));
        // What it asks its system for is rounded up to the granularity: the finest that it accepts.
        let finest = (0..17).map(|log2| 1 << log2).find(|&granularity| heap.set_granularity(granularity));
        debug_assert!(finest.is_some());
        Self(heap)
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { self.0.malloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract.
        unsafe { self.0.free(block, layout.size(), layout.align()) }
    }

    unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { self.0.realloc(block, layout.size(), layout.align(), bytes) }
    }
}
