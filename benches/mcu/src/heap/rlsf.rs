//! rlsf with tables as large as 64 KiB need, behind a critical section.

use super::{ARENA_BYTES, arena, exclusive::Exclusive};
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};
use rlsf::Tlsf;

pub const LOCK: &str = "critical-section";
pub static HEAP: Heap = Heap(Exclusive::new(Tlsf::new()));

/// Granules of 16 bytes and 12 levels: blocks up to 64 KiB.
pub struct Heap(Exclusive<Tlsf<'static, u16, u16, 12, 16>>);

pub fn init() {
    let arena = NonNull::new(ptr::slice_from_raw_parts_mut(arena::start(), ARENA_BYTES)).unwrap();
    // SAFETY: called once; nobody else uses the arena.
    unsafe { HEAP.0.with(|tlsf| tlsf.insert_free_block_ptr(arena)) };
}

fn or_null(block: Option<NonNull<u8>>) -> *mut u8 {
    block.map_or(ptr::null_mut(), NonNull::as_ptr)
}

// SAFETY: passes every call on, one at a time.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        or_null(unsafe { self.0.with(|tlsf| tlsf.allocate(layout)) })
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract; a block is not null.
        unsafe { self.0.with(|tlsf| tlsf.deallocate(NonNull::new_unchecked(ptr), layout.align())) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as in `dealloc`; size and alignment are of a layout that the caller may ask for.
        or_null(unsafe {
            let new = Layout::from_size_align_unchecked(new_size, layout.align());
            self.0.with(|tlsf| tlsf.reallocate(NonNull::new_unchecked(ptr), new))
        })
    }
}
