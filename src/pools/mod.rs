//! The pools: the pools. Everything here is lock-free and touches only tables, never the arena's blocks.
//!
//! | state of a class's page | its word | found by |
//! |---|---|---|
//! | partial | not 0 | the class's front, where claims go, or its index |
//! | full | 0 | nobody: the first release into it puts it first |
//! | kept | every block free | as a partial page; and by its slot in `kept`, for calls that need pages |
//!
//! A page that becomes empty stays in its class as long as it stands in a slot of `kept`, which
//! classes share; the page it displaces there, if it is still empty, is retired. So at most
//! [`Config::KEPT_PAGES`] pages are empty and pooled, apart from one for each context in the middle
//! of a call, and a call that needs a page finds all of them in that many steps.
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

pub(crate) mod front;
pub(crate) mod index;
pub(crate) mod page;
pub(crate) mod slots;
mod tables;

pub(crate) use tables::Tables;

use crate::config::classes::ClassTable;
use crate::config::geometry::{GRANULE, PAGE, PAGE_GRANULES, page_place};
use crate::config::{Config, Event, Table};
use crate::pools::front::Entries;
use crate::pools::index::Index;
use crate::sync::{AtomicU32, Ordering::*, SINGLE, fence};

/// How many pages a claim tries before it asks for another page.
pub(crate) const PAGE_TRIES: u32 = 8;

/// A block of a page, by how many bytes it would lie behind the start of page 0, if that had any. One register, and the
/// page in plain bits.
#[derive(Clone, Copy)]
pub(crate) struct Block(u32);

impl Block {
    #[inline(always)]
    fn new(page: u32, granule: u32) -> Self {
        Self(page * PAGE + granule * GRANULE)
    }

    /// Where it lies.
    #[inline(always)]
    pub(crate) fn place(self, lead: u32) -> u32 {
        self.0 - (PAGE - GRANULE) + lead
    }

    fn page(self) -> u32 {
        self.0 / PAGE
    }

    fn bit(self) -> u32 {
        1 << (self.0 / GRANULE % PAGE_GRANULES)
    }
}

/// What a page gave.
pub(crate) enum Claim {
    /// A block.
    Block(Block),
    /// A block, which was the page's last: its entry has to go, by `drop_first`.
    Last(Block),
    /// A block of another class: to be given back.
    Stray(Block),
    /// Nothing.
    Nothing,
}

/// The pools over some tables.
#[derive(Clone, Copy)]
pub(crate) struct Pools<T>(pub(crate) T);

impl<'a, T: Tables<'a>> Pools<T> {
    const TABLE: ClassTable = T::Config::TABLE;

    /// Takes a block from the first page of the class's front: the whole of a common allocation. Returns also what the
    /// front held.
    #[inline(always)]
    pub(crate) fn claim_first(self, class: u32) -> (Claim, Entries) {
        let front = self.0.front(class);
        let seen = front.seen();
        (self.claim_from(front.first(seen), class), seen)
    }

    #[inline(always)]
    fn claim_from(self, page: u32, class: u32) -> Claim {
        if SINGLE && self.0.owner_of(page) != class {
            // An old entry. Nobody gives the page another owner between this look and the claim, so there are no
            // strays.
            return Claim::Nothing;
        }
        let Some(claimed) = page::claim(self.0.word(page)) else {
            return Claim::Nothing;
        };
        let block = Block::new(page, claimed.granule);
        // Ordered after the claim by its Acquire (rule 3 of the page protocol).
        if !SINGLE && self.0.owner_of(page) != class {
            return Claim::Stray(block);
        }
        if claimed.rest == 0 { Claim::Last(block) } else { Claim::Block(block) }
    }

    /// Takes a page that is full now out of the front.
    #[inline(always)]
    pub(crate) fn drop_first(self, seen: Entries, class: u32) {
        let front = self.0.front(class);
        // Should it fail, another context came in between, and an old entry stays: the next claim that meets it drops
        // it.
        if front.drop_first(seen) {
            self.put_back(front.first(seen), class);
        }
    }

    /// Does what rule 2 of the front asks of a context that has an entry in hand.
    #[inline(always)]
    fn put_back(self, page: u32, class: u32) {
        // Relaxed: ordered after the removal of the entry by its Acquire.
        if !SINGLE && self.0.word(page).load(Relaxed) != 0 {
            self.reenter(page, class);
        }
    }

    /// The page has free blocks: it goes back, unless it is another's.
    #[inline(never)]
    fn reenter(self, page: u32, class: u32) {
        if self.0.owner_of(page) == class {
            self.enter(page, class);
        }
    }

    /// Puts a page into the front, and what that displaces into the index.
    #[inline(always)]
    fn enter(self, page: u32, class: u32) {
        let displaced = self.0.front(class).push(page);
        if displaced != 0 {
            self.shelve(displaced, class);
        }
    }

    /// Puts a page that fell out of the front into the index, if it has free blocks.
    #[inline(never)]
    fn shelve(self, page: u32, class: u32) {
        // Acquire: pairs with the push of this page, as in `Front::drop_first`.
        fence(Acquire);
        if self.0.word(page).load(Relaxed) != 0 && self.0.owner_of(page) == class {
            Index(self.0, class).insert(page);
        }
    }

    /// Takes a block from any page of the class. Returns its place, or 0.
    ///
    /// Time: at most [`PAGE_TRIES`] pages, each of which another context emptied meanwhile.
    #[inline(never)]
    pub(crate) fn claim_any(self, class: u32) -> u32 {
        for _ in 0..PAGE_TRIES {
            let front = self.0.front(class);
            let seen = front.seen();
            if seen == 0 {
                if !Index(self.0, class).draw(front) {
                    return 0;
                }
                continue;
            }
            let page = front.first(seen);
            match self.claim_from(page, class) {
                Claim::Block(block) => return block.place(self.0.lead()),
                Claim::Last(block) => {
                    self.drop_first(seen, class);
                    return block.place(self.0.lead());
                }
                Claim::Stray(block) => self.give_stray(block),
                Claim::Nothing => {}
            }
            // Others were faster, and there is more; or the entry is an old one.
            // Relaxed: guesses. A page that is dropped for nothing comes back at once.
            if SINGLE || self.0.word(page).load(Relaxed) == 0 || self.0.owner_of(page) != class {
                self.drop_first(seen, class);
            }
            if !SINGLE {
                self.0.retries().fetch_add(1, Relaxed);
            }
        }
        0
    }

    /// Takes a block that [`claim_any`](Self::claim_any) has overlooked: the last resort before a request is refused.
    /// Its page may be invisible because another context is suspended, or stand behind more old entries than a claim
    /// tries. Returns its place, or 0.
    ///
    /// Time: [`Index::reveal`]'s, and a try for each old entry.
    #[cold]
    #[inline(never)]
    pub(crate) fn claim_overlooked(self, class: u32) -> u32 {
        let index = Index(self.0, class);
        index.reveal();
        // Each round that is in vain has dropped old entries, or lost to other contexts: the bound is for the latter.
        for _ in 0..=self.0.leaf_count() as u32 * 32 / PAGE_TRIES {
            if self.0.front(class).seen() == 0 && index.first_leaf().1 == 0 {
                break;
            }
            let place = self.claim_any(class);
            if place != 0 {
                return place;
            }
        }
        0
    }

    /// Gives back a block that was claimed from a page of another class.
    pub(crate) fn give_stray(self, block: Block) {
        self.give(block.page(), block.bit());
    }

    /// Opens a page that is the caller's for a class, and takes its first block. Returns its place.
    #[inline(always)]
    pub(crate) fn open(self, page: u32, class: u32) -> u32 {
        self.publish(page, class, Self::TABLE.mask(class));
        self.enter(page, class);
        self.0.lead() + page_place(page)
    }

    #[inline(always)]
    fn publish(self, page: u32, class: u32, mask: u32) {
        let planted = page::publish(self.0.word(page), self.0.owner(page), class, mask);
        if !SINGLE && planted != 0 {
            self.0.report_planted(page, planted);
        }
    }

    /// Opens a page that stays in its class for ever.
    pub(crate) fn open_reserved(self, page: u32, class: u32) {
        let mask = Self::TABLE.mask(class);
        self.publish(page, class, mask);
        page::release(self.0.word(page), 1);
        // By rule 1 of the front. Through the front: a context that refills from the index and later drops this entry
        // could lose the free blocks.
        self.enter(page, class);
    }

    /// Gives blocks back to whatever class their page is of: an ordinary release. For blocks that were
    /// claimed from another class's page, and for the caller's own. Returns the bits that were free.
    pub(crate) fn give(self, page: u32, bits: u32) -> u32 {
        // Relaxed: while its bits are out, the page stays in its class.
        let class = self.0.owner_of(page);
        if !Self::TABLE.is_class(class) {
            // Nobody publishes bits there (rule 1): a wrong free planted them. They go no further.
            self.0.report_planted(page, bits);
            return 0;
        }
        let old = page::release(self.0.word(page), bits);
        if old & bits == 0 {
            self.released(page, class, old, bits);
        }
        old & bits
    }

    /// What a release has still to do when the page was full, or is empty now. `class` is the page's before it, `old`
    /// its word. The page may be another's by now: then the context that took it has found it empty, and what is done
    /// here may be done to any page.
    #[inline(always)]
    pub(crate) fn released(self, page: u32, class: u32, old: u32, bits: u32) {
        if old == 0 {
            // Rule 1 of the front.
            self.enter(page, class);
        } else if old | bits == Self::TABLE.mask(class) {
            Self::emptied(class, page, self);
        }
    }

    /// Keeps an empty page in its class; retires the page that it displaces from `kept`. The page and the handle are
    /// not the first arguments, or a release would keep their registers free of what its own caller gave it.
    #[inline(never)]
    fn emptied(class: u32, page: u32, pools: Self) {
        if T::Config::KEPT_PAGES == 0 {
            return pools.retire_away(page);
        }
        let slot = &pools.0.kept()[(class as usize - 1) % T::Config::KEPT_PAGES];
        // SeqCst: between the bit that made the page empty and the look at the slot; pairs with the
        // fence in `evict` (see the table above).
        fence(SeqCst);
        if slot.load(Relaxed) != page {
            pools.evict(slot, page);
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
        self.0.tell(Event::RetireBegins);
        if self.retire(page) {
            self.0.surrender(page);
        }
        self.0.tell(Event::RetireEnds);
    }

    /// Takes an empty page out of its class. The page is then the caller's, its word 0, in transit. `false`: it is in
    /// use, or reserved.
    #[inline(never)]
    pub(crate) fn retire(self, page: u32) -> bool {
        let class = self.0.owner_of(page);
        if page <= T::Config::RESERVED_PAGES || !Self::TABLE.is_class(class) {
            return false;
        }
        let mask = Self::TABLE.mask(class);
        if !page::retire(self.0.word(page), mask) {
            return false;
        }
        // Relaxed: ordered after the retirement by its Acquire (rule 6).
        if !SINGLE && self.0.owner_of(page) != class {
            self.give(page, mask);
            return false;
        }
        // Relaxed: the next owner gets the page by another Release.
        self.0.owner(page).store(Self::TABLE.in_transit() as u8, Relaxed);
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
