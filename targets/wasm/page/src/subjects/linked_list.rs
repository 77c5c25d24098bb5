//! `linked_list_allocator`; it has no resize of its own.

use super::Subject;
use core::alloc::Layout;
use core::ptr::{NonNull, null_mut};
use linked_list_allocator::Heap;

pub struct LinkedList(Heap);

// SAFETY: linked_list_allocator keeps the contract.
unsafe impl Subject for LinkedList {
    unsafe fn new(arena: *mut u8, bytes: usize) -> Self {
        let mut heap = Heap::empty();
        // SAFETY: the caller's contract.
        unsafe { heap.init(arena, bytes) };
        Self(heap)
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        self.0.allocate_first_fit(layout).map_or(null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract; a block is not null.
        unsafe { self.0.deallocate(NonNull::new_unchecked(block), layout) }
    }
}
