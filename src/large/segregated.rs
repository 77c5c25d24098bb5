//! Tier 2 of our own: a segregated fit whose live blocks carry nothing.
//!
//! ```text
//!   live block, n granules          bits  1 0 0 … 0
//!   free run, n ≥ 4                 bits  1 1 0 … 0 1
//!   free run of 3, of 2             bits  1 1 1,  1 1
//!   behind the last granule         bits  1 0          as if a live block stood there
//!
//!   free run    ┌ next ┬ prev ┬ size ┬ …      … ┬ size | END ┐    32-bit words
//!               └ granule 1 ──┴ granule 2 ─…  … ┴─ last word ┘
//! ```
//!
//! - A block has at least two granules, so its second bit tells live (0) from free (1), and the last
//!   bit of whatever stands to the left tells whether that is free: neighbours are found in O(1).
//! - A block whose neighbour would become a free run of one granule takes that granule too. Its owner's
//!   layout does not say so; the bit where the block should end does.
//! - The second granule of a free run also reads `1 0` from there on. The word before it tells: the
//!   last granule of a free run ends in a size with `END` set, the first in a link without.
//!
//! So every free is checked in O(1): whether a block starts here, is live, and has this size. Runs
//! are sorted by size into bins, four to a doubling, as in TLSF (Masmano et al., 2004); a few entries of a request's own bin
//! are compared before the next larger bin serves it. Bins of 32 to 127 granules come in
//! pairs, the second for runs that have a whole page inside: the pools find one without a search.

use super::bitmap::Bitmap;
use super::{Ground, Large, Resized, Run, TableBytes, WALK_GRANULES};
use crate::config::Reason;
use crate::geometry::{GRANULE_BYTES, LARGE_MIN_GRANULES, PAGE_GRANULES};

/// Tier 2 in O(1): the default.
///
/// Time: at most [`LOOKS`] runs are compared; everything else is a fixed number of steps.
/// Table: one bit a granule (1.6 % of the arena), and 16 bytes for each doubling of its size.
pub struct Segregated;

/// How many runs of a request's own bin are compared.
pub const LOOKS: u32 = 8;

/// Marks the size at the end of a free run.
const END: u32 = 1 << 31;
/// Words before the bins: the free granules, and the bins that are not empty.
const HEAD_WORDS: usize = 4;
/// The first bin of a pair, and the first after the pairs.
const PAIRS: core::ops::Range<u32> = 16..32;
/// The bins of the first word whose runs have a page inside; all further bins' runs have.
const PAGE_BINS: u32 = 0xAAAA_0000;

/// A free run.
#[derive(Clone, Copy)]
struct Free {
    first: u32,
    len: u32,
}

/// Where the first page of a run lies, seen from its first granule: never 1, because a single
/// granule can't be a free run of its own.
#[inline(always)]
fn page_inside(first: u32) -> u32 {
    let prefix = 1u32.wrapping_sub(first) % PAGE_GRANULES;
    if prefix == 1 { prefix + PAGE_GRANULES } else { prefix }
}

/// The bin of runs of `len` granules, the first of the two if it is one of a pair.
#[inline(always)]
const fn size_bin(len: u32) -> u32 {
    if len < 4 {
        return len;
    }
    let log = 31 - len.leading_zeros();
    let bin = (log - 1) * 4 + ((len >> (log - 2)) & 3);
    if bin < PAIRS.start {
        bin
    } else if bin < PAIRS.start + 8 {
        bin * 2 - PAIRS.start
    } else {
        bin + 8
    }
}

/// The bin of a run.
#[inline(always)]
fn bin_of(run: Free) -> u32 {
    let bin = size_bin(run.len);
    let with_page = PAIRS.contains(&bin) && page_inside(run.first) + PAGE_GRANULES <= run.len;
    bin + with_page as u32
}

/// How many bins an arena of so many granules needs.
const fn bins(granules: u32) -> u32 {
    size_bin(granules) + 2
}

/// The tier's words, with names.
struct Tier<'a, G> {
    ground: &'a G,
    bits: Bitmap,
}

impl<'a, G: Ground> Tier<'a, G> {
    #[inline(always)]
    fn new(ground: &'a G) -> Self {
        let heads = bins(ground.granules()) as usize * 4;
        // SAFETY: `TABLE_BYTES` counts the words before the bitmap and the bitmap's own.
        let bits = unsafe { Bitmap::new(ground.table().add(HEAD_WORDS * 4 + heads)) };
        Self { ground, bits }
    }

    /// Word `at` of the table.
    #[inline(always)]
    fn table(&self, at: u32) -> *mut u32 {
        // SAFETY: callers pass at most HEAD_WORDS + bins: inside the table.
        unsafe { self.ground.table().cast::<u32>().add(at as usize) }
    }

    /// Reads word `at` of the table.
    #[inline(always)]
    fn load(&self, at: u32) -> u32 {
        // SAFETY: inside the entry nobody else touches the table's words before the bitmap.
        unsafe { self.table(at).read() }
    }

    /// Writes word `at` of the table.
    #[inline(always)]
    fn store(&self, at: u32, value: u32) {
        // SAFETY: as in `load`.
        unsafe { self.table(at).write(value) }
    }

    /// Word `at` of the run that starts at `granule`. It must be free, or the caller's.
    #[inline(always)]
    fn run_word(&self, granule: u32, at: usize) -> *mut u32 {
        // SAFETY: links and sizes only ever name granules of the ground, and a run has two at least.
        unsafe { self.ground.block(granule).cast::<u32>().add(at) }
    }

    #[inline(always)]
    fn get(&self, granule: u32, at: usize) -> u32 {
        // SAFETY: inside the entry the words of a free run are the tier's alone.
        unsafe { self.run_word(granule, at).read() }
    }

    #[inline(always)]
    fn put(&self, granule: u32, at: usize, value: u32) {
        // SAFETY: as in `get`.
        unsafe { self.run_word(granule, at).write(value) }
    }

    #[inline(always)]
    fn len(&self, first: u32) -> u32 {
        self.get(first, 2)
    }

    /// Writes a run's two sizes.
    #[inline(always)]
    fn set_len(&self, run: Free) {
        self.put(run.first, 2, run.len);
        self.put(run.first + run.len - 1, 1, run.len | END);
    }

    /// Enters a run into its bin, as the first.
    fn link(&self, run: Free) {
        debug_assert!(run.len >= LARGE_MIN_GRANULES);
        let bin = bin_of(run);
        let next = self.load(HEAD_WORDS as u32 + bin);
        self.put(run.first, 0, next);
        self.put(run.first, 1, 0);
        self.set_len(run);
        if next != 0 {
            self.put(next, 1, run.first);
        }
        self.store(HEAD_WORDS as u32 + bin, run.first);
        self.store(1 + bin / 32, self.load(1 + bin / 32) | 1 << (bin % 32));
        self.store(0, self.load(0) + run.len);
    }

    /// Takes a run out of its bin.
    fn unlink(&self, run: Free) {
        let (next, prev) = (self.get(run.first, 0), self.get(run.first, 1));
        if next != 0 {
            self.put(next, 1, prev);
        }
        if prev != 0 {
            self.put(prev, 0, next);
        } else {
            let bin = bin_of(run);
            self.store(HEAD_WORDS as u32 + bin, next);
            if next == 0 {
                self.store(1 + bin / 32, self.load(1 + bin / 32) & !(1 << (bin % 32)));
            }
        }
        self.store(0, self.load(0) - run.len);
    }

    /// The first bin at or after `from` that is not empty; of the first word, only those of `mask`.
    #[inline(always)]
    fn next_bin(&self, from: u32, mask: u32) -> Option<u32> {
        let words = bins(self.ground.granules()).div_ceil(32);
        let mut at = from / 32;
        let mut allowed = u32::MAX << (from % 32);
        while at < words {
            let bits = self.load(1 + at) & allowed & if at == 0 { mask } else { u32::MAX };
            if bits != 0 {
                return Some(at * 32 + bits.trailing_zeros());
            }
            allowed = u32::MAX;
            at += 1;
        }
        None
    }

    /// The smallest of the first [`LOOKS`] runs of a bin in which a block has its place. Returns the
    /// run and the place.
    #[inline(always)]
    fn best_of(&self, bin: u32, granules: u32, place: impl Fn(u32) -> u32) -> Option<(Free, u32)> {
        let mut first = self.load(HEAD_WORDS as u32 + bin);
        let mut best = None;
        let mut best_len = u32::MAX;
        for _ in 0..LOOKS {
            if first == 0 {
                break;
            }
            let len = self.len(first);
            let at = first + place(first);
            if len < best_len && at + granules <= first + len {
                best = Some((Free { first, len }, at));
                best_len = len;
                if len == granules {
                    break;
                }
            }
            first = self.get(first, 0);
        }
        best
    }

    /// A run in which a block has its place, from the own bin of `granules` upward.
    #[inline(always)]
    fn find(&self, granules: u32, mask: u32, place: impl Fn(u32) -> u32) -> Option<(Free, u32)> {
        let mut bin = size_bin(granules);
        loop {
            bin = self.next_bin(bin, mask)?;
            if let Some(found) = self.best_of(bin, granules, &place) {
                return Some(found);
            }
            bin += 1;
        }
    }

    /// Turns part of a free run into a live block; what is left on both sides stays free.
    fn carve(&self, run: Free, at: u32, granules: u32) {
        let prefix = at - run.first;
        let suffix = run.len - prefix - granules;
        debug_assert_ne!(prefix, 1);
        self.unlink(run);
        if prefix == 0 {
            self.bits.clear(at + 1);
        } else {
            self.bits.set(at - 1);
            self.bits.set(at);
            self.link(Free { first: run.first, len: prefix });
        }
        self.split(at, at + granules, suffix);
    }

    /// Ends a block at `end`, of which `rest` granules up to the end of a free run are left over. The
    /// run's last bit is still set.
    fn split(&self, at: u32, end: u32, rest: u32) {
        if rest >= LARGE_MIN_GRANULES {
            self.bits.set(end);
            self.bits.set(end + 1);
            self.link(Free { first: end, len: rest });
        } else if end + rest - 1 > at {
            self.bits.clear(end + rest - 1);
        }
    }

    /// Where the block that starts at `first` and should have `granules` ends, if it is live.
    fn end_of(&self, first: u32, granules: u32) -> Result<u32, Reason> {
        let behind = self.ground.granules() + 1;
        if !self.seems_live(first) || self.is_second_of_free(first) {
            return Err(if self.bits.get(first) { Reason::Double } else { Reason::NoBlock });
        }
        let end = first + granules;
        if end > behind {
            return Err(Reason::Size);
        }
        if self.bits.get(end) {
            return Ok(end);
        }
        if self.bits.get(end + 1) { Ok(end + 1) } else { Err(Reason::Size) }
    }

    #[inline(always)]
    fn seems_live(&self, first: u32) -> bool {
        self.bits.get(first) && !self.bits.get(first + 1)
    }

    /// Whether `at`, whose bits read `1 0`, is the second granule of a free run.
    #[inline(always)]
    fn is_second_of_free(&self, at: u32) -> bool {
        // A set bit before it belongs to a free run in any case, whose words are the tier's.
        self.bits.get(at - 1) && self.get(at - 1, 1) & END == 0
    }

    /// Makes live granules free and joins them with their free neighbours. Their own start bit is set.
    fn release(&self, first: u32, end: u32) {
        let mut run = Free { first, len: end - first };
        // Clear what lies inside the joined run before setting its edges: they can coincide.
        if self.bits.get(end + 1) {
            let right = Free { first: end, len: self.len(end) };
            self.unlink(right);
            self.bits.clear(end);
            if right.len != 2 {
                self.bits.clear(end + 1);
            }
            run.len += right.len;
        }
        if self.bits.get(first - 1) {
            let len = self.get(first - 1, 1) & !END;
            let left = Free { first: first - len, len };
            self.unlink(left);
            self.bits.clear(first);
            if len != 2 {
                self.bits.clear(first - 1);
            }
            run = Free { first: left.first, len: run.len + len };
        }
        self.bits.set(run.first + 1);
        self.bits.set(run.first + run.len - 1);
        self.link(run);
    }
}

// SAFETY: a block is carved out of one free run, which leaves its bin, so blocks don't overlap; only
// words of free runs are written; `give` and `resize` verify before they change anything.
unsafe impl Large for Segregated {
    const TABLE_BYTES: TableBytes = TableBytes {
        fixed: HEAD_WORDS * 4 + 13 * 4 + Bitmap::BYTES_FIXED,
        per_page: Bitmap::BYTES_PER_PAGE,
        per_doubling: 16,
    };
    const WALKS: bool = true;
    const SHRINKS: bool = true;

    unsafe fn init(ground: &impl Ground) {
        let tier = Tier::new(ground);
        let len = ground.granules();
        for at in [1, 2, len, len + 1] {
            tier.bits.set(at);
        }
        tier.link(Free { first: 1, len });
    }

    #[inline(never)]
    unsafe fn take(ground: &impl Ground, granules: u32, align_granules: u32) -> u32 {
        let tier = Tier::new(ground);
        let found = if align_granules == 1 {
            tier.find(granules, u32::MAX, |_| 0)
        } else {
            let base = (ground.block(1).addr() / GRANULE_BYTES) as u32;
            tier.find(granules, u32::MAX, |first| {
                let prefix = 1u32.wrapping_sub(first).wrapping_sub(base) & (align_granules - 1);
                if prefix == 1 { prefix + align_granules } else { prefix }
            })
        };
        let Some((run, at)) = found else { return 0 };
        tier.carve(run, at, granules);
        at
    }

    #[inline(never)]
    unsafe fn take_page(ground: &impl Ground) -> u32 {
        let tier = Tier::new(ground);
        let Some((run, at)) = tier.find(PAGE_GRANULES, PAGE_BINS, page_inside) else { return 0 };
        tier.carve(run, at, PAGE_GRANULES);
        at
    }

    #[inline(never)]
    unsafe fn give(ground: &impl Ground, first: u32, granules: u32) -> Result<(), Reason> {
        let tier = Tier::new(ground);
        let end = tier.end_of(first, granules)?;
        tier.release(first, end);
        Ok(())
    }

    fn is_live(ground: &impl Ground, first: u32) -> bool {
        Tier::new(ground).seems_live(first)
    }

    #[inline(never)]
    unsafe fn resize(ground: &impl Ground, first: u32, old: u32, new: u32) -> Resized {
        let tier = Tier::new(ground);
        let end = match tier.end_of(first, old) {
            Ok(end) => end,
            Err(reason) => return Resized::Wrong(reason),
        };
        let wanted = first + new;
        let next_is_free = tier.bits.get(end + 1);
        if wanted <= end {
            // A single granule can be left only where it joins a free run.
            if wanted < end - 1 || (wanted < end && next_is_free) {
                tier.bits.set(wanted);
                tier.release(wanted, end);
            }
            return Resized::InPlace;
        }
        if !next_is_free {
            return Resized::Move;
        }
        let right = Free { first: end, len: tier.len(end) };
        let right_end = end + right.len;
        if right_end < wanted {
            return Resized::Move;
        }
        tier.unlink(right);
        tier.bits.clear(end);
        tier.bits.clear(end + 1);
        tier.bits.set(right_end - 1);
        tier.split(first, wanted, right_end - wanted);
        Resized::InPlace
    }

    unsafe fn give_tail(ground: &impl Ground, first: u32, granules: u32) {
        let tier = Tier::new(ground);
        tier.bits.set(first);
        tier.release(first, first + granules);
    }

    unsafe fn free_granules(ground: &impl Ground) -> u32 {
        Tier::new(ground).load(0)
    }

    unsafe fn next_run(ground: &impl Ground, from: u32) -> Option<Run> {
        let tier = Tier::new(ground);
        let behind = ground.granules() + 1;
        if from >= behind {
            return None;
        }
        let begins = tier.bits.get(from);
        let free = begins && tier.bits.get(from + 1);
        let granules =
            if free { tier.len(from) } else { tier.bits.next_set(from + 1, behind.min(from + WALK_GRANULES)) - from };
        Some(Run { first: from, granules, free, begins })
    }

    unsafe fn next_start(ground: &impl Ground, from: u32) -> Result<u32, u32> {
        let tier = Tier::new(ground);
        let limit = (ground.granules() + 1).min(from + WALK_GRANULES);
        let mut at = from;
        loop {
            at = tier.bits.next_set(at, limit);
            if at == ground.granules() + 1 {
                return Ok(at);
            }
            if at == limit {
                return Err(at);
            }
            // A live block's start is certain from its bits and the word before it.
            if tier.seems_live(at) && !tier.is_second_of_free(at) {
                return Ok(at);
            }
            at += 1;
        }
    }

    unsafe fn check(ground: &impl Ground) -> Result<(), &'static str> {
        Tier::new(ground).check()
    }
}

impl<G: Ground> Tier<'_, G> {
    /// Walks the arena and the bins, and compares.
    fn check(&self) -> Result<(), &'static str> {
        let (mut from, mut free, mut runs, mut left_is_free) = (1, 0, 0, false);
        let behind = self.ground.granules() + 1;
        while from < behind {
            // SAFETY: inside the entry, as the caller of `check` is; `from` is the end of a run.
            let Some(run) = (unsafe { Segregated::next_run(self.ground, from) }) else {
                return Err("the walk ends before the arena does");
            };
            if run.begins && run.granules < LARGE_MIN_GRANULES || from + run.granules > behind {
                return Err("a run is too short, or longer than the arena");
            }
            if run.free {
                self.check_run(Free { first: from, len: run.granules })?;
                if left_is_free {
                    return Err("two free runs are neighbours");
                }
                free += run.granules;
                runs += 1;
            }
            left_is_free = run.free;
            from += run.granules;
        }
        if from != behind || !self.bits.get(behind) || self.bits.get(behind + 1) {
            return Err("the end of the arena is not marked");
        }
        if free != self.load(0) {
            return Err("the count of free granules is wrong");
        }
        self.check_bins(runs)
    }

    fn check_run(&self, run: Free) -> Result<(), &'static str> {
        if self.get(run.first + run.len - 1, 1) != run.len | END {
            return Err("a free run's two sizes differ");
        }
        if !self.bits.get(run.first + run.len - 1) {
            return Err("a free run's last granule is not marked");
        }
        if run.len > 3 && self.bits.next_set(run.first + 2, run.first + run.len) != run.first + run.len - 1 {
            return Err("a granule inside a free run is marked");
        }
        Ok(())
    }

    /// Every run of a bin belongs there, is linked both ways, and is one that the walk has met.
    fn check_bins(&self, mut runs: u32) -> Result<(), &'static str> {
        for bin in 0..bins(self.ground.granules()) {
            let mut prev = 0;
            let mut first = self.load(HEAD_WORDS as u32 + bin);
            if (first != 0) != ((self.load(1 + bin / 32) >> (bin % 32)) & 1 != 0) {
                return Err("the bins' bitmap is wrong");
            }
            while first != 0 {
                let run = Free { first, len: self.len(first) };
                if !self.bits.get(first) || !self.bits.get(first + 1) || bin_of(run) != bin {
                    return Err("a bin holds what does not belong there");
                }
                if self.get(first, 1) != prev {
                    return Err("a bin's links are broken");
                }
                runs = runs.checked_sub(1).ok_or("the bins hold more runs than the arena")?;
                prev = first;
                first = self.get(first, 0);
            }
        }
        if runs == 0 { Ok(()) } else { Err("a free run is in no bin") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_ascend_and_are_as_many_as_counted() {
        let mut last = 0;
        for len in 2..=1 << 21 {
            let bin = size_bin(len);
            assert!(bin == last || bin > last, "{len} granules");
            last = bin;
        }
        for log in 1..=21u32 {
            for granules in [1 << log, (2 << log) - 1] {
                let counted = 13 + 4 * log;
                assert!(bins(granules) <= counted, "{granules} granules: {} bins", bins(granules));
            }
        }
        assert!(bins(1 << 21).div_ceil(32) <= 3);
    }

    #[test]
    fn a_run_in_a_page_bin_has_a_page_inside_and_no_other_has() {
        for first in 1..100 {
            for len in 2..300 {
                let fits = (0..)
                    .map(|page| page * PAGE_GRANULES + 1)
                    .skip_while(|&at| at < first)
                    .take_while(|&at| at + PAGE_GRANULES <= first + len)
                    .any(|at| at - first != 1);
                let bin = bin_of(Free { first, len });
                let in_page_bin = bin >= 32 || PAGE_BINS >> bin & 1 != 0;
                assert_eq!(fits, in_page_bin, "run of {len} at {first}");
            }
        }
    }
}
