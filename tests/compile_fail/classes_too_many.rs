//~ too many classes: at most 16 fit, one for each multiple of 8 up to 128

use larder::{Config, Heap};

struct Wrong;
impl Config for Wrong {
    const CLASSES: &'static [usize] = &[8; 17];
}

static HEAP: Heap<4096, Wrong> = Heap::new();

fn main() {}
