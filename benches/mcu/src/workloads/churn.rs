//! Random sizes, allocated and freed in random order, at a steady level.
//!
//! A level is a share of the 64 KiB in requested bytes: what the allocator adds is its own affair. A request that is refused
//! counts as such, and two blocks are freed; at 75 % some allocators never get there.

use super::{Bench, share};
use crate::heap::{ARENA_BYTES, IS_FLOOR};
use crate::rng::Rng;

const STEPS: usize = 10_000;
const SEED: u32 = 1;

type Sizes = fn(&mut Rng) -> usize;

pub fn run(bench: &mut Bench) {
    steady(bench, "churn-small-50", small, 50);
    steady(bench, "churn-small-75", small, 75);
    steady(bench, "churn-mix-50", mix, 50);
    steady(bench, "churn-mix-75", mix, 75);
    if IS_FLOOR {
        return;
    }
    steady(bench, "churn-large-50", large, 50);
    steady(bench, "churn-large-75", large, 75);
    waves(bench);
    exhaust(bench, "exhaust-small", small);
    exhaust(bench, "exhaust-mix", mix);
}

/// 8 to 64 bytes.
pub fn small(rng: &mut Rng) -> usize {
    rng.within(8, 64)
}

/// A typical firmware mix: 70 % up to 64 bytes, 20 % up to 256, 8 % up to 1 KiB, 2 % up to 4 KiB.
pub fn mix(rng: &mut Rng) -> usize {
    match rng.below(100) {
        0..70 => rng.within(8, 64),
        70..90 => rng.within(65, 256),
        90..98 => rng.within(257, 1024),
        _ => rng.within(1025, 4096),
    }
}

/// 256 bytes to 8 KiB, as many small as large: buffers.
fn large(rng: &mut Rng) -> usize {
    let most = 512 << rng.below(5);
    rng.within(most / 2, most)
}

/// A request of about `size` bytes: 30 % bytes, 55 % words, 15 % double words, and a whole number of them, as the layouts of
/// Rust's types and arrays are.
pub fn layout(rng: &mut Rng, size: usize) -> (usize, usize) {
    let align: usize = match rng.below(100) {
        0..30 => 1,
        30..85 => 4,
        _ => 8,
    };
    (size.next_multiple_of(align), align)
}

fn request(rng: &mut Rng, sizes: Sizes) -> (usize, usize) {
    let size = sizes(rng);
    layout(rng, size)
}

/// Frees until the next request stays within the level, then asks.
fn step(bench: &mut Bench, rng: &mut Rng, sizes: Sizes, level_bytes: usize) -> bool {
    let (size, align) = request(rng, sizes);
    while bench.live() > 0 && bench.replay.live_bytes() + size > level_bytes {
        bench.free_random(rng);
    }
    let served = bench.alloc(size, align);
    if !served {
        for _ in 0..bench.live().min(2) {
            bench.free_random(rng);
        }
    }
    served
}

fn percent(level: usize) -> usize {
    ARENA_BYTES * level / 100
}

/// Fills to the level first, which is not counted.
fn steady(bench: &mut Bench, name: &str, sizes: Sizes, level: usize) {
    let mut rng = Rng::new(SEED);
    bench.begin();
    warm_up(bench, &mut rng, sizes, level);
    bench.replay.record.clear();
    for _ in 0..STEPS {
        step(bench, &mut rng, sizes, percent(level));
    }
    let live = bench.replay.live_bytes();
    bench.end(name, "churn", &[("live_bytes", live as u64)]);
}

fn warm_up(bench: &mut Bench, rng: &mut Rng, sizes: Sizes, level: usize) {
    for _ in 0..1_500 {
        step(bench, rng, sizes, percent(level));
    }
}

/// The mix between 75 % and 35 %, twenty times up and down.
fn waves(bench: &mut Bench) {
    let mut rng = Rng::new(SEED);
    bench.begin();
    for _ in 0..20 {
        while bench.replay.live_bytes() < percent(70) && step(bench, &mut rng, mix, percent(75)) {}
        while bench.replay.live_bytes() > percent(35) {
            bench.free_random(&mut rng);
        }
    }
    bench.end("waves-mix", "churn", &[]);
}

/// Churn at 75 %, then requests of the same kind until one is refused: how much of the arena was in use then, on average over
/// 32 seeds.
fn exhaust(bench: &mut Bench, name: &str, sizes: Sizes) {
    const SEEDS: u32 = 32;
    let (mut sum, mut least) = (0, u64::MAX);
    bench.begin();
    for seed in 0..SEEDS {
        let mut rng = Rng::new(1000 + seed);
        for _ in 0..3_000 {
            step(bench, &mut rng, sizes, percent(75));
        }
        loop {
            let (size, align) = request(&mut rng, sizes);
            if !bench.alloc(size, align) {
                break;
            }
        }
        let in_use = share(bench.replay.live_bytes());
        sum += in_use;
        least = least.min(in_use);
        bench.free_all_random(&mut rng);
    }
    bench.end(name, "exhaust", &[("in_use", sum / u64::from(SEEDS)), ("in_use_least", least)]);
}
