//! `emballoc`: its size is a constant, so one of 8 MiB is used, of which a first block takes all but the arena's bytes.

use crate::heap::Heap;
use ::emballoc::Allocator;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

const BYTES: usize = 8 << 20;

/// In front of every block; 4 bytes.
const HEADER_BYTES: usize = 4;

pub struct First(Allocator<BYTES>);

// SAFETY: emballoc keeps the contract.
unsafe impl Heap for First {
    const NAME: &'static str = "emballoc";
    const STATE_BYTES: usize = size_of::<Self>() - BYTES;
    const ARENA_INSIDE: bool = true;
    // It looks at every block in turn: a fine search would take ten minutes.
    const SEARCH_PARTS: usize = 8;

    unsafe fn place(at: *mut Self) {
        // SAFETY: the caller's contract. A constant is copied in place; it would not fit on the stack.
        unsafe { at.write(const { Self(Allocator::new()) }) }
    }

    unsafe fn start(&mut self, arena: NonNull<[u8]>) -> bool {
        let taken = Layout::from_size_align(BYTES - arena.len() - HEADER_BYTES, 4).expect("a layout");
        // SAFETY: the layout is not empty.
        arena.len() < BYTES / 2 && !unsafe { self.0.alloc(taken) }.is_null()
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn dealloc(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract.
        unsafe { self.0.dealloc(block, layout) }
    }
}
