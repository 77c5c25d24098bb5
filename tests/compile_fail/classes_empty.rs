//~ the class list is empty: name at least one size

use larder::{Config, Heap, large::Segregated, policy};

struct Wrong;
impl Config for Wrong {
    const CLASSES: &'static [usize] = &[];
}

static HEAP: Heap<4096, policy::Default, Segregated, Wrong> = Heap::new();

fn main() {}
