//! `buddy_system_allocator`; it has no resize of its own.

use crate::heap::Heap;
use core::alloc::Layout;
use core::ptr::{NonNull, null_mut};

/// Orders up to 16 MiB.
pub struct Buddy(buddy_system_allocator::Heap<25>);

// SAFETY: buddy_system_allocator keeps the contract.
unsafe impl Heap for Buddy {
    const NAME: &'static str = "buddy_system_allocator";

    unsafe fn place(at: *mut Self) {
        // SAFETY: the caller's contract.
        unsafe { at.write(Self(buddy_system_allocator::Heap::new())) }
    }

    unsafe fn start(&mut self, arena: NonNull<[u8]>) -> bool {
        // SAFETY: the caller's contract.
        unsafe { self.0.init(arena.as_ptr().cast::<u8>().expose_provenance(), arena.len()) };
        true
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        self.0.alloc(layout).map_or(null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract; a block is not null.
        unsafe { self.0.dealloc(NonNull::new_unchecked(block), layout) }
    }
}
