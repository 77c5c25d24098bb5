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

/// Every call runs in one of two lanes, whichever, and may change it in the middle.
pub struct LaneByLane;
impl Config for LaneByLane {
    const LANES: usize = 2;

    fn lane() -> usize {
        turn()
    }
}

/// As many lanes as there can be; a stash, which refills stock.
#[cfg(not(fuzzing))]
pub struct ManyLanes;
#[cfg(not(fuzzing))]
impl Config for ManyLanes {
    const CLASSES: &'static [usize] = &[16, 64];
    const STASH_PAGES: usize = 3;
    const LANES: usize = 15;

    fn lane() -> usize {
        turn()
    }
}

/// As many lanes of as many classes as there can be, all in one.
#[cfg(not(fuzzing))]
pub struct EveryClass;
#[cfg(not(fuzzing))]
impl Config for EveryClass {
    const CLASSES: &'static [usize] = &[8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128];
    const LANES: usize = 7;
}

/// Any number, and the same in every run of one thread.
fn turn() -> usize {
    thread_local! {
        static TURN: core::cell::Cell<u64> = const { core::cell::Cell::new(0) };
    }
    TURN.set(TURN.get().wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1));
    (TURN.get() >> 33) as usize
}
