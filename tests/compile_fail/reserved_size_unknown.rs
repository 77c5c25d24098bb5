//~ pages are reserved for a block size that is not in the class list

use larder::{Config, Heap};

struct Wrong;
impl Config for Wrong {
    const RESERVED: &'static [(usize, usize)] = &[(33, 1)];
}

static HEAP: Heap<4096, Wrong> = Heap::new();

fn main() {}
