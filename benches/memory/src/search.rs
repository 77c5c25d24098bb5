//! The smallest arena that serves, and the one from which on all serve.
//!
//! What serves with less should serve with more, and nearly always does. Not always: with more room, a block can land
//! where it later stands in the way of a large one. So the search looks at a whole row of sizes.

use crate::room::Found;

/// Arenas are multiples of this.
const STEP_BYTES: usize = 16;

/// Sizes that are tried just below one that bisection found.
const NEAR: usize = 10;

/// Finds the arenas, in multiples of 16 bytes between `peak_bytes` and `limit`.
///
/// The row reaches in steps of the peak's `parts`-th part to twice the peak, or until a quarter as many sizes in a row serve.
/// Time: about `parts + 30` attempts.
pub fn search(peak_bytes: usize, limit: usize, parts: usize, mut serves: impl FnMut(usize) -> bool) -> Option<Found> {
    let row = |index: usize| (peak_bytes + peak_bytes * index / parts).next_multiple_of(STEP_BYTES);
    let (mut first_serving, mut last_refused) = (None, None);
    for index in 0.. {
        if index > parts && index > last_refused.map_or(0, |last| last + parts / 4) {
            break;
        }
        if row(index) > limit {
            // Still refused at the end of the memory there is.
            return None;
        }
        if serves(row(index)) {
            first_serving = first_serving.or(Some(index));
        } else {
            last_refused = Some(index);
        }
    }
    let below = |index: Option<usize>| index.map_or(peak_bytes / STEP_BYTES * STEP_BYTES - STEP_BYTES, row);
    let smallest = bisect(below(first_serving?.checked_sub(1)), row(first_serving?), &mut serves);
    let steady = bisect(below(last_refused), row(last_refused.map_or(0, |last| last + 1)), &mut serves);
    let near = (2..NEAR).map(|steps| smallest.saturating_sub(steps * STEP_BYTES)).filter(|&bytes| bytes >= peak_bytes);
    let smallest = near.filter(|&bytes| serves(bytes)).last().unwrap_or(smallest);
    Some(Found { smallest_bytes: smallest, steady_bytes: steady })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn found(smallest_bytes: usize, steady_bytes: usize) -> Option<Found> {
        Some(Found { smallest_bytes, steady_bytes })
    }

    #[test]
    fn finds_the_border() {
        for border in [1000_usize, 1008, 4000, 9984] {
            let border_step = border.next_multiple_of(STEP_BYTES);
            assert_eq!(search(1000, 1 << 20, 64, |bytes| bytes >= border), found(border_step, border_step));
        }
    }

    #[test]
    fn sees_an_island_below() {
        let serves = |bytes| bytes >= 9008 || (7200..8000).contains(&bytes);
        assert_eq!(search(6000, 1 << 20, 64, serves), found(7200, 9008));
    }

    #[test]
    fn gives_up_at_the_limit() {
        assert_eq!(search(1000, 5000, 64, |_| false), None);
    }
}
