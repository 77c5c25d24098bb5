//! Tier 1: the pools. Everything here is lock-free and touches only tables, never the arena's blocks.
//!
//! | state of a class's page | its word | found by |
//! |---|---|---|
//! | partial | not 0 | the class's index, and maybe its hint: the next claim goes there |
//! | full | 0 | nobody: the first release into it puts it into the index |
//! | kept | every block free | as a partial page; and by its slot in `kept`, for who needs pages |
//!
//! A page that becomes empty stays in its class as long as it stands in a slot of `kept`, which
//! classes share; the page it displaces there, if it is still empty, is retired. So at most
//! [`Config::KEPT_PAGES`] pages are empty and pooled, apart from one for each context in the middle
//! of a call, and whoever needs a page finds all of them in that many steps.
//!
//! | step | F frees the last block of page 3 | E evicts page 3 from its slot |
//! |---|---|---|
//! | 1 | | swaps page 9 into the slot, gets page 3 |
//! | 2 | | looks: page 3 is in use, so lets go of it |
//! | 3 | sets the last bit of word 3: the page is empty | |
//! | 4 | reads the slot: page 9, so puts page 3 there | |
//!
//! Without a sequentially consistent fence between the two steps of each side, F could still read
//! page 3 in step 4, and the empty page would be found by nobody but `trim`.

use crate::classes::ClassTable;
use crate::config::{Config, Event, Table};
use crate::geometry::{GRANULE, PAGE_GRANULES, page_place, place_page};
use crate::index::Index;
use crate::page::{self, Claimed};
use crate::sync::{AtomicU8, AtomicU32, Ordering::*, fence};

/// How many pages a claim tries before it asks for a page of its own.
pub(crate) const PAGE_TRIES: u32 = 8;

/// The words that tier 1 works on. Storage is a parameter, so that models bring their own.
pub(crate) trait Tables<'a>: Copy {
    /// Sizes and hooks.
    type Config: Config;

    /// The free blocks of a page. Page 0 exists and is always full: the hint of a new class.
    fn word(self, page: u32) -> &'a AtomicU32;
    /// What a page is. Only loaded and stored.
    fn owner(self, page: u32) -> &'a AtomicU8;
    /// The page from which a class claims first; only loaded and stored. Class 0 exists and never has one.
    fn hint(self, class: u8) -> &'a AtomicU32;
    /// How many words the index of a class has.
    fn leaf_count(self) -> usize;
    /// A word of a class's index.
    fn leaf(self, class: u8, at: usize) -> &'a AtomicU32;
    /// A word of its second level, if there is one.
    fn summary(self, class: u8, at: usize) -> &'a AtomicU32;
    /// Pages that may be empty.
    fn kept(self) -> &'a [AtomicU32];
    /// Takes over a page that was retired: word 0, in transit, in no index.
    fn surrender(self, page: u32);
    /// Grows with each claim that lost a page's blocks to other contexts.
    fn retries(self) -> &'a AtomicU32;
    /// Grows with each bit that a wrong free planted in a page that was nobody's.
    fn planted(self) -> &'a AtomicU32;
}

/// What the page of a class's hint gave.
pub(crate) enum Hinted {
    /// A block, by its place.
    Block(u32),
    /// A block, by its page and its bit, which was the page's last: to be finished by `take_last`.
    Last(u32, u32),
    /// A block of another class, by its place: to be given back.
    Stray(u32),
    /// Nothing.
    Nothing,
}

/// The place of a block.
#[inline(always)]
fn block_place(page: u32, bit: u32) -> u32 {
    page_place(page) + bit.trailing_zeros() * GRANULE
}

/// The pools over some tables.
#[derive(Clone, Copy)]
pub(crate) struct Pools<T>(pub(crate) T);

impl<'a, T: Tables<'a>> Pools<T> {
    const TABLE: &'static ClassTable = T::Config::TABLE;

    /// Takes a block from the page of the class's hint: the whole of a common allocation.
    #[inline(always)]
    pub(crate) fn claim_hinted(self, class: u8) -> Hinted {
        // Relaxed: a hint. That the page is the class's is verified by `owner`, after the claim.
        let page = self.0.hint(class).load(Relaxed);
        let Claimed { bit, rest } = page::claim(self.0.word(page));
        if bit == 0 {
            return Hinted::Nothing;
        }
        // Relaxed: ordered after the claim by its Acquire (rule 3 of the page protocol).
        if self.0.owner(page).load(Relaxed) != class {
            return Hinted::Stray(block_place(page, bit));
        }
        if rest == 0 { Hinted::Last(page, bit) } else { Hinted::Block(block_place(page, bit)) }
    }

    /// Takes a block from any page of the class. Returns its place, or 0.
    ///
    /// Time: at most [`PAGE_TRIES`] pages, each of which another context emptied meanwhile.
    #[inline(never)]
    pub(crate) fn claim_any(self, class: u8) -> u32 {
        for _ in 0..PAGE_TRIES {
            match self.claim_hinted(class) {
                Hinted::Block(place) => return place,
                Hinted::Last(page, bit) => {
                    self.leave_rarely(page, class);
                    return block_place(page, bit);
                }
                Hinted::Stray(place) => self.give_stray(place),
                Hinted::Nothing => {}
            }
            // The hint led to nothing: its page is full, another's, or was taken meanwhile.
            if self.leave_rarely(self.0.hint(class).load(Relaxed), class) == 0 {
                return 0;
            }
            self.0.retries().fetch_add(1, Relaxed);
        }
        0
    }

    /// The rest of a claim that took a page's last block: sets the hint to another page. Returns the
    /// block's place.
    #[inline(always)]
    pub(crate) fn take_last(self, page: u32, bit: u32, class: u8) -> u32 {
        self.leave(page, class);
        block_place(page, bit)
    }

    /// Gives back a block that was claimed from a page of another class.
    pub(crate) fn give_stray(self, place: u32) {
        self.give(place_page(place), 1 << ((place / GRANULE - 1) % PAGE_GRANULES));
    }

    /// Takes a full page out of the index: clear, look again, set again. Sets the hint to a page that has
    /// free blocks, and returns it, or 0.
    #[inline(always)]
    fn leave(self, page: u32, class: u8) -> u32 {
        let index = Index(self.0, class);
        let mut next = 0;
        if page != 0 {
            next = index.remove(page);
            // Relaxed: the second look, see the table in `index`.
            if self.0.word(page).load(Relaxed) != 0 && self.0.owner(page).load(Relaxed) == class {
                index.insert(page);
            }
        }
        if next == 0 {
            next = index.lowest();
        }
        // Relaxed: a hint.
        self.0.hint(class).store(next, Relaxed);
        next
    }

    /// `leave`, where it is not worth a copy of its own.
    #[inline(never)]
    fn leave_rarely(self, page: u32, class: u8) -> u32 {
        self.leave(page, class)
    }

    /// Opens a page that is the caller's for a class, and takes its first block. Returns its place.
    #[inline(always)]
    pub(crate) fn open(self, page: u32, class: u8) -> u32 {
        self.publish(page, class, Self::TABLE.mask(class));
        Index(self.0, class).insert(page);
        // Relaxed: a hint.
        self.0.hint(class).store(page, Relaxed);
        page_place(page)
    }

    #[inline(always)]
    fn publish(self, page: u32, class: u8, mask: u32) {
        let planted = page::publish(self.0.word(page), self.0.owner(page), class, mask);
        if planted != 0 {
            self.0.planted().fetch_add(1, Relaxed);
        }
    }

    /// Opens a page that stays in its class for ever.
    pub(crate) fn open_reserved(self, page: u32, class: u8) {
        let mask = Self::TABLE.mask(class);
        self.publish(page, class, mask);
        page::release(self.0.word(page), 1);
        Index(self.0, class).insert(page);
    }

    /// Gives blocks back to whatever class their page is of: an ordinary release. For blocks that were
    /// claimed from another class's page, and for the caller's own. Returns the bits that were free.
    pub(crate) fn give(self, page: u32, bits: u32) -> u32 {
        // Relaxed: while its bits are out, the page stays in its class.
        let class = self.0.owner(page).load(Relaxed);
        if !Self::TABLE.is_class(class) {
            // Nobody publishes bits there (rule 1): a wrong free planted them. They go no further.
            self.0.planted().fetch_add(1, Relaxed);
            return 0;
        }
        let old = page::release(self.0.word(page), bits);
        if old & bits == 0 {
            self.released(page, old, bits);
        }
        old & bits
    }

    /// What a release that met an edge has still to do: the page was full, or is empty now. `old` is
    /// the word as it was before.
    #[inline(never)]
    pub(crate) fn released(self, page: u32, old: u32, bits: u32) {
        // Relaxed. The page may be another's by now: then who took it has found it empty, and nothing is
        // left to do but what may be done to any page of a class.
        let class = self.0.owner(page).load(Relaxed);
        if !Self::TABLE.is_class(class) {
            return;
        }
        if old == 0 {
            // The page was full, and so in no index.
            Index(self.0, class).insert(page);
            let hint = self.0.hint(class);
            // Relaxed: a hint, which should not point to a full page while there are others.
            if self.0.word(hint.load(Relaxed)).load(Relaxed) == 0 {
                hint.store(page, Relaxed);
            }
        }
        if old | bits == Self::TABLE.mask(class) {
            self.emptied(page, class);
        }
    }

    /// Keeps an empty page in its class; retires the page that it displaces from `kept`.
    #[inline(always)]
    fn emptied(self, page: u32, class: u8) {
        if T::Config::KEPT_PAGES == 0 {
            return self.retire_away(page);
        }
        let slot = &self.0.kept()[usize::from(class - 1) % T::Config::KEPT_PAGES];
        // SeqCst: between the bit that made the page empty and the look at the slot; pairs with the
        // fence in `evict` (see the table above).
        fence(SeqCst);
        if slot.load(Relaxed) != page {
            self.evict(slot, page);
        }
    }

    /// Puts a page into a slot of `kept` and retires the page that was there.
    #[cold]
    #[inline(never)]
    fn evict(self, slot: &AtomicU32, page: u32) {
        let evicted = slot.swap(page, AcqRel);
        // SeqCst: between the swap and the look of `retire` at the evicted page's word.
        fence(SeqCst);
        if evicted != 0 && evicted != page {
            self.retire_away(evicted);
        }
    }

    /// Retires a page, if it is empty, and hands it on.
    #[inline(always)]
    fn retire_away(self, page: u32) {
        T::Config::tell(Event::RetireBegins);
        if self.retire(page) {
            self.0.surrender(page);
        }
        T::Config::tell(Event::RetireEnds);
    }

    /// Takes an empty page out of its class. The page is then the caller's, its word 0, in transit.
    /// `false`: it is in use, or reserved.
    #[inline(never)]
    pub(crate) fn retire(self, page: u32) -> bool {
        let class = self.0.owner(page).load(Relaxed);
        if page <= T::Config::RESERVED_PAGES || !Self::TABLE.is_class(class) {
            return false;
        }
        let mask = Self::TABLE.mask(class);
        if !page::retire(self.0.word(page), mask) {
            return false;
        }
        // Relaxed: ordered after the retirement by its Acquire (rule 6).
        if self.0.owner(page).load(Relaxed) != class {
            self.give(page, mask);
            return false;
        }
        // Relaxed: whoever gets the page gets it by a Release of its own.
        self.0.owner(page).store(Self::TABLE.in_transit(), Relaxed);
        Index(self.0, class).remove(page);
        true
    }

    /// Takes one of the pages that are kept empty, from whatever class; 0 for none.
    ///
    /// Time: at most [`Config::KEPT_PAGES`] steps.
    pub(crate) fn reclaim(self) -> u32 {
        for slot in self.0.kept() {
            // Relaxed: a guess that spares the swap; the slot's next page is the next caller's.
            if slot.load(Relaxed) == 0 {
                continue;
            }
            let page = slot.swap(0, AcqRel);
            // SeqCst: as in `emptied`.
            fence(SeqCst);
            if page != 0 && self.retire(page) {
                return page;
            }
        }
        0
    }
}
