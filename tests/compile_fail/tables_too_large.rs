//~ the arena is too small for its tables: take more bytes, or fewer classes, kept pages or pages in the stash

use larder::{Config, Heap};

struct Wrong;
impl Config for Wrong {
    const KEPT_PAGES: usize = 64;
    const STASH_PAGES: usize = 64;
}

static HEAP: Heap<1024, Wrong> = Heap::new();

fn main() {}
