//! Alignment, and that blocks do not overlap.

use alloc::vec::Vec;

use crate::{Block, Random, Subject};

pub fn small_sizes(heap: &dyn Subject) {
    for align in (0..=8).map(|power| 1 << power) {
        let blocks: Vec<Block> = (1..=12).map(|size| Block::new(size * 11, align, size as u8)).collect();
        heap.assert_sound();
        drop(blocks);
    }
}

pub fn large_sizes(heap: &dyn Subject) {
    for align in (3..=11).map(|power| 1 << power) {
        let small = Block::new(1000, align, 1);
        let large = Block::new(1500, align, 2);
        heap.assert_sound();
        drop((small, large));
    }
}

pub fn disjoint(heap: &dyn Subject) {
    let mut random = Random::new(2);
    let blocks: Vec<Block> = (0..60).map(|seed| block(&mut random, seed)).collect();
    for (index, one) in blocks.iter().enumerate() {
        assert!(blocks[index + 1..].iter().all(|other| ends_before(one, other) || ends_before(other, one)));
    }
    heap.assert_sound();
}

fn ends_before(one: &Block, other: &Block) -> bool {
    one.as_ptr().addr() + one.layout().size() <= other.as_ptr().addr()
}

fn block(random: &mut Random, seed: u8) -> Block {
    let align = 1 << random.range(0, 5);
    Block::new(random.range(1, 100), align, seed)
}
