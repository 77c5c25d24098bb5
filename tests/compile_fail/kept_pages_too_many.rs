//~ at most 64 pages can be kept

use larder::{Config, Heap, large::Segregated, policy};

struct Wrong;
impl Config for Wrong {
    const KEPT_PAGES: usize = 65;
}

static HEAP: Heap<4096, policy::Default, Segregated, Wrong> = Heap::new();

fn main() {}
