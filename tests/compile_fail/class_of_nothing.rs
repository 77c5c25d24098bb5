//~ a class size must be a positive multiple of 8 bytes

use larder::{Config, Heap};

struct Wrong;
impl Config for Wrong {
    const CLASSES: &'static [usize] = &[0, 8];
}

static HEAP: Heap<4096, Wrong> = Heap::new();

fn main() {}
