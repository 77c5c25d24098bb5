//! What a small heap holds, from its table.

use super::granules::{Blocks, Granules, WORD_GRANULES, state};
use crate::config::Table;
use crate::config::geometry::{GRANULE_BYTES, PAGE_GRANULES};
use crate::hooks::events;
use crate::report::CheckError;
use crate::report::Stats;
use crate::report::{Holds, Piece};
use crate::sync::Ordering::*;

/// Looks at all granules.
impl<G: Granules> Blocks<G> {
    /// Meets every block and every free run, in order: its length in granules, and whether it is free. Returns whether
    /// the table was the same before and after.
    pub(crate) fn runs(self, mut meet: impl FnMut(usize, bool)) -> bool {
        let before = self.sum();
        let mut at = 0;
        while at < self.count() {
            let free = self.state(at) == state::FREE;
            let end = if free { self.end_of_free(at) } else { self.end(at).min(self.count()) };
            meet(end - at, free);
            at = end;
        }
        before == self.sum()
    }

    /// A number that is most likely another when the table is.
    pub(crate) fn sum(self) -> u32 {
        let words = 0..self.count().div_ceil(WORD_GRANULES);
        // The multiplier of Fowler, Noll and Vo's hash.
        words.fold(0, |sum, at| (sum ^ self.word(at).load(Relaxed)).wrapping_mul(0x0100_0193))
    }

    pub(crate) fn end_of_free(self, first: usize) -> usize {
        (first..self.count()).find(|&at| self.state(at) != state::FREE).unwrap_or(self.count())
    }

    /// The statistics: what the table tells, and the counters. `tables_bytes` is what lies besides the granules.
    pub(crate) fn stats(self, tables_bytes: usize) -> Stats {
        let header = self.header();
        let mut stats = Stats::none();
        let (mut live, mut free, mut largest, mut free_runs) = (0, 0, 0, 0);
        stats.consistent = self.runs(|granules, is_free| {
            if is_free {
                free += granules;
                free_runs += 1;
                largest = granules.max(largest);
            } else {
                live += granules;
            }
        });
        stats.arena_bytes = self.count() * GRANULE_BYTES + tables_bytes;
        stats.metadata_bytes = tables_bytes;
        stats.live_bytes = live * GRANULE_BYTES;
        stats.live_large_bytes = stats.live_bytes;
        stats.free_bytes = free * GRANULE_BYTES;
        stats.committed_peak_bytes = None;
        stats.largest_free_bytes = largest * GRANULE_BYTES;
        stats.free_runs = free_runs;
        stats.refused = header.refused.load(Relaxed);
        stats.wrong_frees = header.wrong_frees.load(Relaxed);
        if G::Config::TELLS {
            stats.events_untold = events::untold(self.0.events());
        }
        stats
    }

    /// Shows every piece, and `tables_bytes` behind them.
    pub(crate) fn walk(self, tables_bytes: usize, mut show: impl FnMut(Piece)) -> bool {
        let mut start = self.0.base().cast_const();
        let mut put = |bytes: usize, holds| {
            show(Piece { start, bytes, holds });
            start = start.wrapping_add(bytes);
        };
        let steady =
            self.runs(|granules, free| put(granules * GRANULE_BYTES, if free { Holds::Free } else { Holds::Large }));
        put(tables_bytes, Holds::Tables);
        steady
    }

    /// What the block that starts at an address occupies, in bytes; 0 if there is none.
    pub(crate) fn occupied(self, ptr: *mut u8) -> usize {
        let first = self.granule(ptr);
        if self.offset(ptr) % GRANULE_BYTES != 0 || first >= self.count() || self.state(first) != state::STARTS {
            return 0;
        }
        (self.end(first) - first) * GRANULE_BYTES
    }

    /// Verifies the table of a heap that nobody is using.
    pub(crate) fn check(self) -> Result<(), CheckError> {
        let mut before = state::FREE;
        for at in 0..self.word_end() {
            let now = self.state(at);
            let wrong = match now {
                _ if at >= self.count() && now != state::FREE => "a granule behind the last is in use",
                state::GOES_ON if before == state::FREE => "a block goes on that does not start",
                state::FREE | state::GOES_ON | state::STARTS => {
                    before = now;
                    continue;
                }
                _ => "a block is being released, by a call that does not return",
            };
            return Err(CheckError { what: wrong, page: at as u32 / PAGE_GRANULES + 1 });
        }
        Ok(())
    }

    /// How many granules the table has room for.
    pub(crate) fn word_end(self) -> usize {
        (self.count() / WORD_GRANULES + 1) * WORD_GRANULES
    }
}
