//! How much memory a small heap asks for when it grows, and what fits into it: in numbers.

use super::WORD_GRANULES;
use crate::geometry::GRANULE_BYTES;
use crate::growing::UNIT_BYTES;

/// Granules that are as long as a unit.
pub(crate) const UNIT_GRANULES: usize = UNIT_BYTES / GRANULE_BYTES;

/// Granules whose states are as long as one of them.
const STATED: usize = WORD_GRANULES / size_of::<u32>() * GRANULE_BYTES;

/// How many granules have room in a number of bytes, with their table: 8 of them and their states are 66 bytes, and the
/// table has a word for the states that are begun, and the one behind.
#[inline(always)]
pub(crate) const fn room(bytes: usize) -> usize {
    (bytes - size_of::<u32>()) / (8 * GRANULE_BYTES + 2) * 8
}

/// How many units it takes besides memory of the length of `there` granules, of which fewer have room, until `wanted`
/// have. If `wanted` is more than `there`, the table then begins in what was taken.
#[inline(always)]
pub(crate) const fn lack(there: usize, wanted: usize) -> usize {
    // The word, and what is rounded off, are less than 9 granules. No sum overflows: granules are numbered in 29 bits.
    (wanted + wanted / STATED + 9 - there) / UNIT_GRANULES + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A heap needs room for a number of granules in a number of bytes, which end with a unit.
    fn verify(bytes: usize, wanted: usize) {
        let lack = lack(bytes / GRANULE_BYTES, wanted);
        let room_with = |units: usize| room(bytes.max(4) + units * UNIT_BYTES);
        assert!(room_with(lack) >= wanted, "{wanted} granules: {lack} units are less than {bytes} bytes lack");
        assert!(lack < 2 || room_with(lack - 2) < wanted, "{wanted} granules: {lack} units more than {bytes} bytes");
    }

    #[test]
    fn what_is_asked_for_is_enough_and_at_most_a_unit_more() {
        // How far in front of a unit's border the heap begins.
        for offset in (0..UNIT_BYTES).step_by(GRANULE_BYTES) {
            for units in [0, 1, 2, 15, 16, 31, 32, 33, 500, 2000, 40_000] {
                let bytes = offset + units * UNIT_BYTES;
                let has = room(bytes.max(4));
                let border = |more: usize| room(bytes + more * UNIT_BYTES);
                // One more than have room, those behind memory that is another's, and about what has room in that many
                // units.
                for wanted in [has, bytes / GRANULE_BYTES, border(1), border(2), border(40)] {
                    for wanted in wanted.saturating_sub(10).max(has)..wanted + 10 {
                        verify(bytes, wanted + 1);
                    }
                }
            }
        }
    }

    #[test]
    fn granules_and_their_table_fit() {
        for bytes in (72..300_000).step_by(4) {
            let granules = room(bytes);
            let table = (granules / WORD_GRANULES + 1) * size_of::<u32>();
            assert!(granules * GRANULE_BYTES + table <= bytes, "{granules} granules in {bytes} bytes");
            assert!((granules + 8) * GRANULE_BYTES + table > bytes - 8, "{granules} granules in {bytes} bytes");
        }
    }
}
