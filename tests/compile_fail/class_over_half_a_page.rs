//~ a class size must not exceed half a page (128 bytes)

use larder::{Config, Heap};

struct Wrong;
impl Config for Wrong {
    const CLASSES: &'static [usize] = &[64, 136];
}

static HEAP: Heap<4096, Wrong> = Heap::new();

fn main() {}
