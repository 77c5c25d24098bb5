//! dlmalloc over a static region, behind a critical section.

use super::{ARENA_BYTES, arena, exclusive::Exclusive};
use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::ptr;
use dlmalloc::Dlmalloc;

pub const LOCK: &str = "critical-section";
pub static HEAP: Heap = Heap(Exclusive::new(Dlmalloc::new_with_allocator(Region { taken: Cell::new(false) })));

pub struct Heap(Exclusive<Dlmalloc<Region>>);

/// The arena, handed out once and whole.
pub struct Region {
    taken: Cell<bool>,
}

// SAFETY: the memory is handed out at most once and never taken back.
unsafe impl dlmalloc::Allocator for Region {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        if self.taken.get() || size > ARENA_BYTES {
            return (ptr::null_mut(), 0, 0);
        }
        self.taken.set(true);
        (arena::start(), ARENA_BYTES, 0)
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        ptr::null_mut()
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

pub fn init() {}

// SAFETY: passes every call on, one at a time.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { self.0.with(|heap| heap.malloc(layout.size(), layout.align())) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`.
        unsafe { self.0.with(|heap| heap.free(ptr, layout.size(), layout.align())) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as in `alloc`.
        unsafe { self.0.with(|heap| heap.realloc(ptr, layout.size(), layout.align(), new_size)) }
    }
}
