//! Blocks that grow and shrink, and zeroed ones. Copies and fills are subtracted: what `memcpy` and `memset` of the same
//! length take, measured right after the call.

use super::Bench;
use super::churn::{layout, mix};
use crate::heap::{ARENA_BYTES, IS_FLOOR};
use crate::rng::Rng;

pub fn run(bench: &mut Bench) {
    grow_alone(bench);
    grow_together(bench);
    random(bench);
    zeroed(bench);
}

/// One block doubles from 8 bytes to 16 KiB and shrinks to fit, as a vector does.
fn grow_alone(bench: &mut Bench) {
    bench.begin();
    for round in 0..20 {
        bench.alloc(8, 4);
        let mut size = 8;
        while size < 16 * 1024 {
            size *= 2;
            bench.realloc(0, size);
        }
        bench.realloc(0, size - 100 * (round + 1));
        bench.free_all();
    }
    bench.end("grow-alone", "resize", &[]);
}

/// Four blocks grow by turns, so that each is in the others' way.
fn grow_together(bench: &mut Bench) {
    bench.begin();
    for _ in 0..20 {
        for _ in 0..4 {
            bench.alloc(8, 4);
        }
        for doubling in 4..12 {
            for index in 0..bench.live() {
                bench.realloc(index, 1 << doubling);
            }
        }
        bench.free_all();
    }
    bench.end("grow-together", "resize", &[]);
}

/// 48 blocks of the firmware mix take new sizes of the mix.
fn random(bench: &mut Bench) {
    let mut rng = Rng::new(19);
    bench.begin();
    while bench.live() < 48 {
        let size = mix(&mut rng);
        let (size, align) = layout(&mut rng, size);
        bench.alloc(size, align);
    }
    let steps = if IS_FLOOR { 3_000 } else { 6_000 };
    for _ in 0..steps {
        let index = rng.below(bench.live());
        bench.realloc(index, mix(&mut rng));
    }
    bench.end("resize-mix", "resize", &[]);
}

/// Zeroed blocks of the mix at half full.
fn zeroed(bench: &mut Bench) {
    let mut rng = Rng::new(23);
    bench.begin();
    for _ in 0..4_000 {
        let size = mix(&mut rng);
        let (size, align) = layout(&mut rng, size);
        while bench.replay.live_bytes() + size > ARENA_BYTES / 2 {
            bench.free_random(&mut rng);
        }
        bench.alloc_zeroed(size, align);
    }
    bench.end("zeroed-mix", "resize", &[]);
}
