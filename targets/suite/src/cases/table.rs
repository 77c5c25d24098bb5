//! What a heap of one table says and does exactly.

use core::alloc::Layout;
use core::hint::black_box;
use core::ptr;

use crate::{Block, Subject};

/// So long that the search begins at the start, whatever was there before; in one word of the table, in two, and in more.
const SIZES: [usize; 3] = [72, 136, 400];

/// Three blocks that lie one behind the other, the first at the start of the heap, and what they occupy.
fn three(sizes: [usize; 3]) -> ([Block; 3], usize) {
    let blocks = [1, 2, 3].map(|seed| Block::new(sizes[usize::from(seed) - 1], 8, seed));
    let starts = blocks.each_ref().map(|block| block.as_ptr().addr());
    let lengths = sizes.map(|size| size.next_multiple_of(8));
    assert_eq!([starts[0] + lengths[0], starts[1] + lengths[1]], [starts[1], starts[2]], "there are holes");
    (blocks, lengths.iter().sum())
}

pub fn resized_in_place(heap: &dyn Subject) {
    for size in SIZES {
        let ([mut block, next, last], _) = three([size, 200, 72]);
        let start = block.as_ptr();
        drop(next);
        for size in [size, size + 1, size + 100, size + 200, 1, size + 199, 60, 8, 130, size] {
            assert!(block.try_resize(size));
            assert_eq!(block.as_ptr(), start, "it moved, to have {size} bytes");
            assert_eq!(heap.usable_size(start), size.next_multiple_of(8));
            heap.assert_sound();
        }
        assert!(block.try_resize(size + 201));
        assert_ne!(block.as_ptr(), start, "it grew into a live block");
        drop((block, last));
        heap.assert_empty();
    }
}

pub fn statistics(heap: &dyn Subject) {
    let free = heap.stats().free_bytes;
    for size in SIZES.map(|size| size - 3) {
        let ([first, middle, last], occupied) = three([80, size, 100]);
        let length = size.next_multiple_of(8);
        assert_eq!(heap.usable_size(middle.as_ptr()), length);
        assert_stats(heap, occupied, 1, free - occupied);
        drop(middle);
        assert_stats(heap, occupied - length, 2, free - occupied);
        drop(last);
        assert_stats(heap, 80, 1, free - 80);
        drop(first);
        assert_stats(heap, 0, 1, free);
    }
}

fn assert_stats(heap: &dyn Subject, live: usize, runs: usize, largest: usize) {
    let stats = heap.stats();
    let found = (stats.consistent, stats.live_bytes, stats.free_runs, stats.largest_free_bytes);
    assert_eq!(found, (true, live, runs, largest), "{stats}");
    assert_eq!(stats.live_bytes + stats.free_bytes + stats.metadata_bytes, stats.arena_bytes, "{stats}");
}

/// With a block right behind, or none.
pub fn wrong_layouts(heap: &dyn Subject) {
    for size in SIZES {
        let blocks = three([size, size, size]).0;
        for block in &blocks {
            // The first is a byte too long, the second ends where the next block does.
            for wrong in [size + 1, 2 * size, size + 2000, size - 8, 8] {
                assert_found(heap, block, wrong);
            }
        }
    }
}

/// Frees and resizes a block with a layout that is not its own, and asserts that the heap counts both and that nothing changes.
fn assert_found(heap: &dyn Subject, block: &Block, wrong: usize) {
    let before = heap.stats();
    let layout = Layout::from_size_align(wrong, 8).expect("a layout");
    // SAFETY: none; that the heap finds out is what is tested.
    let resized = unsafe {
        heap.dealloc(black_box(block.as_ptr()), layout);
        heap.realloc(black_box(block.as_ptr()), layout, wrong + 8)
    };
    let after = heap.stats();
    assert_eq!(resized, ptr::null_mut(), "a block was resized by a layout that is not its own");
    assert_eq!(after.wrong_frees, before.wrong_frees + 2, "a layout of {wrong} bytes was not found wrong");
    assert_eq!(
        (after.live_bytes, after.refused),
        (before.live_bytes, before.refused),
        "a wrong layout changed something"
    );
    heap.assert_sound();
    block.verify();
}
