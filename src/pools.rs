//! Tier 1: the pools. Everything here is lock-free and touches only tables, never the arena's blocks.
//!
//! | state of a class's page | its word | found by |
//! |---|---|---|
//! | current | any | the class's hint: the next claim goes there |
//! | partial | not 0 | the class's index |
//! | full | 0 | nobody: the first release into it makes it current |
//! | kept | every block free | as current or partial; and by its slot in `kept`, for who needs pages |
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

use crate::classes::{ClassTable, owner};
use crate::config::{Config, Event, Table};
use crate::geometry::{GRANULE_BYTES, PAGE_BYTES};
use crate::index::Index;
use crate::page::{self, Claim};

use crate::sync::{AtomicU8, AtomicU32, Ordering::*, fence};

/// How many pages of the index a claim tries before it asks for a page of its own.
pub(crate) const PAGE_TRIES: u32 = 8;

/// The words that tier 1 works on. Storage is a parameter, so that models bring their own.
pub(crate) trait Tables {
    /// Sizes and hooks.
    type Config: Config;

    /// The free blocks of a page. Page 0 exists and is always full: the hint of a new class.
    fn word(&self, page: u32) -> &AtomicU32;
    /// What a page is. Only loaded and stored.
    fn owner(&self, page: u32) -> &AtomicU8;
    /// The page from which a class claims first. Class 0 exists and never has a page.
    fn current(&self, class: u8) -> &AtomicU32;
    /// The other pages of a class that have free blocks.
    fn index(&self, class: u8) -> Index<'_>;
    /// Pages that may be empty.
    fn kept(&self) -> &[AtomicU32];
    /// Pages that belong to nobody.
    fn stash(&self) -> &[AtomicU32];
    /// Pages up to this one are reserved for their class and never retired.
    fn reserved_pages(&self) -> u32;
    /// Takes over a page that was retired: word 0, in transit, in no index.
    fn surrender(&self, page: u32);
    /// Grows with each claim that lost a block to another context.
    fn retries(&self) -> &AtomicU32;
    /// Grows with each bit that a wrong free planted in a page that was nobody's.
    fn planted(&self) -> &AtomicU32;
}

/// What a page's current page could not give: the bit to give back, if any.
pub(crate) struct Missed {
    /// The page that was tried.
    pub page: u32,
    /// A block that was claimed from a page of another class; 0 for none.
    pub stray: u32,
}

/// The pools over some tables.
pub(crate) struct Pools<'a, T>(pub &'a T);

impl<T: Tables> Pools<'_, T> {
    const TABLE: &'static ClassTable = T::Config::TABLE;

    /// Takes a block from the class's current page: the whole of a common allocation.
    /// Returns its offset in the arena, in bytes.
    #[inline(always)]
    pub fn claim_current(&self, class: u8) -> Result<u32, Missed> {
        // Relaxed: a hint. That the page is the class's is verified by `owner`, after the claim.
        let page = self.0.current(class).load(Relaxed);
        let bit = page::claim_once(self.0.word(page)).unwrap_or(0);
        // Relaxed: ordered after the claim by its Acquire (rule 3 of the page protocol).
        if bit != 0 && self.0.owner(page).load(Relaxed) == class {
            return Ok(offset_bytes(page, bit));
        }
        Err(Missed { page, stray: bit })
    }

    /// Takes a block from any page of the class.
    ///
    /// Time: at most [`PAGE_TRIES`] pages, each of which another context emptied meanwhile.
    pub fn claim_any(&self, class: u8) -> Option<u32> {
        for _ in 0..PAGE_TRIES {
            let page = self.0.index(class).lowest()?;
            match self.claim_from(page, class) {
                Some(bit) => {
                    self.make_current(page, class);
                    return Some(offset_bytes(page, bit));
                }
                None => self.leave(page, class),
            }
        }
        None
    }

    /// Claims, then reads the owner, then gives back what was not the class's.
    fn claim_from(&self, page: u32, class: u8) -> Option<u32> {
        // Relaxed: a guess that spares a claim from another's page; verified below.
        if self.0.owner(page).load(Relaxed) != class {
            return None;
        }
        let bit = match page::claim(self.0.word(page)) {
            Claim::Bit(bit) => bit,
            Claim::Full => return None,
            Claim::Lost => {
                self.0.retries().fetch_add(1, Relaxed);
                return None;
            }
        };
        // Relaxed: ordered after the claim by its Acquire.
        if self.0.owner(page).load(Relaxed) == class {
            return Some(bit);
        }
        self.give_back(page, bit);
        None
    }

    /// Makes a page current and takes the page it displaces upon itself.
    fn make_current(&self, page: u32, class: u8) {
        let current = self.0.current(class);
        // AcqRel: pairs with the other swaps of this hint; a displaced page's word is then at least
        // as new as when it became current.
        let displaced = current.swap(page, AcqRel);
        if self.0.index(class).remove(page)
            && current.load(Acquire) != page
            && self.0.word(page).fetch_or(0, AcqRel) != 0
        {
            // Displaced before it was out of the index: whoever displaced it inserted it for nothing.
            self.0.index(class).insert(page);
        }
        self.displaced(displaced, page, class);
    }

    /// Puts a page that was current into the index if it has free blocks.
    fn displaced(&self, page: u32, by: u32, class: u8) {
        // Relaxed: what was written before the page became current is visible by the swap; what
        // comes later, and makes the word leave 0, is its writer's to take care of.
        if page != by && self.0.word(page).load(Relaxed) != 0 && self.0.owner(page).load(Relaxed) == class {
            self.0.index(class).insert(page);
        }
    }

    /// Takes a page without free blocks out of the index: clear, look again, set again.
    fn leave(&self, page: u32, class: u8) {
        let index = self.0.index(class);
        // AcqRel: the second look, see the table in `index`.
        if index.remove(page) && self.0.word(page).fetch_or(0, AcqRel) != 0 && self.0.owner(page).load(Relaxed) == class
        {
            index.insert(page);
        }
    }

    /// Opens a page that is the caller's for a class, and takes its first block.
    pub fn open(&self, page: u32, class: u8) -> u32 {
        let mask = Self::TABLE.mask(class);
        self.publish(page, class, mask);
        self.make_current(page, class);
        offset_bytes(page, mask & mask.wrapping_neg())
    }

    fn publish(&self, page: u32, class: u8, mask: u32) {
        let planted = page::publish(self.0.word(page), self.0.owner(page), class, mask);
        if planted != 0 {
            self.0.planted().fetch_add(1, Relaxed);
        }
    }

    /// Opens a page that stays in its class for ever.
    pub fn open_reserved(&self, page: u32, class: u8) {
        let mask = Self::TABLE.mask(class);
        self.publish(page, class, mask);
        page::release(self.0.word(page), mask & mask.wrapping_neg());
        self.0.index(class).insert(page);
    }

    /// What a release that met an edge has still to do: the page was full, or is empty now. `old` is
    /// the word as it was before.
    pub fn released(&self, page: u32, class: u8, old: u32, bits: u32) {
        if let Some(evicted) = self.edge(page, class, old, bits) {
            self.retire_away(evicted);
        }
    }

    /// Returns a page to retire, if one was displaced from `kept`.
    fn edge(&self, page: u32, class: u8, old: u32, bits: u32) -> Option<u32> {
        if old == 0 {
            // The page was full and nobody's: the next block to be handed out is this one, which
            // keeps the fullest pages full.
            let displaced = self.0.current(class).swap(page, AcqRel);
            self.displaced(displaced, page, class);
        }
        if old | bits == Self::TABLE.mask(class) { self.emptied(page, class) } else { None }
    }

    /// Keeps an empty page in its class; returns the page that it displaces from `kept`.
    fn emptied(&self, page: u32, class: u8) -> Option<u32> {
        let slots = self.0.kept();
        let Some(slot) = slots.get(usize::from(class - 1) % slots.len().max(1)) else {
            return Some(page);
        };
        // SeqCst: between the bit that made the page empty and the look at the slot; pairs with the
        // fence below (see the table above).
        fence(SeqCst);
        if slot.load(Relaxed) == page {
            return None;
        }
        let evicted = slot.swap(page, AcqRel);
        // SeqCst: between the swap and the look of `retire` at the evicted page's word.
        fence(SeqCst);
        (evicted != page && evicted != 0).then_some(evicted)
    }

    /// Gives back blocks that were claimed from another class's page: an ordinary release.
    pub fn give_back(&self, page: u32, bits: u32) {
        if let Some(evicted) = self.put_back(page, bits) {
            self.retire_away(evicted);
        }
    }

    /// Returns a page to retire, if one was displaced from `kept`.
    fn put_back(&self, page: u32, bits: u32) -> Option<u32> {
        // Relaxed: the claim was an Acquire, and while its bits are out the page stays in its class.
        let class = self.0.owner(page).load(Relaxed);
        if !Self::TABLE.is_class(class) {
            // Nobody publishes bits there (rule 1): a wrong free planted them. They go no further.
            self.0.planted().fetch_add(1, Relaxed);
            return None;
        }
        let old = page::release(self.0.word(page), bits);
        self.edge(page, class, old, bits)
    }

    /// Retires a page and hands it on.
    fn retire_away(&self, page: u32) {
        T::Config::tell(Event::RetireBegins);
        if let Some(page) = self.retire(page) {
            self.0.surrender(page);
        }
        T::Config::tell(Event::RetireEnds);
    }

    /// Takes an empty page out of its class. The page is then the caller's, its word 0, in transit.
    pub fn retire(&self, mut page: u32) -> Option<u32> {
        loop {
            let class = self.0.owner(page).load(Relaxed);
            if !Self::TABLE.is_class(class) || page <= self.0.reserved_pages() {
                return None;
            }
            let mask = Self::TABLE.mask(class);
            if !page::retire(self.0.word(page), mask) {
                return None;
            }
            // Relaxed: ordered after the retirement by its Acquire (rule 6).
            if self.0.owner(page).load(Relaxed) == class {
                // Relaxed: whoever gets the page gets it by a Release of its own.
                self.0.owner(page).store(Self::TABLE.in_transit(), Relaxed);
                self.0.index(class).remove(page);
                return Some(page);
            }
            page = self.put_back(page, mask)?;
        }
    }

    /// Takes one of the pages that are kept empty, from whatever class.
    ///
    /// Time: at most [`Config::KEPT_PAGES`] steps.
    pub fn reclaim(&self) -> Option<u32> {
        self.0.kept().iter().find_map(|slot| match slot.swap(0, AcqRel) {
            0 => None,
            page => {
                // SeqCst: as in `emptied`.
                fence(SeqCst);
                self.retire(page)
            }
        })
    }

    /// Whether an owner byte says that pooled frees are refused because the page is on its way.
    pub fn in_transit(&self, owner: u8) -> bool {
        owner == Self::TABLE.in_transit()
    }
}

/// Where the block lies, in bytes from the start of the arena.
#[inline(always)]
fn offset_bytes(page: u32, bit: u32) -> u32 {
    page * PAGE_BYTES as u32 + bit.trailing_zeros() * GRANULE_BYTES as u32 - PAGE_BYTES as u32
}

const _: () = assert!(owner::LARGE == 0, "zeroed tables say that tier 2 owns every page");
