//~ a class size must be a positive multiple of 8 bytes

use larder::{Config, Region, large::Segregated, policy};

struct Wrong;
impl Config for Wrong {
    const CLASSES: &'static [usize] = &[20];
}

static REGION: Region<policy::Default, Segregated, Wrong> = Region::new();

fn main() {}
