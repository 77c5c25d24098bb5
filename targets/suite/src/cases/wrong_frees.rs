//! Frees that no correct program does: found, counted, and then harmless.
//!
//! They go to the heap itself, since the compiler may assume of the global allocator's functions that nobody does this.

use core::alloc::Layout;
use core::hint::black_box;

use crate::{Block, Subject};

pub fn double(heap: &dyn Subject) {
    let keeps_the_page = Block::new(16, 8, 1);
    let layout = keeps_the_page.layout();
    // SAFETY: the size is not zero.
    let block = unsafe { heap.alloc(layout) };
    assert!(!block.is_null());
    // SAFETY: the block is live with this layout.
    unsafe { heap.dealloc(block, layout) };
    assert_found(heap, block, layout);
}

pub fn misaligned(heap: &dyn Subject) {
    let block = Block::new(48, 8, 2);
    for offset in [1, 8, 24] {
        assert_found(heap, block.as_ptr().wrapping_add(offset), block.layout());
    }
}

pub fn foreign(heap: &dyn Subject) {
    static READ_ONLY: [u64; 4] = [1; 4];
    let mut on_the_stack = [2_u64; 4];
    let layout = Layout::new::<[u64; 4]>();
    assert_found(heap, black_box(on_the_stack.as_mut_ptr()).cast(), layout);
    assert_found(heap, READ_ONLY.as_ptr().cast_mut().cast(), layout);
    assert_eq!((on_the_stack, READ_ONLY), ([2; 4], [1; 4]));
}

/// Frees what must not be freed, and asserts that the heap counts it and that nothing else changes.
fn assert_found(heap: &dyn Subject, block: *mut u8, layout: Layout) {
    let before = heap.stats();
    // SAFETY: none; that the heap finds out is what is tested.
    unsafe { heap.dealloc(black_box(block), layout) };
    let after = heap.stats();
    assert_eq!(after.wrong_frees, before.wrong_frees + 1, "a wrong free was not counted");
    assert_eq!(after.live_bytes, before.live_bytes, "a wrong free freed something");
    heap.assert_sound();
}
