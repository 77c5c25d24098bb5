//! One size: last in first out, first in first out, and until memory runs out.

use super::{Bench, share};
use crate::heap::IS_FLOOR;
use crate::replay::Block;
use crate::rng::Rng;

const SIZES: [usize; 8] = [8, 16, 24, 32, 64, 128, 256, 1024];
/// Names with a number in them, without a heap to format them on.
const LIFO: [&str; 8] = ["lifo-8", "lifo-16", "lifo-24", "lifo-32", "lifo-64", "lifo-128", "lifo-256", "lifo-1024"];
const FIFO: [&str; 8] = ["fifo-8", "fifo-16", "fifo-24", "fifo-32", "fifo-64", "fifo-128", "fifo-256", "fifo-1024"];
const FILL: [&str; 8] = ["fill-8", "fill-16", "fill-24", "fill-32", "fill-64", "fill-128", "fill-256", "fill-1024"];

const ALIGN: usize = 4;
/// Live at once.
const BLOCKS: usize = 32;
const ROUNDS: usize = 40;

pub fn run(bench: &mut Bench) {
    for (size, name) in SIZES.into_iter().zip(LIFO) {
        bench.begin();
        lifo(bench, size);
        bench.end(name, "lifo", &[]);
    }
    for (size, name) in SIZES.into_iter().zip(FIFO) {
        bench.begin();
        fifo(bench, size);
        bench.end(name, "fifo", &[]);
    }
    if !IS_FLOOR {
        for (size, name) in SIZES.into_iter().zip(FILL) {
            bench.begin();
            let blocks = fill(bench, size);
            bench.end(name, "fill", &[("blocks", blocks as u64), ("in_use", share(blocks * size))]);
        }
    }
}

/// 32 blocks, freed from the last to the first, 40 times.
fn lifo(bench: &mut Bench, size: usize) {
    for _ in 0..ROUNDS {
        for _ in 0..BLOCKS {
            bench.alloc(size, ALIGN);
        }
        bench.free_all();
    }
}

/// A queue of 32 blocks: the oldest is freed, a new one allocated.
fn fifo(bench: &mut Bench, size: usize) {
    let mut queue: [Option<Block>; BLOCKS] = [None; BLOCKS];
    for step in 0..ROUNDS * BLOCKS {
        let place = &mut queue[step % BLOCKS];
        if let Some(block) = place.take() {
            bench.replay.dealloc(block);
        }
        *place = bench.replay.alloc(size, ALIGN);
    }
    for block in queue.into_iter().flatten() {
        bench.replay.dealloc(block);
    }
}

/// Until the first refusal, then freed in random order; twice, since the second time finds what the first left.
fn fill(bench: &mut Bench, size: usize) -> usize {
    let mut rng = Rng::new(size as u32);
    let mut blocks = 0;
    for _ in 0..2 {
        while !bench.is_table_full() && bench.alloc(size, ALIGN) {}
        blocks = bench.live();
        bench.free_all_random(&mut rng);
    }
    blocks
}
