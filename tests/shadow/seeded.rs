//! Actions that a seed chooses.

use super::{Action, Wrong};

/// What kinds of requests a run makes.
#[derive(Clone, Copy)]
pub struct Mix {
    /// The largest common request.
    pub size: usize,
    /// How full the heap is kept, in percent of allocations among allocations and frees.
    pub alloc_percent: u32,
    /// How many calls find the large tier held, in percent. Only a heap whose policy is a `Door` can be held.
    pub held_percent: u32,
}

/// A seeded choice.
pub fn action(random: &mut fastrand::Rng, mix: Mix) -> Action {
    let which = random.usize(..);
    let size = match random.u32(..100) {
        0..70 => random.usize(1..=64),
        70..97 => random.usize(1..=mix.size),
        97 => random.usize(1..=mix.size * 16),
        98 => random.usize(1..=256 * 1024),
        _ => isize::MAX as usize - random.usize(..100_000),
    };
    match random.u32(..100) {
        0..80 if random.u32(..100) < mix.alloc_percent => {
            let align_log2 = if random.u32(..10) == 0 { random.u32(..=16) } else { 0 };
            if random.bool() { Action::AllocZeroed { size, align_log2 } } else { Action::Alloc { size, align_log2 } }
        }
        0..80 => Action::Dealloc { which },
        80..95 => Action::Realloc { which, size },
        95..98 => Action::WrongFree(wrong_free(random, which)),
        98 => Action::WrongRealloc { wrong: wrong_free(random, which), size },
        _ => Action::Trim,
    }
}

fn wrong_free(random: &mut fastrand::Rng, which: usize) -> Wrong {
    let offset = random.usize(..) & if random.bool() { !7 } else { !0 };
    match random.u32(..5) {
        0 => Wrong::Again,
        1 => Wrong::Inside { which, offset },
        2 => Wrong::Anywhere { offset, size: random.usize(1..=300) },
        3 => Wrong::OtherSize { which, number: random.usize(..) },
        _ => Wrong::Elsewhere,
    }
}
