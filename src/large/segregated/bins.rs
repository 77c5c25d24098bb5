//! The bins: lists of runs of about one length, four to a doubling.

use super::{END, Free, HEAD_WORDS, LEN, MIN, NEXT, PREV, Tier};
use crate::large::Ground;

/// Not a bin.
pub(super) const NO_BIN: u32 = u32::MAX;

/// The bin of runs of `len` bytes: four to a doubling.
#[inline(always)]
pub(super) const fn bin_of(len: u32) -> u32 {
    let log = 31 - len.leading_zeros();
    // The shifted length is 4 to 7: its upper bits count as one more doubling.
    4 * log + (len >> (log - 2)) - (4 * MIN.ilog2() + 4)
}

/// Whether runs of both lengths belong into one bin: their highest three bits are the same.
#[inline(always)]
const fn share_bin(a: u32, b: u32) -> bool {
    (a ^ b).leading_zeros() > a.leading_zeros() + 2
}

/// How many bins an arena of that many bytes needs.
pub(super) const fn bins(bytes: u32) -> u32 {
    bin_of(bytes) + 1
}

impl<G: Ground> Tier<G> {
    /// Turns the bit that says whether a bin holds something.
    #[inline(always)]
    fn flip_bin(self, bin: u32) {
        let place = self.table(1 + bin / 32);
        self.put(place, 0, self.get(place, 0) ^ 1 << (bin % 32));
    }

    /// Enters a run into its bin, as the first, and writes its sizes.
    #[inline(never)]
    pub(super) fn link(self, run: Free) {
        debug_assert!(run.len >= MIN);
        let bin = bin_of(run.len);
        let head = self.table(HEAD_WORDS + bin);
        let next = self.get(head, 0);
        self.write_run(run, next, head);
        self.put(head, 0, run.first);
        if next != 0 {
            self.put(next, PREV, run.first);
        } else {
            self.flip_bin(bin);
        }
    }

    /// Takes the run that starts at `first` out of its bin.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    #[cfg_attr(target_arch = "wasm32", inline)]
    pub(super) fn unlink(self, first: u32) -> Free {
        let (next, prev, len) = (self.get(first, NEXT), self.get(first, PREV), self.get(first, LEN));
        self.put(prev, 0, next);
        if next != 0 {
            self.put(next, PREV, prev);
        } else if prev > self.0.bytes() {
            // A head's place: there are no others behind the ground.
            self.flip_bin((self.table(HEAD_WORDS) - prev) / 4);
        }
        Free { first, len }
    }

    /// Enters a run instead of another, in the place that this has in its bin, if it belongs there too.
    #[inline(never)]
    pub(super) fn replace(self, old: u32, run: Free) {
        if !share_bin(self.get(old, LEN), run.len) {
            self.unlink(old);
            return self.link(run);
        }
        let (next, prev) = (self.get(old, NEXT), self.get(old, PREV));
        self.write_run(run, next, prev);
        self.put(prev, 0, run.first);
        if next != 0 {
            self.put(next, PREV, run.first);
        }
    }

    /// Writes the words of a free run.
    #[inline(always)]
    fn write_run(self, run: Free, next: u32, prev: u32) {
        self.put(run.first, NEXT, next);
        self.put(run.first, PREV, prev);
        self.put(run.first, LEN, run.len);
        self.put(run.end() - 4, 0, run.len | END);
    }

    /// The first bin at or after `from` that is not empty, or one that is none.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    #[cfg_attr(target_arch = "wasm32", inline)]
    pub(super) fn next_bin(self, from: u32) -> u32 {
        let mut word = from / 32;
        // The words of bins are one more than this, if `from` is behind the last bin.
        let mut bits = self.get(self.table(1 + word), 0) & u32::MAX << (from % 32);
        while bits == 0 {
            word += 1;
            if word >= bins(self.0.bytes()).div_ceil(32) {
                return NO_BIN;
            }
            bits = self.get(self.table(1 + word), 0);
        }
        word * 32 + bits.trailing_zeros()
    }

    /// The first run of a bin.
    #[inline(always)]
    pub(super) fn head(self, bin: u32) -> u32 {
        self.get(self.table(HEAD_WORDS + bin), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::geometry::GRANULE;
    use crate::large::segregated::FRONTIER;

    #[test]
    fn bins_ascend_and_are_as_many_as_counted() {
        let mut last = 0;
        for granules in (2..1 << 16).chain((1 << 16..1 << 29).step_by(1 << 10)) {
            let bin = bin_of(granules * GRANULE);
            assert!(bin >= last, "{granules} granules");
            last = bin;
        }
        for log in 1..=28u32 {
            for granules in [1 << log, (2 << log) - 1] {
                assert!(bins(granules * GRANULE) <= 4 * log, "{granules} granules");
            }
        }
        assert!(bins(u32::MAX).div_ceil(32) < FRONTIER);
    }
}
