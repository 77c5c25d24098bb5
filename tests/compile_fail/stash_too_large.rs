//~ the stash holds at most 64 pages

use larder::{Config, Heap};

struct Wrong;
impl Config for Wrong {
    const STASH_PAGES: usize = 65;
}

static HEAP: Heap<4096, Wrong> = Heap::new();

fn main() {}
