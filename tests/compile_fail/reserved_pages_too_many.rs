//~ more pages are reserved for classes than the pools can have

use larder::{Config, Heap};

struct Wrong;
impl Config for Wrong {
    const RESERVED: &'static [(usize, usize)] = &[(32, 10), (64, 10)];
}

static HEAP: Heap<4096, Wrong> = Heap::new();

fn main() {}
