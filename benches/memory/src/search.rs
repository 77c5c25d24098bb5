//! The smallest arena that serves: bisection, and a look below what it found.

use crate::room::Smallest;

/// Arenas are multiples of this.
const STEP_BYTES: usize = 16;

/// Sizes that are tried below the one bisection found.
const PROBES: usize = 24;

/// Finds the smallest multiple of 16 bytes that `serves`, between `peak_bytes` and `limit`.
///
/// Bisection takes for granted that what serves with less serves with more. Allocators are nearly like that, not quite:
/// so sizes between the peak and the result are tried as well, and if one of them serves, the search goes on below it.
/// Time: about 50 attempts.
pub fn smallest(peak_bytes: usize, limit: usize, mut serves: impl FnMut(usize) -> bool) -> Option<Smallest> {
    let floor = peak_bytes / STEP_BYTES * STEP_BYTES;
    let mut high = floor + floor / 16;
    while !serves(round_up(high)) {
        high += high / 8 + STEP_BYTES;
        if high > limit {
            return None;
        }
    }
    let mut best = bisect(floor, round_up(high), &mut serves);
    let mut uneven = false;
    while let Some(lower) = probe(floor, best, &mut serves) {
        uneven = true;
        best = bisect(floor, lower, &mut serves);
    }
    Some(Smallest { arena_bytes: best, uneven })
}

fn round_up(bytes: usize) -> usize {
    bytes.next_multiple_of(STEP_BYTES)
}

/// `high` serves; the result does too, and the step below it does not.
fn bisect(mut low: usize, mut high: usize, serves: &mut impl FnMut(usize) -> bool) -> usize {
    while high - low > STEP_BYTES {
        let middle = low + (high - low) / 2 / STEP_BYTES * STEP_BYTES;
        if serves(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

/// A size below `best` that serves, if one of the probes does.
fn probe(floor: usize, best: usize, serves: &mut impl FnMut(usize) -> bool) -> Option<usize> {
    let span = best - floor;
    let mut near = (2..PROBES / 2).map(|steps| best.saturating_sub(steps * STEP_BYTES)).filter(|&bytes| bytes >= floor);
    let mut spread = (1..PROBES / 2).map(|part| round_up(floor + span * part / (PROBES / 2)) - STEP_BYTES);
    near.find(|&bytes| serves(bytes)).or_else(|| spread.find(|&bytes| bytes < best && bytes >= floor && serves(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_border() {
        for border in [1000, 1008, 4000, 9984] {
            let found = smallest(1000, 1 << 20, |bytes| bytes >= border).expect("there is a border");
            assert_eq!((found.arena_bytes, found.uneven), (round_up(border), false));
        }
    }

    #[test]
    fn sees_a_gap_near_the_border() {
        let serves = |bytes| bytes >= 5000 || (4800..4960).contains(&bytes);
        assert_eq!(smallest(1000, 1 << 20, serves), Some(Smallest { arena_bytes: 4800, uneven: true }));
    }

    #[test]
    fn gives_up_at_the_limit() {
        assert_eq!(smallest(1000, 5000, |_| false), None);
    }
}
