//~ at most 64 pages can be kept

use larder::{Config, Heap};

struct Wrong;
impl Config for Wrong {
    const KEPT_PAGES: usize = 65;
}

static HEAP: Heap<4096, Wrong> = Heap::new();

fn main() {}
