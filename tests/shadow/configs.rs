//! Configurations under test.

use larder::Config;

/// Few classes, far apart; no stash.
pub struct Sparse;
impl Config for Sparse {
    const CLASSES: &'static [usize] = &[16, 48, 128];
    const KEPT_PAGES: usize = 1;
    const STASH_PAGES: usize = 0;
}

/// Pages that never leave their class, and more kept pages than there mostly are.
pub struct Reserving;
impl Config for Reserving {
    const RESERVED: &'static [(usize, usize)] = &[(32, 2), (64, 1)];
    const KEPT_PAGES: usize = 8;
}

/// Pages that never leave their class, behind what the pools may not have.
pub struct Apart;
impl Config for Apart {
    const RESERVED: &'static [(usize, usize)] = &[(32, 2), (64, 1)];
    const POOLED_PERCENT: usize = 40;
    const STASH_PAGES: usize = 2;
}

/// Every empty page leaves at once.
pub struct KeepsNothing;
impl Config for KeepsNothing {
    const CLASSES: &'static [usize] = &[8];
    const KEPT_PAGES: usize = 0;
}

/// As many classes as there can be.
#[cfg(not(fuzzing))]
pub struct EveryClass;
#[cfg(not(fuzzing))]
impl Config for EveryClass {
    const CLASSES: &'static [usize] = &[8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128];
}
