//! The table of a small heap: what each granule of its arena is, in two bits, and all that changes it.
//!
//! | bits | the granule | becomes | by |
//! |---|---|---|---|
//! | `00` | is free | the start of a block, or what goes on with one | [`claim`](Blocks::claim) |
//! | `10` | starts a block | the start of one that is being released | [`close`](Blocks::close): the context that succeeds owns the release |
//! | `11` | starts one that is being released | free, after all that goes on with it | [`clear`](Blocks::clear) |
//! | `01` | goes on with a block | free | `clear` |
//!
//! A word holds 16 granules, the first in its lowest bits. What lies in one word is claimed, or cleared, by one
//! read-modify-write; a longer block is claimed word by word upwards, and cleared downwards. So at every moment *what
//! stands before a granule that goes on is of the same block*: a look behind the end of a block never finds one that
//! goes on, unless the block does. Of several contexts whose claims meet, the one that began at the highest address
//! goes on, whatever the others do.
//!
//! | ordering | what it pairs with |
//! |---|---|
//! | Acquire in `claim` | the Release of `clear` by the contexts that freed these granules: all use of them is over, and what went on behind them is cleared |
//! | Release in `clear` | the same, from the other side |
//! | Relaxed in `close` | nothing: of the contexts that try, the order of one word finds one |
//! | Relaxed in `find` | nothing: a guess, which `claim` verifies |
//! | Relaxed in `state`, `end` | nothing: a block's granules do not change while it is its caller's. The one behind it was cleared, if it ever went on with what stood here, before this one was: the claim's Acquire. It goes on with that again only after this one is freed: the clear's Release |
//!
//! | step | A releases granules 14 to 40 | B, beside it, or in the middle of it on the same core |
//! |---|---|---|
//! | 1 | finds that 14 starts a block, which goes on up to 40 | |
//! | 2 | closes 14 | releases 14 to 40 as well: finds it closed, which is a wrong free |
//! | 3 | clears 32 to 40 | takes 28 to 35: finds 28 in use, and leaves it |
//! | 4 | | takes 32 to 35, and releases them: 36 does not go on, so that is right |
//! | 5 | clears 16 to 31, then 14 and 15 | |
//!
//! Upwards, step 3 would leave 41 as one that goes on, right behind a block that B could have by then.

use super::Header;
use crate::config::Config;
use crate::sync::{AtomicU32, Ordering::*, SINGLE};

/// Granules in a word of the table.
pub(crate) const WORD_GRANULES: usize = 16;

/// The bit of each granule that is set in those that go on with a block.
const GOES_ON: u32 = 0x5555_5555;

/// The states of a granule, by its bits.
pub(crate) mod state {
    /// In no block.
    pub(crate) const FREE: u32 = 0;
    /// In a block, not at its start.
    pub(crate) const GOES_ON: u32 = 1;
    /// At the start of a block.
    pub(crate) const STARTS: u32 = 2;
}

/// Where a small heap's words are. Storage is a parameter, so that models bring their own.
pub(crate) trait Granules: Copy {
    /// Hooks.
    type Config: Config;

    /// How many granules there are.
    fn count(self) -> usize;
    /// What is not the table.
    fn header<'a>(self) -> &'a Header
    where
        Self: 'a;
    /// The word of `events`. Asked for only if the program has a hook.
    fn events<'a>(self) -> &'a AtomicU32
    where
        Self: 'a;
    /// A word of the table. There are `count / 16 + 1`, so one granule more than there are has a state: it is free.
    fn word<'a>(self, at: usize) -> &'a AtomicU32
    where
        Self: 'a;
    /// The start of the arena.
    fn base(self) -> *mut u8;
}

/// A small heap, over its table. A handle: cheap to copy.
#[derive(Clone, Copy)]
pub(crate) struct Blocks<G>(pub(crate) G);

impl<G: Granules> Blocks<G> {
    /// How many granules there are.
    #[inline]
    pub(crate) fn count(self) -> usize {
        self.0.count()
    }

    /// What is not the table.
    #[inline]
    pub(crate) fn header<'a>(self) -> &'a Header
    where
        Self: 'a,
    {
        self.0.header()
    }

    /// A word of the table.
    #[inline]
    pub(crate) fn word<'a>(self, at: usize) -> &'a AtomicU32
    where
        Self: 'a,
    {
        self.0.word(at)
    }

    /// What a granule is.
    #[inline]
    pub(crate) fn state(self, at: usize) -> u32 {
        (self.word(at / WORD_GRANULES).load(Relaxed) >> shift(at)) & 3
    }

    /// Where the block ends in which `first` lies: the next granule that does not go on.
    ///
    /// Time: a load for each 16 granules.
    #[inline]
    pub(crate) fn end(self, first: usize) -> usize {
        let mut at = first + 1;
        loop {
            let word = self.word(at / WORD_GRANULES).load(Relaxed);
            let others = ((!word | word >> 1) & GOES_ON) >> shift(at);
            if others != 0 {
                return at + others.trailing_zeros() as usize / 2;
            }
            at = next_word(at);
        }
    }

    /// The start of the first run of `len` free granules in the word of `from` or behind it. If there is none, a number
    /// that is too large for a start.
    ///
    /// Time: a load for each 16 granules, and where some of them are free, up to `len` steps, if `len` is less than 16.
    #[inline]
    pub(crate) fn find(self, len: usize, from: usize) -> usize {
        let mut at = from & !(WORD_GRANULES - 1);
        // How many free granules stand right before `at`.
        let mut before = 0;
        while at < self.count() {
            let word = self.word(at / WORD_GRANULES).load(Relaxed);
            let used = (word | word >> 1) & GOES_ON;
            if before + used.trailing_zeros() as usize / 2 >= len {
                break;
            }
            if used != 0 {
                before = 0;
                let (mut starts, mut run) = (if len < WORD_GRANULES { !used & GOES_ON } else { 0 }, 1);
                // Where that many free granules begin.
                while starts != 0 {
                    if run == len {
                        return at + starts.trailing_zeros() as usize / 2;
                    }
                    starts &= starts >> 2;
                    run += 1;
                }
            }
            before += used.leading_zeros() as usize / 2;
            at += WORD_GRANULES;
        }
        at - before
    }

    /// Takes free granules, for a block that `starts` with them, or for one that goes on. `false`: another context has
    /// one of them; none is taken.
    #[inline(never)]
    pub(crate) fn claim(self, first: usize, end: usize, starts: bool) -> bool {
        let mut at = first;
        let mut start = u32::from(starts);
        while at < end {
            let to = end.min(next_word(at));
            let mask = mask(at, to);
            // Added to what goes on, it makes a start.
            let block = (mask & GOES_ON) + (start << shift(at));
            start = 0;
            let word = self.word(at / WORD_GRANULES);
            let mut seen = word.load(Relaxed);
            loop {
                if seen & mask != 0 {
                    self.clear(first, at);
                    return false;
                }
                match word.compare_exchange_weak(seen, seen | block, Acquire, Relaxed) {
                    Ok(_) => break,
                    Err(now) => seen = now,
                }
            }
            at = to;
        }
        true
    }

    /// Frees a block. `false`: another context does so at this moment.
    #[inline]
    pub(crate) fn release(self, first: usize, end: usize) -> bool {
        // Where there is one thread, nobody came in since the block was looked at.
        let mine = SINGLE || self.close(first);
        if mine {
            self.clear(first, end);
        }
        mine
    }

    /// Marks a block as one that is being released. `false`: it is none any more.
    #[inline]
    pub(crate) fn close(self, first: usize) -> bool {
        let word = self.word(first / WORD_GRANULES);
        let mut seen = word.load(Relaxed);
        while (seen >> shift(first)) & 3 == state::STARTS {
            match word.compare_exchange_weak(seen, seen | 1 << shift(first), Relaxed, Relaxed) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Frees granules that are the caller's, and lets the next search for as many know.
    #[inline(never)]
    pub(crate) fn clear(self, first: usize, end: usize) {
        if let Some(hint) = self.hint(end - first) {
            if hint.load(Relaxed) > first as u32 {
                hint.store(first as u32, Relaxed);
            }
        }
        let mut to = end;
        while to > first {
            let from = ((to - 1) & !(WORD_GRANULES - 1)).max(first);
            self.word(from / WORD_GRANULES).fetch_and(!mask(from, to), Release);
            to = from;
        }
    }

    /// Where the search for a run of `len` granules begins, if it is short; longer ones are looked for from the start.
    /// A guess: it is loaded and stored, and what others store in between may be lost. A search that finds nothing
    /// begins anew at the start.
    #[inline]
    pub(crate) fn hint<'a>(self, len: usize) -> Option<&'a AtomicU32>
    where
        Self: 'a,
    {
        self.header().hints.get(len)
    }
}

/// How far a granule's bits are shifted in its word.
#[inline]
fn shift(at: usize) -> usize {
    at % WORD_GRANULES * 2
}

/// The first granule of the next word.
#[inline]
fn next_word(at: usize) -> usize {
    (at | (WORD_GRANULES - 1)) + 1
}

/// The bits of granules from `at` to `end`, which lie in one word.
#[inline]
fn mask(at: usize, end: usize) -> u32 {
    (u32::MAX >> (32 - 2 * (end - at))) << shift(at)
}
