//! Verifies every invariant of a heap that nobody is using.

use crate::config::Table;
use crate::config::classes::owner;
use crate::extent::{Extent, Storage};
use crate::large::Backend;
use crate::pools::Tables;
use crate::pools::index::{summary_words, upper_words};
use crate::sync::{AtomicU32, Ordering::*};
use core::fmt;

/// What [`Heap::check`](crate::Heap::check) found: the heap is damaged, or a context used it meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CheckError {
    /// What is wrong, in words.
    pub what: &'static str,
    /// The page in which it is, counted from 1 at the first that pools can have; 0 if it is in none.
    pub page: u32,
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.page {
            0 => f.write_str(self.what),
            page => write!(f, "page {page}: {}", self.what),
        }
    }
}

impl core::error::Error for CheckError {}

impl<S: Storage> Extent<S> {
    pub(crate) fn check(self) -> Result<(), CheckError> {
        let wrong = |what| Err(CheckError { what, page: 0 });
        for page in 1..=self.map().pages {
            self.check_page(page).map_err(|what| CheckError { what, page })?;
        }
        // SAFETY: inside the entry.
        match self.look(|_| unsafe { S::Large::check(self) }) {
            None => return wrong("the large tier is held, by a call that does not return"),
            Some(Err(what)) => return wrong(what),
            Some(Ok(())) => {}
        }
        self.check_slots()?;
        let stats = self.stats();
        if !stats.consistent {
            return wrong("the figures do not add up to the arena");
        }
        Ok(())
    }

    pub(crate) fn check_page(self, page: u32) -> Result<(), &'static str> {
        let class = self.owner_of(page);
        let word = Tables::word(self, page).load(Relaxed);
        if !Self::TABLE.is_class(class) {
            if word != 0 {
                return Err("a page of no class has free blocks");
            }
            if class != owner::LARGE && class != Self::TABLE.in_transit() {
                return Err("a page's owner is none");
            }
        } else {
            if word & !Self::TABLE.mask(class) != 0 {
                return Err("a free block lies where the class has none");
            }
            if word != 0 && !self.is_indexed(page, class) {
                return Err("a page with free blocks is neither in the front nor in the index");
            }
            if word == Self::TABLE.mask(class) && page > S::Config::RESERVED_PAGES && !self.is_kept(page) {
                return Err("an empty page is not kept where it can be found");
            }
        }
        // SAFETY: a page's place is one of the ground.
        let is_live = || unsafe { S::Large::is_live(self, self.place_of_page(page)) };
        if class != owner::LARGE && !is_live() {
            return Err("a page of the pools is free in the large tier");
        }
        Ok(())
    }

    pub(crate) fn is_indexed(self, page: u32, class: u32) -> bool {
        if self.front(class).holds(page) {
            return true;
        }
        let at = page as usize - 1;
        let has = |word: &AtomicU32, bit: usize| (word.load(Relaxed) >> (bit % 32)) & 1 != 0;
        let (leaf, summary) = (at / 32, at / 32 / 32);
        let (summaries, upper) = (summary_words(self.leaf_count()), upper_words(self.leaf_count()));
        has(self.leaf(class, leaf), at)
            && (summaries == 0 || has(self.summary(class, summary), leaf))
            && (summaries == upper || has(self.summary(class, summaries + summary / 32), summary))
    }

    pub(crate) fn is_kept(self, page: u32) -> bool {
        self.kept().iter().any(|slot| slot.load(Relaxed) == page)
    }

    /// Pages in the stash are in transit, and as many as are in transit.
    pub(crate) fn check_slots(self) -> Result<(), CheckError> {
        let mut transit = 0;
        for page in 1..=self.map().pages {
            transit += u32::from(self.owner_of(page) == Self::TABLE.in_transit());
        }
        for page in self.stash().iter().map(|slot| slot.load(Relaxed)).filter(|&page| page != 0) {
            if self.owner_of(page) != Self::TABLE.in_transit() {
                return Err(CheckError { what: "a page of the stash is not in transit", page });
            }
            transit = transit.wrapping_sub(1);
        }
        if transit == 0 { Ok(()) } else { Err(CheckError { what: "a page in transit has been lost", page: 0 }) }
    }
}
