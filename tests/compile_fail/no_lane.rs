//~ a heap has at least one lane

use larder::{Config, Heap};

struct Wrong;
impl Config for Wrong {
    const LANES: usize = 0;
}

static HEAP: Heap<4096, Wrong> = Heap::new();

fn main() {}
