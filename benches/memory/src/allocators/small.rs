//! larder's small heap: its size is a constant, so one of 8 MiB is used, of whose granules a block at the end takes what the arena would
//! not have.

use crate::heap::{Heap, calls_of_the_first_field};
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

const BYTES: usize = 8 << 20;

/// What an arena has besides blocks and their states.
const HEADER_BYTES: usize = 48;

/// Bytes for blocks: 8 a granule, with two bits of state each, and for one granule more, in whole words.
fn ground(bytes: usize) -> usize {
    let Some(rest) = bytes.checked_sub(HEADER_BYTES) else { return 0 };
    let mut granules = rest / 8;
    while granules > 0 && granules * 8 + (granules / 16 + 1) * 4 > rest {
        granules -= 1;
    }
    granules * 8
}

pub struct Small(larder::Small<BYTES>);

// SAFETY: larder keeps the contract.
unsafe impl Heap for Small {
    const NAME: &'static str = "larder, small";
    const STATE_BYTES: usize = 0;
    const ARENA_INSIDE: bool = true;

    unsafe fn place(at: *mut Self) {
        // SAFETY: the caller's contract. All zeros is an empty heap.
        unsafe { at.write_bytes(0, 1) }
    }

    unsafe fn start(&mut self, arena: NonNull<[u8]>) -> bool {
        let block = |bytes| Layout::from_size_align(bytes, 8).expect("a layout");
        let (most, wanted) = (ground(BYTES), ground(arena.len()));
        if wanted == 0 || wanted >= most {
            return false;
        }
        // SAFETY: the layouts are not empty.
        unsafe {
            let first = self.0.alloc(block(wanted));
            let rest = self.0.alloc(block(most - wanted));
            let more = self.0.alloc(block(8));
            assert!(!rest.is_null() && more.is_null(), "an arena has another part for blocks than is thought here");
            self.0.dealloc(first, block(wanted));
        }
        true
    }

    calls_of_the_first_field!();
}
