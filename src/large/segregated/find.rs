//! Where a block can be had: a few runs are looked at, never all.

use super::bins::{NO_BIN, bin_of};
use super::{END, FRONTIER, Free, LEN, MIN, NEXT, Tier};
use crate::config::geometry::{GRANULE, PAGE};
use crate::large::Ground;

/// How many runs of a request's own bin are compared.
const LOOKS: u32 = 2;

/// Without pools: the longest block, in bytes, that may lie at the end of the arena; and how many bins longer a run is
/// that it would rather not divide, five doublings.
const SHORT_MAX: u32 = 1024;
const SHORT_BINS: u32 = 19;

/// How many runs, too short for two pages, are looked at for one.
const HOLE_LOOKS: u32 = 2;

/// How many are looked at before a request is refused: enough for `largest_free_bytes` to be true, unless that many
/// shorter runs of the same bin stand before the one that would do.
const DEEP_LOOKS: u32 = 10;

/// How far behind its first granule a run has a place that is a multiple of `align` bytes from `base`:
/// never one granule, which can't be a free run.
#[inline(always)]
fn prefix(first: u32, base: u32, align: u32) -> u32 {
    let prefix = (GRANULE.wrapping_sub(first).wrapping_sub(base)) & (align - 1);
    if prefix == GRANULE { prefix + align } else { prefix }
}

impl<G: Ground> Tier<G> {
    /// A run of that many bytes at least, and the block's place in it: the shorter of the first two of its own bin, or
    /// the first of the next larger. Without pools, blocks that are short take the end of the run at the frontier
    /// before they divide a long one.
    #[inline(always)]
    pub(super) fn find(self, bytes: u32) -> (u32, u32) {
        let own = bin_of(bytes);
        let (mut best, mut best_len) = (0, u32::MAX);
        let mut first = self.head(own);
        let mut looks = LOOKS;
        while first != 0 && looks != 0 {
            let len = self.get(first, LEN);
            if bytes <= len && len < best_len {
                (best, best_len) = (first, len);
            }
            first = self.get(first, NEXT);
            looks -= 1;
        }
        if best == 0 {
            let bin = self.next_bin(own + 1);
            if !G::HAS_PAGES && bytes <= SHORT_MAX && bin > own + SHORT_BINS {
                let run = self.run_at_frontier();
                if run.len >= bytes + MIN {
                    self.put(self.table(FRONTIER), 0, run.end() - bytes);
                    return (run.first, run.end() - bytes);
                }
            }
            best = if bin == NO_BIN { self.find_deep(bytes) } else { self.head(bin) };
        }
        (best, best)
    }

    /// The run that ends at the frontier; of no bytes if none does.
    #[inline(always)]
    fn run_at_frontier(self) -> Free {
        self.run_before(self.get(self.table(FRONTIER), 0))
    }

    /// The run that ends at a place behind which no run lies; of no bytes if none does.
    #[inline(always)]
    pub(super) fn run_before(self, end: u32) -> Free {
        let len = if self.bit(end - GRANULE) { self.get(end - 4, 0) & !END } else { 0 };
        Free { first: end - len, len }
    }

    /// The same for a block at a multiple of `align`: in the first run that may have a place for it; or in one that is
    /// long enough wherever it lies; or, before a request is refused, in one of the first few that may have a place.
    #[inline(never)]
    pub(super) fn find_aligned(self, bytes: u32, align: u32) -> (u32, u32) {
        let own = bin_of(bytes);
        let (mut from, mut looks) = (own, 1);
        loop {
            let found = self.find_aligned_from(from, looks, bytes, align);
            if found.0 != 0 || looks != 1 {
                return found;
            }
            // Nothing is long enough wherever it lies: the last pass.
            if from != own {
                looks = DEEP_LOOKS;
            }
            from = if from == own { bin_of(bytes + align) + 1 } else { own };
        }
    }

    /// The first of `looks` runs that has a place for an aligned block, in the bins from `from` on.
    #[inline(always)]
    fn find_aligned_from(self, from: u32, mut looks: u32, bytes: u32, align: u32) -> (u32, u32) {
        let mut bin = self.next_bin(from);
        while bin != NO_BIN {
            let mut first = self.head(bin);
            while first != 0 {
                // Lengths: a place so far behind need not be a number.
                let lead = self.lead(first, align);
                if lead + bytes <= self.get(first, LEN) {
                    return (first, first + lead);
                }
                looks -= 1;
                if looks == 0 {
                    return (0, 0);
                }
                first = self.get(first, NEXT);
            }
            bin = self.next_bin(bin + 1);
        }
        (0, 0)
    }

    /// A run with a page, and the page's place in it: its last. A hole that is not much longer than a page; or the run
    /// that ends at the frontier; or any that has a page wherever it lies.
    ///
    /// So the pages of the pools gather at the end of the arena, and large blocks that grow at its start do not meet
    /// them. Where they may not begin, they do not.
    #[inline(never)]
    pub(super) fn find_page(self) -> (u32, u32) {
        let hole = self.find_hole();
        if hole.1 != 0 {
            return hole;
        }
        let run = self.run_at_frontier();
        let mut first = run.first;
        let mut at = self.last_page(first, run.end());
        if at == 0 {
            let bin = self.next_bin(bin_of(2 * PAGE) + 1);
            if bin == NO_BIN {
                return (0, 0);
            }
            first = self.head(bin);
            at = self.last_page(first, first + self.get(first, LEN));
        }
        if at == 0 {
            return (0, 0);
        }
        self.put(self.table(FRONTIER), 0, at);
        (first, at)
    }

    /// The last page of a run from `first` to `end` that the pools can have, or 0.
    #[inline(always)]
    fn last_page(self, first: u32, end: u32) -> u32 {
        let last = end.min(self.0.pages_to()) - GRANULE;
        let at = (last & !(PAGE - 1)).wrapping_sub(PAGE) + GRANULE;
        // Not one granule behind the start: as in `prefix`.
        let fits = at == first || (at > first + GRANULE && at < last);
        if fits && at >= self.0.pages_from() { at } else { 0 }
    }

    /// One of the first few runs in which a page leaves next to nothing.
    #[inline(always)]
    fn find_hole(self) -> (u32, u32) {
        let mut looks = HOLE_LOOKS;
        let mut bin = bin_of(PAGE);
        while bin < bin_of(PAGE + PAGE / 2) {
            let mut first = self.head(bin);
            while first != 0 && looks != 0 {
                let at = self.last_page(first, first + self.get(first, LEN));
                if at != 0 {
                    return (first, at);
                }
                first = self.get(first, NEXT);
                looks -= 1;
            }
            bin += 1;
        }
        (0, 0)
    }

    /// The last resort before a refusal: a run of the request's own bin, further behind.
    #[cold]
    #[inline(never)]
    fn find_deep(self, bytes: u32) -> u32 {
        let mut first = self.head(bin_of(bytes));
        let mut looks = DEEP_LOOKS;
        while first != 0 && looks != 0 {
            if bytes <= self.get(first, LEN) {
                return first;
            }
            first = self.get(first, NEXT);
            looks -= 1;
        }
        0
    }

    /// How far behind `first` the first multiple of `align` bytes lies at which a block can start.
    #[inline(always)]
    fn lead(self, first: u32, align: u32) -> u32 {
        // The ground is aligned to a page: only larger alignments need its address.
        let base = if align > PAGE { self.0.word(GRANULE).addr() as u32 } else { 0 };
        prefix(first, base, align)
    }
}
