//! `dlmalloc` with a system that has one piece of memory.

use crate::heap::Heap;
use ::dlmalloc::{Allocator, Dlmalloc};
use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::{NonNull, null_mut};

/// Gives its memory once, all of it.
struct Once(Cell<Option<NonNull<[u8]>>>);

// SAFETY: the harness has one thread.
unsafe impl Send for Once {}

// SAFETY: the memory is given out once, and nothing is taken back.
unsafe impl Allocator for Once {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        match self.0.take() {
            Some(arena) if arena.len() >= size => (arena.as_ptr().cast(), arena.len(), 0),
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

pub struct Dl(Dlmalloc<Once>);

// SAFETY: dlmalloc keeps the contract.
unsafe impl Heap for Dl {
    const NAME: &'static str = "dlmalloc";
    // The cell with the arena stands for nothing that a program would keep in RAM.
    const STATE_BYTES: usize = size_of::<Dlmalloc<Once>>() - size_of::<Once>();

    unsafe fn place(at: *mut Self) {
        let mut heap = Dlmalloc::new_with_allocator(Once(Cell::new(None)));
        // The finest that it accepts: what it asks its system for is rounded up to this.
        let finest = (0..17).map(|log2| 1 << log2).find(|&granularity| heap.set_granularity(granularity));
        debug_assert!(finest.is_some());
        // SAFETY: the caller's contract.
        unsafe { at.write(Self(heap)) }
    }

    unsafe fn start(&mut self, arena: NonNull<[u8]>) -> bool {
        self.0.allocator().0.set(Some(arena));
        true
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { self.0.malloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract.
        unsafe { self.0.free(block, layout.size(), layout.align()) }
    }

    unsafe fn alloc_zeroed(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { self.0.calloc(layout.size(), layout.align()) }
    }

    unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { self.0.realloc(block, layout.size(), layout.align(), new_size) }
    }
}
