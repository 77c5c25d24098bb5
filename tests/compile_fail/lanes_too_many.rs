//~ too many lanes

use larder::{Config, Heap};

struct Wrong;
impl Config for Wrong {
    const LANES: usize = 16;
}

static HEAP: Heap<4096, Wrong> = Heap::new();

fn main() {}
