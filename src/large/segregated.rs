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
//! are sorted by size into bins, four to a doubling, as in TLSF (Masmano et al., 2004); a few entries
//! of a request's own bin are compared before the next larger bin serves it.
//!
//! Pages for the pools are carved from the end of runs: first of a run not much longer than a page, then of the run that ends
//! at the *frontier*, the start of what was taken from there last. So they gather at the end of the arena, and a large
//! block that grows at its start does not meet them. In a heap without pools, short blocks gather there. The frontier is always the
//! start of a live block, or behind the last granule: a release moves it to the end of the free run in which it comes to lie.
//!
//! Links are places: a bin's head is a word whose place a run's `prev` can name, so that a run leaves
//! its list without asking whether it was the first.

use super::bitmap::Bitmap;
use super::{Ground, Large, Resized, Run, TableBytes, WALK_GRANULES};
use crate::config::Reason;
use crate::geometry::{GRANULE, GRANULE_BYTES, PAGE, PAGES_MAX};

/// Tier 2 in O(1): the default.
///
/// Time: at most two runs of a bin are compared, and 10 looked at before a refusal; everything else is a fixed number of steps.
/// An aligned request looks at one run that may have a place for it, then takes one that is longer by its alignment; one for a
/// page looks at two of up to one and a half.
/// Table: one bit a granule (1.6 % of the arena), and 16 bytes for each doubling of its size.
pub struct Segregated;

/// How many runs of a request's own bin are compared.
const LOOKS: u32 = 2;

/// Without pools: the longest block, in bytes, that may lie at the end of the arena; and how many bins longer a run is that it
/// would rather not divide, five doublings.
const SHORT_MAX: u32 = 1024;
const SHORT_BINS: u32 = 19;

/// How many runs, too short for two pages, are looked at for one.
const HOLE_LOOKS: u32 = 2;

/// How many are looked at before a request is refused: enough for `largest_free_bytes` to be true, unless so many
/// shorter runs of the same bin stand before the one that would do.
const DEEP_LOOKS: u32 = 10;

/// Where a free run's words lie: offsets from its place.
const NEXT: u32 = 0;
const PREV: u32 = 4;
const LEN: u32 = 8;

/// Not a bin.
const NO_BIN: u32 = u32::MAX;
/// The smallest block, in bytes.
const MIN: u32 = 2 * GRANULE;
/// Marks the size at the end of a free run.
const END: u32 = 1;
/// Words before the bins: the free bytes, the bins that are not empty, and the frontier.
const HEAD_WORDS: u32 = 6;
/// Which word is the frontier.
const FRONTIER: u32 = 5;

/// A free run: its place, and its length in bytes.
#[derive(Clone, Copy)]
struct Free {
    first: u32,
    len: u32,
}

impl Free {
    const fn end(self) -> u32 {
        self.first + self.len
    }
}

/// How far behind its first granule a run has a place that is a multiple of `align` bytes from `base`:
/// never one granule, which can't be a free run of its own.
#[inline(always)]
fn prefix(first: u32, base: u32, align: u32) -> u32 {
    let prefix = (GRANULE.wrapping_sub(first).wrapping_sub(base)) & (align - 1);
    if prefix == GRANULE { prefix + align } else { prefix }
}

/// The last page of a run from `first` to `end` that the pools can have, or 0.
#[inline(always)]
fn last_page(first: u32, end: u32) -> u32 {
    let last = end.min(PAGES_MAX as u32 * PAGE + GRANULE) - GRANULE;
    let at = (last & !(PAGE - 1)).wrapping_sub(PAGE) + GRANULE;
    // Not one granule behind the start: as in `prefix`.
    if at == first || (at > first + GRANULE && at < last) { at } else { 0 }
}

/// The bin of runs of `len` bytes: four to a doubling.
#[inline(always)]
const fn bin_of(len: u32) -> u32 {
    let log = 31 - len.leading_zeros();
    // The shifted length is 4 to 7: its upper bits count as one more doubling.
    4 * log + (len >> (log - 2)) - (4 * MIN.ilog2() + 4)
}

/// Whether runs of both lengths belong into one bin: their highest three bits are the same.
#[inline(always)]
const fn share_bin(a: u32, b: u32) -> bool {
    (a ^ b).leading_zeros() > a.leading_zeros() + 2
}

/// What lies around a block: a free run before it, and behind it.
const LEFT: u32 = 1;
const RIGHT: u32 = 4;

/// The end of a live block.
#[derive(Clone, Copy)]
struct End {
    place: u32,
    /// Of `LEFT` and `RIGHT`, which are free.
    free: u32,
}

/// How many bins an arena of so many bytes needs.
const fn bins(bytes: u32) -> u32 {
    bin_of(bytes) + 1
}

/// The tier's words, with names. A place is 8 times the number of a granule.
///
/// Under wasm the compiler chooses whether `flip`, `flip_pair`, `unlink` and `next_bin` are inlined: it does for speed, and if it does not for
/// size, that spares 450 to 650 bytes.
#[derive(Clone, Copy)]
struct Tier<G>(G);

impl<G: Ground> Tier<G> {
    /// Whether pages are asked for.
    #[inline(always)]
    fn has_pages(self) -> bool {
        G::HAS_PAGES
    }

    /// The place behind the last granule.
    #[inline(always)]
    fn behind(self) -> u32 {
        self.0.bytes() + GRANULE
    }

    #[inline(always)]
    fn bits(self) -> Bitmap {
        // SAFETY: `TABLE_BYTES` counts the bitmap's words, behind the table's place.
        unsafe { Bitmap::new(self.0.table()) }
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    #[cfg_attr(target_arch = "wasm32", inline)]
    fn flip(self, place: u32) {
        self.bits().flip(place / GRANULE);
    }

    /// Flips the bits of a granule and the next, as far as they are set in `pair`.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    #[cfg_attr(target_arch = "wasm32", inline)]
    fn flip_pair(self, place: u32, pair: u32) {
        self.bits().flip_pair(place / GRANULE, pair);
    }

    #[inline(always)]
    fn bit(self, place: u32) -> bool {
        self.bits().get(place / GRANULE)
    }

    /// The place of word `at` of those before the bitmap, the last of which is word 0.
    #[inline(always)]
    fn table(self, at: u32) -> u32 {
        self.0.table_place() - 4 - at * 4
    }

    /// The word `at` bytes behind a place: of a free run, of a block that is the caller's, or of the table.
    #[inline(always)]
    fn get(self, place: u32, at: u32) -> u32 {
        // SAFETY: links and sizes only ever name places of the ground's runs and of the table, whose
        // words are the tier's alone inside the entry.
        unsafe { self.0.word(place + at).read() }
    }

    #[inline(always)]
    fn put(self, place: u32, at: u32, value: u32) {
        // SAFETY: as in `get`.
        unsafe { self.0.word(place + at).write(value) }
    }

    /// Adds to the free bytes.
    #[inline(always)]
    fn add_free(self, bytes: u32) {
        self.put(self.table(0), 0, self.get(self.table(0), 0).wrapping_add(bytes));
    }

    /// Turns the bit that says whether a bin holds something.
    #[inline(always)]
    fn flip_bin(self, bin: u32) {
        let place = self.table(1 + bin / 32);
        self.put(place, 0, self.get(place, 0) ^ 1 << (bin % 32));
    }

    /// Enters a run into its bin, as the first, and writes its sizes.
    #[inline(never)]
    fn link(self, run: Free) {
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
    fn unlink(self, first: u32) -> Free {
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

    /// The first bin at or after `from` that is not empty, or one that is none.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    #[cfg_attr(target_arch = "wasm32", inline)]
    fn next_bin(self, from: u32) -> u32 {
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
    fn head(self, bin: u32) -> u32 {
        self.get(self.table(HEAD_WORDS + bin), 0)
    }

    /// A run of so many bytes at least, and the block's place in it: the shorter of the first two of its own bin, or the first of
    /// the next larger. Without pools, blocks that are short take the end of the run at the frontier before they divide a long one.
    #[inline(always)]
    fn find(self, bytes: u32) -> (u32, u32) {
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
        let end = self.get(self.table(FRONTIER), 0);
        let len = if self.bit(end - GRANULE) { self.get(end - 4, 0) & !END } else { 0 };
        Free { first: end - len, len }
    }

    /// The same for a block at a multiple of `align`: the first run that may have a place for it, if it has; or one that is long
    /// enough wherever it lies.
    #[inline(never)]
    fn find_aligned(self, bytes: u32, align: u32) -> (u32, u32) {
        let sure = bin_of(bytes + align) + 1;
        let mut from = bin_of(bytes);
        loop {
            let bin = self.next_bin(from);
            if bin == NO_BIN {
                return (0, 0);
            }
            let first = self.head(bin);
            let lead = self.lead(first, align);
            if bin >= sure || lead + bytes <= self.get(first, LEN) {
                return (first, first + lead);
            }
            from = sure;
        }
    }

    /// A run with a page, and the page's place in it: its last. A hole that is not much longer than a page; or the run that ends
    /// at the frontier; or any that has a page wherever it lies.
    ///
    /// So the pages of the pools gather at the end of the arena, and large blocks that grow at its start do not meet them.
    #[inline(never)]
    fn find_page(self) -> (u32, u32) {
        let hole = self.find_hole();
        if hole.1 != 0 {
            return hole;
        }
        let run = self.run_at_frontier();
        let mut first = run.first;
        let mut at = last_page(first, run.end());
        if at == 0 {
            let bin = self.next_bin(bin_of(2 * PAGE) + 1);
            if bin == NO_BIN {
                return (0, 0);
            }
            first = self.head(bin);
            at = last_page(first, first + self.get(first, LEN));
        }
        if at == 0 {
            return (0, 0);
        }
        self.put(self.table(FRONTIER), 0, at);
        (first, at)
    }

    /// One of the first few runs in which a page leaves next to nothing.
    #[inline(always)]
    fn find_hole(self) -> (u32, u32) {
        let mut looks = HOLE_LOOKS;
        let mut bin = bin_of(PAGE);
        while bin < bin_of(PAGE + PAGE / 2) {
            let mut first = self.head(bin);
            while first != 0 && looks != 0 {
                let at = last_page(first, first + self.get(first, LEN));
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

    /// Takes the part up to `to` away from the run that starts at `first`, or all of it if too little would be left to be a run
    /// of its own. The part is live then; `pair` says which of its first two bits have to be flipped for that.
    #[inline(never)]
    fn cut(self, first: u32, to: u32, pair: u32) {
        self.flip_pair(first, pair);
        let len = self.get(first, LEN);
        let rest = first + len - to;
        if rest < MIN {
            self.add_free(len.wrapping_neg());
            if len != MIN {
                self.flip(first + len - GRANULE);
            }
            self.unlink(first);
        } else {
            self.add_free(first.wrapping_sub(to));
            self.flip_start(to, rest);
            self.replace(first, Free { first: to, len: rest });
        }
    }

    /// Turns part of a free run, which does not begin where the run does, into a live block; what is left on both sides stays free.
    #[inline(always)]
    fn carve(self, first: u32, at: u32, end: u32) {
        let run_end = first + self.get(first, LEN);
        let rest = run_end - end;
        self.flip(at);
        if at - first != MIN {
            self.flip(at - GRANULE);
        }
        self.replace(first, Free { first, len: at - first });
        if rest < MIN {
            self.flip(run_end - GRANULE);
            self.add_free(at.wrapping_sub(run_end));
        } else {
            self.add_free(at.wrapping_sub(end));
            self.flip_start(end, rest);
            self.link(Free { first: end, len: rest });
        }
    }

    /// Flips the first two bits of a run whose last bit is set already.
    #[inline(always)]
    fn flip_start(self, first: u32, len: u32) {
        // The second granule of the shortest run is its last.
        self.flip_pair(first, if len == MIN { 1 } else { 3 });
    }

    /// Enters a run instead of another, in the place that this has in its bin, if it belongs there too.
    #[inline(never)]
    fn replace(self, old: u32, run: Free) {
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

    /// Where the block that starts at `first` and should have so many bytes ends, if it is live.
    #[inline(always)]
    fn end_of(self, first: u32, bytes: u32) -> Result<End, Reason> {
        let around = self.bits().window(first / GRANULE - 1);
        // The bits before `first`, of it, and behind it: as in `seems_live` and `is_second_of_free`.
        if around & 0b110 != 0b010 || (around & LEFT != 0 && self.get(first - 4, 0) & END == 0) {
            return Err(if around & 0b010 != 0 { Reason::Double } else { Reason::NoBlock });
        }
        let mut place = first + bytes;
        if place <= self.behind() {
            // The bits before the end, of it, and behind it.
            let mut there = self.bits().window(place / GRANULE - 1);
            if there & 0b010 == 0 {
                // The block may have the spare granule of its neighbour.
                place += GRANULE;
                there >>= 1;
            }
            // Something begins here, unless it is the second or the last granule of a free run, which a
            // layout that is too long can reach. A last granule ends in a size; a run begins with links.
            if there & 0b011 == 0b010 && !(there & RIGHT != 0 && self.get(place, PREV) & END != 0) {
                return Ok(End { place, free: (around & LEFT) | (there & RIGHT) });
            }
        }
        Err(Reason::Size)
    }

    #[inline(always)]
    fn seems_live(self, first: u32) -> bool {
        self.bit(first) && !self.bit(first + GRANULE)
    }

    /// Whether `place`, whose bits read `1 0`, is the second granule of a free run.
    #[inline(always)]
    fn is_second_of_free(self, place: u32) -> bool {
        // A set bit before it belongs to a free run in any case, whose words are the tier's.
        self.bit(place - GRANULE) && self.get(place - 4, 0) & END == 0
    }

    /// Makes live granules free, and joins them with those of their neighbours that are. Their own start bit is set.
    #[inline(never)]
    fn release(self, first: u32, end: u32, free: u32) {
        let (mut first, mut end) = (first, end);
        let (left, right) = (free & LEFT != 0, free & RIGHT != 0);
        let frontier = self.get(self.table(FRONTIER), 0);
        self.add_free(end - first);
        let mut old = end;
        if right {
            let len = self.get(end, LEN);
            self.flip_start(end, len);
            end += len;
        } else if left || end - first != MIN {
            self.flip(end - GRANULE);
        }
        if left {
            if right {
                self.unlink(old);
            }
            let len = self.get(first - 4, 0) & !END;
            // The second granule of the shortest run is its last, and stays marked.
            self.flip_pair(first - GRANULE, if len == MIN { 2 } else { 3 });
            first -= len;
            old = first;
        } else {
            self.flip(first + GRANULE);
        }
        let run = Free { first, len: end - first };
        if frontier.wrapping_sub(first) < run.len {
            self.put(self.table(FRONTIER), 0, end);
        }
        if left || right { self.replace(old, run) } else { self.link(run) }
    }
}

// SAFETY: a block is carved out of one free run, which leaves its bin, so blocks don't overlap; only
// words of free runs are written; `give` and `resize` verify before they change anything.
unsafe impl Large for Segregated {
    const TABLE_BYTES: TableBytes = TableBytes {
        before: HEAD_WORDS as usize * 4,
        per_doubling: 16,
        behind: Bitmap::BYTES_FIXED,
        per_page: Bitmap::BYTES_PER_PAGE,
    };
    const WALKS: bool = true;
    const KNOWS_ENDS: bool = true;
    const GROWS: bool = true;

    unsafe fn init(ground: impl Ground) {
        let tier = Tier(ground);
        for place in [GRANULE, 2 * GRANULE, tier.behind() - GRANULE, tier.behind()] {
            tier.flip(place);
        }
        tier.add_free(ground.bytes());
        tier.link(Free { first: GRANULE, len: ground.bytes() });
        tier.put(tier.table(FRONTIER), 0, tier.behind());
    }

    unsafe fn take(ground: impl Ground, bytes: u32, align: u32) -> u32 {
        let tier = Tier(ground);
        let (first, at) = match align {
            GRANULE => tier.find(bytes),
            PAGE if bytes == PAGE && tier.has_pages() => tier.find_page(),
            _ => tier.find_aligned(bytes, align),
        };
        if first == 0 {
            return 0;
        }
        if at == first {
            tier.cut(first, at + bytes, 2);
        } else {
            tier.carve(first, at, at + bytes);
        }
        at
    }

    unsafe fn give(ground: impl Ground, first: u32, bytes: u32) -> Result<(), Reason> {
        let tier = Tier(ground);
        let end = tier.end_of(first, bytes)?;
        tier.release(first, end.place, end.free);
        Ok(())
    }

    unsafe fn is_live(ground: impl Ground, first: u32) -> bool {
        Tier(ground).seems_live(first)
    }

    unsafe fn resize(ground: impl Ground, first: u32, old: u32, new: u32) -> Resized {
        let tier = Tier(ground);
        let (end, right) = match tier.end_of(first, old) {
            Ok(end) => (end.place, end.free & RIGHT),
            Err(reason) => return Resized::Wrong(reason),
        };
        let wanted = first + new;
        if wanted > end {
            if right == 0 || end + tier.get(end, LEN) < wanted {
                return Resized::Move;
            }
            tier.cut(end, wanted, 3);
        } else if end - wanted >= MIN || (end != wanted && right != 0) {
            // A single granule can be left only where it joins a free run.
            tier.flip(wanted);
            tier.release(wanted, end, right);
        }
        Resized::InPlace
    }

    unsafe fn move_table(old: impl Ground, new: impl Ground) {
        let (from, to) = (old.table(), new.table());
        let bits = Bitmap::bytes(old.bytes());
        let words = |ground: u32| (HEAD_WORDS + bins(ground)) as usize * 4;
        let (old_words, new_words) = (words(old.bytes()), words(new.bytes()));
        // SAFETY: both tables are the backend's and as long as its constants say; each part is moved to a place behind its
        // old one, the last first, so that none is overwritten before it was moved.
        unsafe {
            core::ptr::copy(from, to, bits);
            to.add(bits).write_bytes(0, Bitmap::bytes(new.bytes()) - bits);
            core::ptr::copy(from.sub(old_words), to.sub(old_words), old_words);
            to.sub(new_words).write_bytes(0, new_words - old_words);
        }
    }

    unsafe fn extend(ground: impl Ground, old_bytes: u32) {
        let tier = Tier(ground);
        for bin in 0..bins(ground.bytes()) {
            let first = tier.head(bin);
            if first != 0 {
                tier.put(first, PREV, tier.table(HEAD_WORDS + bin));
            }
        }
        // What marked the end reads as a live block's start.
        tier.flip(tier.behind());
        tier.release(old_bytes + GRANULE, tier.behind(), if tier.bit(old_bytes) { LEFT } else { 0 });
    }

    unsafe fn true_bytes(ground: impl Ground, first: u32) -> u32 {
        let tier = Tier(ground);
        tier.bits().next_set(first / GRANULE + 1, tier.behind() / GRANULE) * GRANULE - first
    }

    unsafe fn free_bytes(ground: impl Ground) -> u32 {
        Tier(ground).get(Tier(ground).table(0), 0)
    }

    unsafe fn next_run(ground: impl Ground, from: u32) -> Option<Run> {
        let tier = Tier(ground);
        if from >= tier.behind() {
            return None;
        }
        let begins = tier.bit(from);
        let free = begins && tier.bit(from + GRANULE);
        let bytes = if free { tier.get(from, LEN) } else { tier.next_set(from + GRANULE, from) - from };
        Some(Run { first: from, bytes, free, begins })
    }

    unsafe fn next_start(ground: impl Ground, from: u32) -> Result<u32, u32> {
        let tier = Tier(ground);
        let mut at = from;
        loop {
            at = tier.next_set(at, from);
            if at == tier.behind() {
                return Ok(at);
            }
            if at >= from + WALK_GRANULES * GRANULE {
                return Err(at);
            }
            // A live block's start is certain from its bits and the word before it.
            if tier.seems_live(at) && !tier.is_second_of_free(at) {
                return Ok(at);
            }
            at += GRANULE;
        }
    }

    unsafe fn check(ground: impl Ground) -> Result<(), &'static str> {
        Tier(ground).check()
    }
}

impl<G: Ground> Tier<G> {
    /// The first place at or after `at` that is marked, or as far as a walk that is at `from` looks.
    fn next_set(self, at: u32, from: u32) -> u32 {
        let limit = self.behind().min(from + WALK_GRANULES * GRANULE);
        self.bits().next_set(at / GRANULE, limit / GRANULE) * GRANULE
    }

    /// Walks the arena and the bins, and compares.
    fn check(self) -> Result<(), &'static str> {
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

const _: () = assert!(GRANULE as usize == GRANULE_BYTES);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_ascend_and_are_as_many_as_counted() {
        let mut last = 0;
        for granules in (2..1 << 16).chain((1 << 16..=1 << 27).step_by(1 << 10)) {
            let bin = bin_of(granules * GRANULE);
            assert!(bin >= last, "{granules} granules");
            last = bin;
        }
        for log in 1..=27u32 {
            for granules in [1 << log, (2 << log) - 1] {
                assert!(bins(granules * GRANULE) <= 4 * log, "{granules} granules");
            }
        }
        assert!(bins((1 << 27) * GRANULE).div_ceil(32) < FRONTIER);
    }
}
