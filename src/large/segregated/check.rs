//! Verification of everything that the tier keeps.

use super::bins::{bin_of, bins};
use super::{END, FRONTIER, Free, HEAD_WORDS, LEN, MIN, NEXT, PREV, Segregated, Tier};
use crate::config::geometry::GRANULE;
use crate::large::{Backend, Ground};

impl<G: Ground> Tier<G> {
    /// Walks the arena and the bins, and compares.
    pub(super) fn check(self) -> Result<(), &'static str> {
        let (mut from, mut free, mut runs, mut left_is_free) = (GRANULE, 0, 0, false);
        while from < self.behind() {
            // SAFETY: inside the entry, as the caller of `check` is; `from` is the end of a run.
            let Some(run) = (unsafe { Segregated::next_run(self.0, from) }) else {
                return Err("the walk ends before the arena does");
            };
            if (run.begins && run.bytes < MIN) || from + run.bytes > self.behind() {
                return Err("a run is too short, or longer than the arena");
            }
            if run.free {
                self.check_run(Free { first: from, len: run.bytes })?;
                if left_is_free {
                    return Err("two free runs are neighbours");
                }
                free += run.bytes;
                runs += 1;
            }
            left_is_free = run.free;
            from += run.bytes;
        }
        if from != self.behind() || !self.bit(from) || self.bit(from + GRANULE) {
            return Err("the end of the arena is not marked");
        }
        if free != self.get(self.table(0), 0) {
            return Err("the count of free bytes is wrong");
        }
        let frontier = self.get(self.table(FRONTIER), 0);
        if frontier != self.behind() && (!self.seems_live(frontier) || self.is_second_of_free(frontier)) {
            return Err("no live block begins at the frontier");
        }
        self.check_bins(runs)
    }

    fn check_run(self, run: Free) -> Result<(), &'static str> {
        let last = run.end() - GRANULE;
        if self.get(run.end() - 4, 0) != run.len | END {
            return Err("a free run's two sizes differ");
        }
        if !self.bit(last) {
            return Err("a free run's last granule is not marked");
        }
        let inside = (run.first + 2 * GRANULE) / GRANULE;
        if run.len > 3 * GRANULE && self.bits().next_set(inside, run.end() / GRANULE) * GRANULE != last {
            return Err("a granule inside a free run is marked");
        }
        Ok(())
    }

    /// Every run of a bin belongs there, is linked both ways, and is one that the walk has met.
    fn check_bins(self, mut runs: u32) -> Result<(), &'static str> {
        for bin in 0..bins(self.0.bytes()) {
            let mut prev = self.table(HEAD_WORDS + bin);
            let mut first = self.get(prev, 0);
            if (first != 0) != ((self.get(self.table(1 + bin / 32), 0) >> (bin % 32)) & 1 != 0) {
                return Err("the bins' bitmap is wrong");
            }
            while first != 0 {
                let run = Free { first, len: self.get(first, LEN) };
                if !self.bit(first) || !self.bit(first + GRANULE) || bin_of(run.len) != bin {
                    return Err("a bin holds what does not belong there");
                }
                if self.get(first, PREV) != prev {
                    return Err("a bin's links are broken");
                }
                runs = runs.checked_sub(1).ok_or("the bins hold more runs than the arena")?;
                prev = first;
                first = self.get(first, NEXT);
            }
        }
        if runs == 0 { Ok(()) } else { Err("a free run is in no bin") }
    }
}
