//! The large tier is held by somebody else: what an interrupt handler may meet at any time.

use alloc::vec::Vec;
use core::alloc::Layout;

use crate::{Block, Random, Subject, door};

pub fn requests(heap: &dyn Subject) {
    let opens_a_page = Block::new(24, 8, 1);
    let refused = heap.stats().refused;
    door::while_shut(|| {
        let pooled = Block::new(24, 8, 2);
        assert!(try_block(1000, 3).is_none(), "a large block was found in a tier that is held");
        drop((pooled, opens_a_page));
    });
    assert_eq!(heap.stats().refused, refused + 1);
}

pub fn frees(heap: &dyn Subject) {
    let blocks: Vec<Block> = (1..8).map(|seed| Block::new(usize::from(seed) * 100 + 100, 8, seed)).collect();
    door::while_shut(|| drop(blocks));
    assert!(heap.stats().deferred_bytes > 0);
    heap.assert_sound();
    let largest = heap.stats().arena_bytes / 2;
    assert!(try_block(largest, 1).is_some(), "deferred frees were not given back to a request that needs them");
}

/// Shrinks once, or twice, by little or by much, and then frees, all while the tier is held.
pub fn shrinks(heap: &dyn Subject) {
    let wrong_frees = heap.stats().wrong_frees;
    for sizes in [[400, 200, 200], [400, 200, 100], [400, 392, 384], [400, 384, 120], [400, 392, 200]] {
        for is_freed_at_once in [false, true] {
            let mut block = Block::new(sizes[0], 8, 9);
            let neighbour = Block::new(300, 8, 10);
            door::while_shut(|| {
                for &size in &sizes[1..] {
                    block.try_resize(size);
                }
            });
            match is_freed_at_once {
                true => door::while_shut(|| drop(block)),
                false => drop(block),
            }
            drop(neighbour);
            heap.trim();
            let is_right = heap.stats().wrong_frees == wrong_frees;
            assert!(is_right, "a free after {sizes:?} was called wrong (while held: {is_freed_at_once})");
            heap.assert_empty();
        }
    }
}

/// Random requests, resizes and frees, every other run of them while the tier is held.
pub fn churn(heap: &dyn Subject) {
    let wrong_frees = heap.stats().wrong_frees;
    let mut random = Random::new(6);
    let mut blocks: Vec<Option<Block>> = (0..24).map(|_| None).collect();
    for run in 0..400 {
        let mut work = || (0..6).for_each(|_| step(&mut random, &mut blocks));
        match run % 2 {
            0 => work(),
            _ => door::while_shut(work),
        }
        heap.assert_sound();
    }
    drop(blocks);
    heap.assert_empty();
    assert_eq!(heap.stats().wrong_frees, wrong_frees, "a right free was taken for a wrong one");
}

fn step(random: &mut Random, blocks: &mut [Option<Block>]) {
    let slot = random.range(0, blocks.len());
    let size = random.range(70, 500);
    match &mut blocks[slot] {
        Some(block) if random.number() % 3 > 0 => drop(block.try_resize(size)),
        Some(_) => blocks[slot] = None,
        None => blocks[slot] = try_block(size, slot as u8),
    }
}

fn try_block(size: usize, seed: u8) -> Option<Block> {
    Block::try_new(Layout::from_size_align(size, 8).expect("a layout"), seed)
}
