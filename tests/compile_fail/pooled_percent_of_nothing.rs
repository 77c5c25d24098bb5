//~ POOLED_PERCENT is 1 to 100

use larder::{Config, Heap};

struct Wrong;
impl Config for Wrong {
    const POOLED_PERCENT: usize = 0;
}

static HEAP: Heap<4096, Wrong> = Heap::new();

fn main() {}
