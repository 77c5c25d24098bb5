//! Our own large tier: a segregated fit whose live blocks carry nothing.
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
//!   layout does not say so; the bit where the block should end does, and a mark in that granule.
//! - The second granule of a free run also reads `1 0` from there on. The word before it tells: the
//!   last granule of a free run ends in a size with `END` set, the first in a link without.
//!
//! So every free is checked in O(1): whether a block starts here, is live, and has this size. Runs
//! are sorted by size into bins, four to a doubling, as in TLSF (Masmano et al., 2004); a few entries
//! of a request's own bin are compared before the next larger bin serves it.
//!
//! Pages for the pools are carved from the end of runs: first of a run not much longer than a page, then of the run
//! that ends at the *frontier*, the start of what was taken from there last. So they gather at the end of the arena,
//! and a large block that grows at its start does not meet them. In a heap without pools, short blocks gather there.
//! The frontier is always the start of a live block, or behind the last granule: a release moves it to the end of the
//! free run in which it comes to lie.
//!
//! Links are places: a bin's head is a word whose place a run's `prev` can name, so that a run leaves
//! its list without asking whether it was the first.
//!
//! `look` has what can be told from outside of the entry, `bins` has the lists, `find` the searches, `blocks` what
//! turns runs into blocks and back, `check` the verification.

mod bins;
mod blocks;
mod check;
mod find;
pub(crate) mod look;

use self::bins::bins;
use self::blocks::{LEFT, RIGHT};
use self::look::{Before, is_second};
use super::bitmap::Bitmap;
use super::{Backend, Ground, Large, Resized, Run, TableBytes, WALK_GRANULES};
use crate::config::Reason;
use crate::config::geometry::{GRANULE, GRANULE_BYTES, PAGE};
use crate::large::peek::{MAY_RACE, peek};

/// The large tier in O(1): the default.
///
/// Time: at most two runs of a bin are compared, and 10 looked at before a refusal; everything else is a fixed number
/// of steps. An aligned request looks at one run that may have a place for it, then takes one that is longer by its
/// alignment; one for a page looks at two of up to one and a half. With debug assertions, a release also looks whether
/// another block begins inside of the block: a load for each 256 bytes. Table: one bit a granule (1.6 % of the arena),
/// and 16 bytes for each doubling of its size.
pub struct Segregated;

/// Where a free run's words lie: offsets from its place.
const NEXT: u32 = 0;
const PREV: u32 = 4;
const LEN: u32 = 8;

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

/// The tier's words, with names. A place is 8 times the number of a granule.
///
/// Under wasm the compiler chooses whether `flip`, `flip_pair`, `unlink` and `next_bin` are inlined: it does for speed,
/// and if it does not for size, that spares 450 to 650 bytes.
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

    #[inline(always)]
    fn seems_live(self, first: u32) -> bool {
        self.bit(first) && !self.bit(first + GRANULE)
    }

    /// As `is_second_of_free`, from outside of the entry: see `look`. The context that took the run meanwhile may be
    /// writing there: only where a look may race with that.
    #[cold]
    fn is_behind_start(self, place: u32) -> bool {
        MAY_RACE && is_second(&Granule { tier: self, place: place - GRANULE })
    }

    /// Whether `place`, whose bits read `1 0`, is the second granule of a free run.
    #[inline(always)]
    fn is_second_of_free(self, place: u32) -> bool {
        // A set bit before it belongs to a free run in any case, whose words are the tier's.
        self.bit(place - GRANULE) && self.get(place - 4, 0) & END == 0
    }
}

/// A granule, as a look from outside sees it.
struct Granule<G> {
    tier: Tier<G>,
    place: u32,
}

impl<G: Ground> Before for Granule<G> {
    #[inline(always)]
    fn is_marked(&self) -> bool {
        self.tier.bit(self.place)
    }

    #[inline(always)]
    fn word(&self) -> u32 {
        // SAFETY: the word is aligned, and of the ground: the granule was marked, and granule 0, which lies before the
        // ground, never is. The context that has taken the run may be writing to it, which `MAY_RACE` allows.
        unsafe { peek(self.tier.0.word(self.place + 4)) }
    }
}

// SAFETY: a block is carved out of one free run, which leaves its bin, so blocks don't overlap; only
// words of free runs are written; `give` and `resize` verify before they change anything.
unsafe impl Backend for Segregated {
    const TABLE_BYTES: TableBytes = TableBytes {
        before: HEAD_WORDS as usize * 4,
        per_doubling: 16,
        behind: Bitmap::BYTES_FIXED,
        per_page: Bitmap::BYTES_PER_PAGE,
    };
    const KEEPS_PAGES_APART: bool = true;
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
        let tier = Tier(ground);
        tier.seems_live(first) && !tier.is_behind_start(first)
    }

    unsafe fn resize(ground: impl Ground, first: u32, old: u32, new: u32) -> Resized {
        let tier = Tier(ground);
        let (end, right) = match tier.end_of(first, old) {
            Ok(end) => (end.place, end.free & RIGHT),
            Err(reason) => return Resized::Wrong(reason),
        };
        // Lengths first: a place so far behind need not be a number.
        if new > end - first && (right == 0 || new > end - first + tier.get(end, LEN)) {
            return Resized::Move;
        }
        let wanted = first + new;
        if wanted > end {
            tier.cut(end, wanted, 3);
        } else if end - wanted >= MIN || (end != wanted && right != 0) {
            // A single granule can be left only where it joins a free run.
            tier.flip(wanted);
            tier.release(wanted, end, right);
        } else if end != wanted {
            tier.mark_spare(wanted);
        }
        Resized::InPlace
    }

    unsafe fn move_table(old: impl Ground, new: impl Ground) {
        let (from, to) = (old.table(), new.table());
        let bits = Bitmap::bytes(old.bytes());
        let words = |ground: u32| (HEAD_WORDS + bins(ground)) as usize * 4;
        let (old_words, new_words) = (words(old.bytes()), words(new.bytes()));
        // SAFETY: both tables are the backend's and as long as its constants say; each part is moved to a place behind
        // its old one, the last first, so that none is overwritten before it was moved.
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

    unsafe fn free_at_end(ground: impl Ground) -> u32 {
        Tier(ground).run_before(Tier(ground).behind()).len
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

impl Large for Segregated {}

impl<G: Ground> Tier<G> {
    /// The first place at or after `at` that is marked, or as far as a walk that is at `from` looks.
    fn next_set(self, at: u32, from: u32) -> u32 {
        let limit = self.behind().min(from + WALK_GRANULES * GRANULE);
        self.bits().next_set(at / GRANULE, limit / GRANULE) * GRANULE
    }
}

const _: () = assert!(GRANULE as usize == GRANULE_BYTES);
