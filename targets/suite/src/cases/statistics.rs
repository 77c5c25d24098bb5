//! What the heap says of itself.

use alloc::vec::Vec;
use core::alloc::Layout;
use core::ptr;

use crate::{Block, Random, Subject};

/// A count kept beside: what the blocks occupy, by the heap's own word for each.
pub fn live_bytes(heap: &dyn Subject) {
    let mut random = Random::new(4);
    let mut blocks: Vec<Block> = Vec::with_capacity(40);
    let before = heap.stats();
    let mut occupied_bytes = 0;
    for step in 0..400 {
        if blocks.len() < 40 && random.number() % 3 > 0 {
            let block = Block::new(random.range(1, 150), 8, step as u8);
            occupied_bytes += usable_bytes(heap, &block);
            blocks.push(block);
        } else if !blocks.is_empty() {
            let block = blocks.swap_remove(random.range(0, blocks.len()));
            occupied_bytes -= usable_bytes(heap, &block);
        }
        let stats = heap.stats();
        assert!(stats.consistent);
        assert_eq!(stats.live_bytes, before.live_bytes + occupied_bytes, "{stats}");
        let kept_bytes = stats.deferred_bytes + stats.waste_bytes + stats.metadata_bytes;
        assert_eq!(stats.live_bytes + stats.free_bytes + kept_bytes, stats.arena_bytes, "{stats}");
    }
}

/// Nothing to assert where the large tier can't tell.
pub fn largest_free(heap: &dyn Subject) {
    let mut random = Random::new(5);
    let mut blocks: Vec<Block> = (0..30).map(|seed| Block::new(random.range(1, 200), 8, seed)).collect();
    while !blocks.is_empty() {
        let largest = heap.stats().largest_free_bytes;
        assert!(allocates(largest), "{largest} bytes, said to be free, are refused");
        assert!(!allocates(largest + 64), "more than {largest} bytes, said to be the largest, are allocated");
        blocks.swap_remove(random.range(0, blocks.len()));
    }
}

pub fn contains(heap: &dyn Subject) {
    let on_the_stack = 0_u8;
    for size in [4, 40, 400] {
        let block = Block::new(size, 4, 1);
        assert!(heap.contains(block.as_ptr()));
        assert!(heap.contains(block.as_ptr().wrapping_add(size - 1)));
    }
    assert!(!heap.contains(&raw const on_the_stack));
    assert!(!heap.contains(ptr::null()));
}

fn usable_bytes(heap: &dyn Subject, block: &Block) -> usize {
    let usable = heap.usable_size(block.as_ptr());
    assert!(usable >= block.layout().size());
    usable
}

fn allocates(size: usize) -> bool {
    Block::try_new(Layout::from_size_align(size, 8).expect("a layout"), 0).is_some()
}
