//! The front of a class: the few pages from which it claims first, in one word.
//!
//! ```text
//!   ┌ fourth ┬ third ┬ second ┬ first ┐    page numbers, 0 = none; 8 bits each in an arena of up to 255
//!   └────────┴───────┴────────┴───────┘    pages; of more, 16 bits, and so two of them
//! ```
//!
//! In memory that grows, numbers have 32 bits. So on wasm, where there is such memory, the word has 64; in the tests on
//! hosts it has room for one.
//!
//! Front and index together keep the promise of the pools: *a page of the class whose word is not 0 has an
//! entry in one of them, or a context that is running right now holds its entry in hand.* The rules:
//!
//! 1. A context that moves a page's word away from 0, by a release or a publication, pushes an entry. Always: another
//!    entry of the page may be on its way out.
//! 2. A context that takes an entry out, or displaces one, has it in hand, and then looks at the page's word: if that
//!    is not 0, the entry goes back in, to the front or to the index. If it is 0, the context that moves it away from 0
//!    later brings another entry (rule 1).
//!
//! So an entry can be stale, its page full or another's: a claim finds that out, and drops it. And a page can have
//! two, of which the second turns out stale.
//!
//! | function | moves the word | ordering, and what it pairs with |
//! |---|---|---|
//! | [`Front::push`] | puts a page first; the last may fall out | Release: the page's word is as new as the entry for the context that takes it |
//! | [`Front::fill`] | from empty to pages of the index, which are taken out there afterwards | Release: the same |
//! | [`Front::drop_first`] | takes the first page out | Acquire: with the push, so that the look at the word afterwards is not older than the entry |
//!
//! A word that changed and changed back (ABA) harms nobody: it means the same pages as before.

#[cfg(not(target_arch = "wasm32"))]
use crate::sync::AtomicU32 as AtomicWord;
#[cfg(target_arch = "wasm32")]
use crate::sync::AtomicU64 as AtomicWord;
use crate::sync::Ordering::*;

/// A front's word.
pub(crate) type AtomicFront = AtomicWord;

/// What it holds.
#[cfg(target_arch = "wasm32")]
pub(crate) type Entries = u64;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) type Entries = u32;

/// The front in word `.0`, of pages whose numbers have `.1` bits.
#[derive(Clone, Copy)]
pub(crate) struct Front<'a>(pub(crate) &'a AtomicFront, pub(crate) u32);

/// One entry, with zeroes before it.
#[inline(always)]
#[allow(clippy::unnecessary_cast, reason = "not on wasm")]
fn number(entry: Entries) -> u32 {
    entry as u32
}

/// How many bits a front gives to a page's number in an arena of that many pages.
pub(crate) const fn page_bits(pages: u32) -> u32 {
    if pages < 256 { 8 } else { 16 }
}

impl Front<'_> {
    /// What it holds at this moment: a guess, which a claim or `drop_first` verifies.
    #[inline(always)]
    pub(crate) fn seen(self) -> Entries {
        self.0.load(Relaxed)
    }

    /// The page that was first; 0 for none.
    #[inline(always)]
    pub(crate) fn first(self, seen: Entries) -> u32 {
        number(seen & (Entries::MAX >> (Entries::BITS - self.1)))
    }

    /// Puts a page first. Returns the page that fell out at the other end, which is in the caller's hand now, or 0.
    ///
    /// Time: one compare-exchange, and one more for each context that came in between.
    #[inline(always)]
    pub(crate) fn push(self, page: u32) -> u32 {
        loop {
            let seen = self.seen();
            if self.0.compare_exchange_weak(seen, self.with(seen, page), Release, Relaxed).is_ok() {
                return number(seen >> (Entries::BITS - self.1));
            }
        }
    }

    /// Takes the first page out, if nothing changed since `seen`. Then it is in the caller's hand.
    #[inline(always)]
    pub(crate) fn drop_first(self, seen: Entries) -> bool {
        self.0.compare_exchange_weak(seen, self.without_first(seen), Acquire, Relaxed).is_ok()
    }

    /// Pages with one more before them: the last may fall out.
    #[inline(always)]
    pub(crate) fn with(self, pages: Entries, page: u32) -> Entries {
        pages.checked_shl(self.1).unwrap_or(0) | Entries::from(page)
    }

    #[inline(always)]
    fn without_first(self, pages: Entries) -> Entries {
        pages.checked_shr(self.1).unwrap_or(0)
    }

    /// Whether these pages are less than half of what it holds. Of one, none is less.
    #[inline(always)]
    pub(crate) fn is_less_than_half(self, pages: Entries) -> bool {
        pages >> (Entries::BITS / 2).saturating_sub(self.1) == 0
    }

    /// Fills the front, if it is still empty, with pages that have entries in the index.
    #[inline(always)]
    pub(crate) fn fill(self, pages: Entries) -> bool {
        self.0.compare_exchange(0, pages, Release, Relaxed).is_ok()
    }

    /// Whether a page is in it.
    pub(crate) fn holds(self, page: u32) -> bool {
        (0..Entries::BITS / self.1).any(|at| self.first(self.seen() >> (at * self.1)) == page)
    }
}
