//! The index of a class: which pages have free blocks and are nobody's current page.
//!
//! A bitmap, one bit a page, lowest page first. Arenas of more than [`FLAT_WORDS`] words have one more
//! level: a bit for each word that is not 0.
//!
//! The promise: *a page of the class whose word is not 0 is in the index, or is the current page, or a
//! context that is running right now has taken it upon itself to put it into one of them.* Who makes
//! the word leave 0, and who displaces the current page while its word is not 0, takes that upon
//! itself. Bits may be set for pages that have filled or retired since; they are cleared when found.
//!
//! | step | L leaves: takes page 3 out of the index | F frees into page 3 |
//! |---|---|---|
//! | 1 | sees word 3 = 0 | |
//! | 2 | | sets a bit of word 3; the old word was 0, so F must index the page |
//! | 3 | | sets bit 3 of the index: already set |
//! | 4 | clears bit 3. Without the second look the page would be lost here | |
//! | 5 | reads word 3 again, not 0: sets bit 3 again | |
//!
//! Every step is an acquire/release read-modify-write. The second look too: a plain load may still
//! show the word of step 1.

use crate::sync::{AtomicU32, Ordering::*};

/// An index of at most so many words is searched without a second level.
pub(crate) const FLAT_WORDS: usize = 8;

/// Words of the second level over `leaves` words.
pub(crate) const fn summary_words(leaves: usize) -> usize {
    if leaves <= FLAT_WORDS { 0 } else { leaves.div_ceil(32) }
}

/// The index of one class, over its words.
#[derive(Clone, Copy)]
pub(crate) struct Index<'a> {
    /// One bit a page: page `p` is bit `(p - 1) % 32` of word `(p - 1) / 32`.
    pub leaves: &'a [AtomicU32],
    /// One bit a leaf, or empty when the leaves are few.
    pub summary: &'a [AtomicU32],
}

impl Index<'_> {
    /// Adds a page. Time: at most two read-modify-writes.
    pub fn insert(&self, page: u32) {
        set(self.leaves, self.summary, page - 1);
    }

    /// Removes a page. The caller then looks at the page's word again, by a read-modify-write, and
    /// inserts the page again when it is not 0. `false`: it was not in the index.
    pub fn remove(&self, page: u32) -> bool {
        let at = page - 1;
        let (leaf, bit) = (&self.leaves[at as usize / 32], 1 << (at % 32));
        // AcqRel: pairs with the other context's `insert` and `remove` of the same word.
        let old = leaf.fetch_and(!bit, AcqRel);
        if old == bit {
            self.leave_summary(at as usize / 32);
        }
        old & bit != 0
    }

    /// The same protocol one level up: clear, look again, set again.
    fn leave_summary(&self, leaf: usize) {
        let Some(word) = self.summary.get(leaf / 32) else { return };
        let bit = 1 << (leaf % 32);
        // AcqRel: pairs with `set`; see the table above.
        word.fetch_and(!bit, AcqRel);
        if self.leaves[leaf].fetch_or(0, AcqRel) != 0 {
            word.fetch_or(bit, AcqRel);
        }
    }

    /// The lowest page that is in the index.
    ///
    /// Time: O(1) up to 256 KiB of arena; beyond, one load for each further 256 KiB.
    pub fn lowest(&self) -> Option<u32> {
        if self.summary.is_empty() {
            return lowest_bit(self.leaves).map(|at| at + 1);
        }
        for (place, word) in self.summary.iter().enumerate() {
            // A stale bit of the summary is cleared here, and the search goes on with the next.
            for _ in 0..32 {
                // Acquire: pairs with `set`, which writes the leaf first.
                let seen = word.load(Acquire);
                if seen == 0 {
                    break;
                }
                let leaf = place * 32 + seen.trailing_zeros() as usize;
                if let Some(at) = lowest_bit(&self.leaves[leaf..=leaf]) {
                    return Some(leaf as u32 * 32 + at + 1);
                }
                self.leave_summary(leaf);
            }
        }
        None
    }
}

/// Sets bit `at`, and its bit one level up when the word was empty.
fn set(leaves: &[AtomicU32], summary: &[AtomicU32], at: u32) {
    // AcqRel: pairs with `remove` and `leave_summary` of the same word.
    let old = leaves[at as usize / 32].fetch_or(1 << (at % 32), AcqRel);
    if old == 0 && !summary.is_empty() {
        set(summary, &[], at / 32);
    }
}

/// The number of the lowest bit that is set.
fn lowest_bit(words: &[AtomicU32]) -> Option<u32> {
    // Acquire: pairs with `set`.
    words.iter().zip(0..).find_map(|(word, place)| match word.load(Acquire) {
        0 => None,
        bits => Some(place * 32 + bits.trailing_zeros()),
    })
}
