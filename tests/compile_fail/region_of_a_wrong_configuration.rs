//~ a class size must be a positive multiple of 8 bytes

use larder::{Config, Region};

struct Wrong;
impl Config for Wrong {
    const CLASSES: &'static [usize] = &[20];
}

static REGION: Region<Wrong> = Region::new();

fn main() {}
