//~ class sizes must be strictly ascending

use larder::{Config, Heap};

struct Wrong;
impl Config for Wrong {
    const CLASSES: &'static [usize] = &[8, 16, 16];
}

static HEAP: Heap<4096, Wrong> = Heap::new();

fn main() {}
