//! `linked_list_allocator`; it has no resize of its own.

use crate::heap::Heap;
use core::alloc::Layout;
use core::ptr::{NonNull, null_mut};

pub struct LinkedList(linked_list_allocator::Heap);

// SAFETY: linked_list_allocator keeps the contract.
unsafe impl Heap for LinkedList {
    const NAME: &'static str = "linked_list_allocator";

    unsafe fn place(at: *mut Self) {
        // SAFETY: the caller's contract.
        unsafe { at.write(Self(linked_list_allocator::Heap::empty())) }
    }

    unsafe fn start(&mut self, arena: NonNull<[u8]>) -> bool {
        // SAFETY: the caller's contract.
        unsafe { self.0.init(arena.as_ptr().cast(), arena.len()) };
        true
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        self.0.allocate_first_fit(layout).map_or(null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract; a block is not null.
        unsafe { self.0.deallocate(NonNull::new_unchecked(block), layout) }
    }
}
