//~ class sizes must be strictly ascending

use larder::{Config, Heap, large::Segregated, policy};

struct Wrong;
impl Config for Wrong {
    const CLASSES: &'static [usize] = &[8, 16, 16];
}

static HEAP: Heap<4096, policy::Default, Segregated, Wrong> = Heap::new();

fn main() {}
