//! What a heap of several lanes does besides.

use super::{Allocate, Extent};
use crate::config::Config;
use crate::geometry::LINE_WORDS;
use crate::pools::Pools;
use crate::slots;

/// The line of the cache in which a page's word is: as `Map` aligns them.
const fn line_of(page: u32) -> u32 {
    (page - 1) / LINE_WORDS as u32
}

/// Keeps lanes apart, and brings them together when memory is short.
pub(crate) trait Lanes: Allocate {
    /// Puts the next pages into the stash of the lane that has just got one: those whose words share a line of the
    /// cache with that page's, while there is room. So few lines hold words of several lanes.
    ///
    /// Time: at most 16 visits of tier 2, and one to give back a page of another line.
    #[inline(always)]
    fn stock(self, class: u32, page: u32) {
        if Self::Config::LANES > 1 && Self::Config::STASH_PAGES > 0 && page != 0 {
            self.stock_line(class, line_of(page));
        }
    }

    #[inline(never)]
    fn stock_line(self, class: u32, line: u32) {
        for _ in 0..LINE_WORDS {
            let page = self.page_from_large();
            if page == 0 {
                return;
            }
            if line_of(page) != line || !slots::put(self.stash_of(class), page) {
                return self.page_to_large(page);
            }
        }
    }

    /// A page from another lane's stash; 0 for none.
    #[inline(always)]
    fn page_of_others(self) -> u32 {
        if Self::Config::LANES > 1 { slots::take(self.stash()) } else { 0 }
    }

    /// A block of the same size out of another lane's pages: its place, or 0.
    #[inline(always)]
    fn block_of_others(self, class: u32) -> u32 {
        if Self::Config::LANES > 1 { Pools(self).claim_elsewhere(class) } else { 0 }
    }
}

impl<E: Extent> Lanes for E {}
