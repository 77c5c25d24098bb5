//! Where the words of the pools lie.

use crate::config::{Config, Event};
use crate::pools::front::{AtomicFront, Front};
use crate::sync::{AtomicU8, AtomicU32, Ordering::*};

/// The words that the pools works on. Storage is a parameter, so that models bring their own.
pub(crate) trait Tables<'a>: Copy {
    /// Sizes and hooks.
    type Config: Config;
    /// How many bits a page's number has in a front: 8, 16 or 32.
    const PAGE_BITS: u32;

    /// How many bytes lie before page 1.
    #[inline(always)]
    fn lead(self) -> u32 {
        0
    }

    /// The free blocks of a page. Page 0 exists and is always full: what an empty front names.
    fn word(self, page: u32) -> &'a AtomicU32;
    /// What a page is. Only loaded and stored.
    fn owner(self, page: u32) -> &'a AtomicU8;
    /// What a page is, now.
    #[inline(always)]
    fn owner_of(self, page: u32) -> u32 {
        // Relaxed: ordered by what the caller did to the page's word before.
        u32::from(self.owner(page).load(Relaxed))
    }
    /// The pages from which a class claims first. Class 0 exists and never has any.
    fn front_word(self, class: u32) -> &'a AtomicFront;
    #[inline(always)]
    fn front(self, class: u32) -> Front<'a> {
        Front(self.front_word(class), Self::PAGE_BITS)
    }
    /// How many words the index of a class has.
    fn leaf_count(self) -> usize;
    /// A word of a class's index.
    fn leaf(self, class: u32, at: usize) -> &'a AtomicU32;
    /// A word of its second level, if there is one.
    fn summary(self, class: u32, at: usize) -> &'a AtomicU32;
    /// Pages that may be empty.
    fn kept(self) -> &'a [AtomicU32];
    /// Takes over a page that was retired: word 0, in transit, in no index.
    fn surrender(self, page: u32);
    /// Grows with each claim that lost a page's blocks to other contexts.
    fn retries(self) -> &'a AtomicU32;
    /// Reports bits that a wrong free planted in a page that was nobody's.
    fn report_planted(self, page: u32, bits: u32);
    /// Tells the program's hook, if there is one.
    #[inline(always)]
    fn tell(self, event: Event) {
        let _ = event;
    }
}
