//! Small heaps: not only sound, but exact, which the model knows.

use super::shadow::seeded::{Mix, action};
use super::shadow::{Heap, Memory, Shadow};
use larder::Small;

/// Steps of one seed.
const STEPS: usize = 1500;

/// What lies behind a heap, and is nobody's.
const BEHIND: usize = 64;

/// Runs on a heap of which the model alone knows where it lies: one that is aligned to all that is served, and others to 8 bytes.
fn run<const BYTES: usize>(seeds: u64, steps: usize, mix: Mix) {
    let mut exhausted = 0;
    for seed in 0..seeds {
        let offset = if seed % 2 == 0 { 0 } else { 8 * (seed as usize % 40) };
        exhausted += run_seed::<BYTES>(offset, seed, steps, mix);
    }
    assert!(exhausted > 0, "the mix never fills the heap: it proves nothing about exhaustion");
}

fn run_seed<const BYTES: usize>(offset: usize, seed: u64, steps: usize, mix: Mix) -> u32 {
    let part = offset..offset + size_of::<Small<BYTES>>();
    let memory = Memory::new(part.end + BEHIND);
    // SAFETY: all zeros is an empty heap. Of this memory, what is the heap's is used through it and its blocks alone.
    let heap = unsafe { memory.zeroed::<Small<BYTES>>(offset) };
    let exhausted = differ(heap, &memory, seed, steps, mix);
    memory.verify_outside(part);
    exhausted
}

/// Compiled once for all sizes.
fn differ(heap: &dyn Heap, memory: &Memory, seed: u64, steps: usize, mix: Mix) -> u32 {
    let mut shadow = Shadow::new(heap, memory);
    let mut random = fastrand::Rng::with_seed(seed);
    (0..steps).for_each(|_| shadow.step(action(&mut random, mix)));
    shadow.verify_all();
    let exhausted = shadow.exhausted;
    shadow.finish();
    exhausted
}

macro_rules! sizes {
    ($($name:ident: $bytes:expr, $seeds:expr, $steps:expr, $size:expr, $percent:expr;)*) => {
        $(
            #[test]
            fn $name() {
                run::<{ $bytes }>($seeds, $steps, Mix { size: $size, alloc_percent: $percent, held_percent: 0 });
            }
        )*
    };
}

sizes! {
    one_kib: 1024, 60, STEPS, 128, 55;
    one_kib_of_long_blocks: 1024, 40, STEPS, 400, 70;
    no_round_number: 3001, 40, STEPS, 300, 55;
    sixteen_kib_full: 16 * 1024, 8, STEPS, 512, 70;
    sixty_four_kib: 64 * 1024, 4, STEPS, 1024, 65;
    sixty_four_kib_of_long_blocks: 64 * 1024, 4, STEPS, 8192, 70;
    a_mebibyte: 1024 * 1024, 1, 800, 64 * 1024, 70;
}

/// The words of a heap that are not its table: hints, counters, and those of the exact peak.
const HEADER_BYTES: usize = 48;

/// Whether an arena has room for so many granules of 8 bytes, with two bits for each and for one that is always free.
fn has_room(bytes: usize, granules: usize) -> bool {
    granules * 8 + (granules / 16 + 1) * 4 <= bytes - HEADER_BYTES
}

/// Blocks whose ends are the arena's: with the last word of the table full, empty, and anything between.
fn run_around<const BYTES: usize>() {
    let mix = Mix { size: 200, alloc_percent: 80, held_percent: 0 };
    let granules = (BYTES - Small::<BYTES>::new().stats().metadata_bytes) / 8;
    assert!(has_room(BYTES, granules) && !has_room(BYTES, granules + 1), "{granules} granules in {BYTES} bytes");
    for seed in 0..4 {
        run_seed::<BYTES>(8 * (seed as usize % 2), BYTES as u64 * 8 + seed, 150, mix);
    }
}

macro_rules! around {
    ($($from:literal: $($more:literal)*;)*) => { $($(run_around::<{ $from + $more }>();)*)* };
}

/// A word of the table stands for 16 blocks of 8 bytes: with 132 bytes more, an arena has one word more.
#[test]
fn arenas_around_a_word_of_the_table() {
    around! {
        1024: 0 1 4 7 8 12 16 20 24 28 32 36 40 44 48 52 56 60 64 68 72 76
            80 84 88 92 96 100 104 108 112 116 120 124 128 129 131 132 136 140;
        20000: 0 4 8 12 16 20 24 28 32 36 40 44 48 52 56 60 64 68 72 76 80
            84 88 92 96 100 104 108 112 116 120 124 128 132 136 140;
    }
}
