//! Not an allocator: the floor of what a call can cost.

use crate::heap::Heap;
use core::alloc::Layout;
use core::ptr::{NonNull, null_mut};

/// Hands out addresses upwards and takes nothing back.
pub struct Bump {
    next: *mut u8,
    end: *mut u8,
}

// SAFETY: every block begins behind the one before.
unsafe impl Heap for Bump {
    const NAME: &'static str = "bump";

    unsafe fn place(at: *mut Self) {
        // SAFETY: the caller's contract.
        unsafe { at.write(Self { next: null_mut(), end: null_mut() }) }
    }

    unsafe fn start(&mut self, arena: NonNull<[u8]>) -> bool {
        self.next = arena.as_ptr().cast();
        self.end = self.next.wrapping_add(arena.len());
        true
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        let padding = (self.next as usize).wrapping_neg() & (layout.align() - 1);
        if (self.end as usize - self.next as usize) < padding + layout.size() {
            return null_mut();
        }
        let block = self.next.wrapping_add(padding);
        self.next = block.wrapping_add(layout.size());
        block
    }

    unsafe fn dealloc(&mut self, _: *mut u8, _: Layout) {}
}
