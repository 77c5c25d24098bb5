//! The index of a class: its pages that have free blocks, and for which the front has no room.
//!
//! A bitmap, one bit a page. Arenas of more than [`FLAT_WORDS`] words have one more
//! level: a bit for each word that is not 0.
//!
//! A bit is an entry in the sense of [`front`](crate::pools::front), whose rules hold here too: bits can be stale, and
//! the context that takes one out has it in hand. A page gets here when it falls out of the front, and leaves when an
//! empty front is filled. The order in which an entry changes its place:
//!
//! | step | D fills the empty front from the index | B, at any time |
//! |---|---|---|
//! | 1 | reads the leaf: pages 3 and 5 | |
//! | 2 | puts both into the front, which was empty | a context that asks now finds them there: had D taken them out here first, B would find nothing |
//! | 3 | | claims the last block of page 3, frees it again, fills the front: page 3 falls out, into the index |
//! | 4 | takes both bits out. Without the second look page 3 would be lost here | |
//! | 5 | reads the front: not what it put there, so sets both bits again | |
//!
//! Every change of a leaf is an acquire/release read-modify-write: D's step 4 acquires what B's insertion released, so
//! step 5 sees the front that B left. The bit of page 5 may be an old one afterwards: the claim that meets it drops it.
//!
//! # The second level
//!
//! A bit of the summary says that its leaf may hold pages. The context that puts a page into a leaf sets the leaf's
//! bit, *whatever the leaf held before*: the context that put the first page there may be suspended before it sets the
//! bit. A bit of an empty leaf is cleared, and the leaf looked at again. Clearing and looking are two steps, between
//! which a context can be suspended:
//!
//! | step | C takes the last page out of leaf 9 | B |
//! |---|---|---|
//! | 1 | takes the bit of page 300 out: the leaf is empty | |
//! | 2 | | puts page 301 into the leaf; the summary's bit is still set |
//! | 3 | clears the summary's bit, and is suspended | |
//! | 4 | | asks: the summary says that there is nothing |
//! | 5 | looks at the leaf: page 301, so sets the bit again | |
//!
//! So B gets a page of another kind in step 4. Before its request is refused, [`Index::reveal`] looks at all leaves,
//! and repairs the summary. A context that puts another page into leaf 9 repairs it too.
//!
//! In memory that grows, a third level says the same of the summary's words where these are many, by the same protocol:
//! set whatever the word held before; clear, look again, set again; repaired by [`Index::reveal`].

use crate::pools::front::Front;
use crate::pools::tables::Tables;
use crate::sync::{AtomicU32, Ordering::*, SINGLE, fence};

/// The most words of an index that is searched without a second level.
pub(crate) const FLAT_WORDS: usize = 8;

/// Words of the second level over `leaves` words.
pub(crate) const fn summary_words(leaves: usize) -> usize {
    if leaves <= FLAT_WORDS { 0 } else { leaves.div_ceil(32) }
}

/// The most words of a second level that is searched without a third: what arenas up to 16 MiB have.
pub(crate) const LONG_WORDS: usize = if cfg!(all(test, loom)) { 1 } else { 64 };

/// Words of the third level.
const fn top_words(leaves: usize) -> usize {
    let summaries = summary_words(leaves);
    if summaries <= LONG_WORDS { 0 } else { summaries.div_ceil(32) }
}

/// Words of the second level, with the third behind it.
pub(crate) const fn upper_words(leaves: usize) -> usize {
    summary_words(leaves) + top_words(leaves)
}

/// The index of class `.1` in tables `.0`.
#[derive(Clone, Copy)]
pub(crate) struct Index<T>(pub(crate) T, pub(crate) u32);

impl<'a, T: Tables<'a>> Index<T> {
    /// One bit a page: page `p` is bit `(p - 1) % 32` of leaf `(p - 1) / 32`.
    #[inline(always)]
    fn leaf(self, at: usize) -> &'a AtomicU32 {
        self.0.leaf(self.1, at)
    }

    /// One bit a leaf.
    #[inline(always)]
    fn summary(self, at: usize) -> &'a AtomicU32 {
        self.0.summary(self.1, at)
    }

    /// One bit a word of the summary.
    #[inline(always)]
    fn top(self, at: usize) -> &'a AtomicU32 {
        self.0.summary(self.1, summary_words(self.0.leaf_count()) + at)
    }

    /// Whether there is a third level: only where pages have long numbers.
    #[inline(always)]
    fn has_top(self) -> bool {
        T::PAGE_BITS > 16 && self.0.leaf_count() > LONG_WORDS * 32
    }

    #[inline(always)]
    fn is_flat(self) -> bool {
        summary_words(self.0.leaf_count()) == 0
    }

    /// Adds a page. Time: a read-modify-write for each level.
    #[inline(always)]
    pub(crate) fn insert(self, page: u32) {
        let at = page as usize - 1;
        self.add(at / 32, 1 << (at % 32));
    }

    /// Adds pages of a leaf.
    #[inline(always)]
    fn add(self, leaf: usize, bits: u32) {
        // AcqRel: pairs with `take` and `leave_summary` of the same word.
        let old = self.leaf(leaf).fetch_or(bits, AcqRel);
        // A leaf that was not empty may be invisible still: see the second level above.
        if !self.is_flat() && (!SINGLE || old == 0) {
            self.show(leaf);
        }
    }

    /// Makes a leaf visible.
    #[inline(always)]
    fn show(self, leaf: usize) {
        // AcqRel: pairs with `leave_summary`. Of the two, the later acquires what the other did to the leaf before.
        let old = self.summary(leaf / 32).fetch_or(1 << (leaf % 32), AcqRel);
        if self.has_top() && (!SINGLE || old == 0) {
            self.show_top(leaf / 32);
        }
    }

    /// Makes a word of the summary visible.
    #[inline(never)]
    fn show_top(self, place: usize) {
        // AcqRel: pairs with `leave_top`.
        self.top(place / 32).fetch_or(1 << (place % 32), AcqRel);
    }

    /// Makes every leaf visible that holds pages.
    ///
    /// Time: a load for each 8 KiB of arena, and a read-modify-write for each leaf that holds pages. None where there
    /// is one level.
    pub(crate) fn reveal(self) {
        let leaves = if self.is_flat() { 0 } else { self.0.leaf_count() };
        for leaf in 0..leaves {
            // Relaxed: a context sees the bit of each page that it knows to be there.
            if self.leaf(leaf).load(Relaxed) != 0 {
                self.show(leaf);
            }
        }
    }

    /// Takes a page out.
    #[inline(always)]
    pub(crate) fn remove(self, page: u32) {
        let at = page as usize - 1;
        self.take(at / 32, 1 << (at % 32));
    }

    /// Takes pages of a leaf out.
    #[inline(always)]
    fn take(self, leaf: usize, bits: u32) {
        // AcqRel: pairs with the other context's `insert` and `take` of the same word.
        let old = self.leaf(leaf).fetch_and(!bits, AcqRel);
        if old & !bits == 0 && !self.is_flat() {
            self.leave_summary(leaf);
        }
    }

    /// Fills half of an empty front with the first pages, of one leaf, so that those which releases bring have room in
    /// the other. `false`: there is none anywhere.
    #[inline(always)]
    pub(crate) fn draw(self, front: Front) -> bool {
        // Pages that another context takes meanwhile become old entries of the front. They are entered there before
        // they are taken out here, so that a context that comes in between finds them.
        let (leaf, seen) = self.first_leaf();
        if seen == 0 {
            // Acquire: pairs with `take`. The context that took the last pages out put them into the front before.
            fence(Acquire);
            return !SINGLE && front.seen() != 0;
        }
        let (mut rest, mut pages) = (seen, 0);
        while rest != 0 && front.is_less_than_half(pages) {
            pages = front.with(pages, leaf as u32 * 32 + rest.trailing_zeros() + 1);
            rest &= rest - 1;
        }
        if front.fill(pages) {
            self.take(leaf, seen & !rest);
            if !SINGLE && front.seen() != pages {
                // One of the pages may have come back here before it was taken out: better an old entry than none.
                self.add(leaf, seen & !rest);
            }
        }
        true
    }

    /// Clears the summary's bit of an empty leaf, looks again, and sets it again if it was wrong.
    fn leave_summary(self, leaf: usize) {
        let (word, bit) = (self.summary(leaf / 32), 1 << (leaf % 32));
        // AcqRel: pairs with `show`; see the table above.
        let old = word.fetch_and(!bit, AcqRel);
        if self.has_top() && old & !bit == 0 {
            self.leave_top(leaf / 32);
        }
        // Relaxed: ordered after the clearing by its Acquire.
        if !SINGLE && self.leaf(leaf).load(Relaxed) != 0 {
            self.show(leaf);
        }
    }

    /// The same one level up, for a word of the summary.
    #[inline(never)]
    fn leave_top(self, place: usize) {
        let (word, bit) = (self.top(place / 32), 1 << (place % 32));
        // AcqRel: pairs with `show`.
        word.fetch_and(!bit, AcqRel);
        // Relaxed: as in `leave_summary`.
        if !SINGLE && self.summary(place).load(Relaxed) != 0 {
            self.show_top(place);
        }
    }

    /// The first leaf that holds pages, and which: a guess, which a claim verifies. No pages: there is none.
    ///
    /// Time: one load for each 8 KiB of arena up to 64 KiB; beyond, one for each 256 KiB; in memory that grows beyond
    /// 16 MiB, one for each 8 MiB.
    #[inline(always)]
    pub(crate) fn first_leaf(self) -> (usize, u32) {
        if !self.is_flat() {
            return self.first_by_summary();
        }
        let mut leaf = 0;
        while leaf < self.0.leaf_count() {
            // Relaxed: the claim that follows reads the page's word by another read-modify-write.
            let pages = self.leaf(leaf).load(Relaxed);
            if pages != 0 {
                return (leaf, pages);
            }
            leaf += 1;
        }
        (0, 0)
    }

    #[inline(never)]
    fn first_by_summary(self) -> (usize, u32) {
        if self.has_top() {
            return self.first_by_top();
        }
        let mut place = 0;
        while place < summary_words(self.0.leaf_count()) {
            // Relaxed: a guess; what counts is what `first_under` sees.
            if self.summary(place).load(Relaxed) != 0 {
                let found = self.first_under(place);
                if found.1 != 0 {
                    return found;
                }
            }
            place += 1;
        }
        (0, 0)
    }

    #[inline(always)]
    fn first_by_top(self) -> (usize, u32) {
        for at in 0..top_words(self.0.leaf_count()) {
            for _ in 0..if SINGLE { 1 } else { 32 } {
                // Acquire: pairs with `show`: the summary was written before.
                let seen = self.top(at).load(Acquire);
                if seen == 0 {
                    break;
                }
                let place = at * 32 + seen.trailing_zeros() as usize;
                let found = self.first_under(place);
                if SINGLE || found.1 != 0 {
                    return found;
                }
                self.leave_top(place);
            }
        }
        (0, 0)
    }

    /// The first leaf under a word of the summary that holds pages, and which. Clears what it finds stale.
    fn first_under(self, place: usize) -> (usize, u32) {
        for _ in 0..if SINGLE { 1 } else { 32 } {
            // Acquire: pairs with `show`: the leaf was written before.
            let seen = self.summary(place).load(Acquire);
            if seen == 0 {
                break;
            }
            let leaf = place * 32 + seen.trailing_zeros() as usize;
            // Relaxed: as in `first_leaf`.
            match self.leaf(leaf).load(Relaxed) {
                0 if !SINGLE => self.leave_summary(leaf),
                pages => return (leaf, pages),
            }
        }
        (0, 0)
    }
}
