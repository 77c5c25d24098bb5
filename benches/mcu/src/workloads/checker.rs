//! Made to hurt: memory in many pieces, then requests that none of them can serve.

use super::Bench;
use super::churn::mix;
use crate::rng::Rng;

const ALIGN: usize = 4;
/// Refusals are expected: so many, then the next pattern.
const REFUSALS: usize = 16;

pub fn run(bench: &mut Bench) {
    checkerboard(bench, "checker-8-16", 8, 16);
    checkerboard(bench, "checker-16-24", 16, 24);
    checkerboard(bench, "checker-16-32", 16, 32);
    checkerboard(bench, "checker-32-64", 32, 64);
    checkerboard(bench, "checker-24-256", 24, 256);
    checkerboard(bench, "checker-64-128", 64, 128);
    checkerboard(bench, "checker-128-1024", 128, 1024);
    alternate(bench);
    empty_pages(bench);
    sparse(bench);
    aligned(bench);
    halves(bench);
}

fn fill(bench: &mut Bench, size: usize) {
    while !bench.is_table_full() && bench.alloc(size, ALIGN) {}
}

fn ask(bench: &mut Bench, size: usize) {
    let mut refusals = 0;
    while refusals < REFUSALS && !bench.is_table_full() {
        refusals += usize::from(!bench.alloc(size, ALIGN));
    }
}

/// Full of one size, every other one freed, then a larger size; then the other half, and again.
fn checkerboard(bench: &mut Bench, name: &str, size: usize, larger: usize) {
    bench.begin();
    fill(bench, size);
    let filled = bench.live();
    bench.free_where(|index| index % 2 == 1);
    ask(bench, larger);
    let after_half = bench.live();
    bench.free_where(|index| index % 3 == 0);
    ask(bench, larger);
    ask(bench, size);
    bench.end(name, "checker", &[("filled", filled as u64), ("after_half", after_half as u64)]);
}

/// Small and large by turns; the large ones are freed and slightly larger ones asked for, then the small ones are freed.
fn alternate(bench: &mut Bench) {
    bench.begin();
    while bench.alloc(16, ALIGN) && bench.alloc(512, ALIGN) {}
    free_larger_than(bench, 256);
    ask(bench, 528);
    free_larger_than(bench, 256);
    for size in [512, 400, 256, 128, 64] {
        ask(bench, size);
    }
    free_smaller_than(bench, 32);
    for size in [528, 256, 64, 16] {
        ask(bench, size);
    }
    bench.end("alternate-16-512", "checker", &[]);
}

fn free_larger_than(bench: &mut Bench, size: usize) {
    for index in (0..bench.live()).rev() {
        if bench.size(index) > size {
            bench.free(index);
        }
    }
}

fn free_smaller_than(bench: &mut Bench, size: usize) {
    for index in (0..bench.live()).rev() {
        if bench.size(index) < size {
            bench.free(index);
        }
    }
}

/// Full of one small size, all freed in random order, then large requests, then the next small size: empty pages have to
/// change hands.
fn empty_pages(bench: &mut Bench) {
    let mut rng = Rng::new(7);
    bench.begin();
    let mut largest_total = 0;
    for (small, large) in [(8, 1024), (16, 4096), (24, 16384), (32, 2000), (48, 32768), (64, 8000), (128, 30000)] {
        fill(bench, small);
        bench.free_all_random(&mut rng);
        ask(bench, large);
        largest_total += bench.replay.live_bytes();
        fill(bench, small);
        bench.free_all_random(&mut rng);
    }
    bench.end("empty-pages", "checker", &[("large_bytes", largest_total as u64)]);
}

/// Full of a mix, nearly everything freed in random order, so that single blocks hold on to their surroundings; then all
/// sizes from large to small.
fn sparse(bench: &mut Bench) {
    let mut rng = Rng::new(11);
    bench.begin();
    for _ in 0..6 {
        let mut refusals = 0;
        while refusals < REFUSALS {
            let size = mix(&mut rng);
            refusals += usize::from(!bench.alloc(size, ALIGN));
        }
        let left = bench.live() / 10;
        while bench.live() > left {
            bench.free_random(&mut rng);
        }
        for size in [8192, 4096, 2048, 1024, 512, 256, 128, 64, 32, 16, 8] {
            bench.alloc(size, ALIGN);
        }
    }
    bench.end("sparse-mix", "checker", &[]);
}

/// Alignments from 1 to 1024 in random order.
fn aligned(bench: &mut Bench) {
    let mut rng = Rng::new(13);
    bench.begin();
    for _ in 0..4_000 {
        let size = rng.within(1, 300);
        let align = 1 << rng.below(11);
        if !bench.alloc(size, align) || bench.live() > 100 {
            for _ in 0..bench.live().min(8) {
                bench.free_random(&mut rng);
            }
        }
    }
    bench.end("aligned", "checker", &[]);
}

/// Ever smaller halves until nothing is left, freed from the smallest, from the largest and in random order.
fn halves(bench: &mut Bench) {
    let mut rng = Rng::new(17);
    bench.begin();
    for round in 0..9 {
        let mut size = 32 * 1024;
        while size >= 8 {
            if !bench.alloc(size, ALIGN) {
                size /= 2;
            }
        }
        match round % 3 {
            0 => bench.free_all(),
            1 => (0..bench.live()).for_each(|_| bench.free(0)),
            _ => bench.free_all_random(&mut rng),
        }
    }
    bench.end("halves", "checker", &[]);
}
