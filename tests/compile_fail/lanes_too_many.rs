//~ too many lanes

use larder::{Config, Heap, large::Segregated, policy};

struct Wrong;
impl Config for Wrong {
    const LANES: usize = 16;
}

static HEAP: Heap<4096, policy::Default, Segregated, Wrong> = Heap::new();

fn main() {}
