//! Where an arena's tables lie: at its end, so that page 1 starts where the arena does, or in a long static arena at
//! its start.
//!
//! ```text
//!   ┌ pages and tail ┬ header ┬ fronts ┬ kept ┬ stash ┬ events ┬ index ┬ summary ┬ words ┬ owners ┬ large tier ┐
//!   base             tables: all else is found from here, by small offsets
//!
//!   ┌ words ┬ header ┬ … summary ┬ owners ┬ large tier ┬ pages
//!   tables                                         base: a small offset too, which spares each call a constant
//! ```
//!
//! With [`Config::POOLED_PERCENT`] below 100, pages are numbered, and have entries in the tables, only from where
//! the pools' part begins; what lies before is the *lead*.
//!
//! A region's memory of more pages than fit into 16 bits has entries for the first of these, and what lies behind is
//! the large tier's alone.
//!
//! Pages begin at multiples of their length, so in the second case up to 255 bytes in front of them are nobody's.

use crate::config::classes::CLASSES_MAX;
use crate::config::geometry::{EXTENT_MAX_BYTES, GRANULE_BYTES, PAGE_BYTES, PAGE_GRANULES, PAGES_MAX};
use crate::config::{Config, Table};
use crate::extent::header::Header;
use crate::hooks::events::Events;
use crate::large::{Large, TableBytes};
use crate::policy::Policy;
use crate::pools::front::AtomicFront;
use crate::pools::index;
use crate::sync::{AtomicU8, AtomicU32};

/// Bytes of a table's word: 4, but loom's are larger.
const WORD_BYTES: usize = size_of::<AtomicU32>();

/// The tables of an arena, as offsets in bytes from the first.
#[derive(Clone, Copy)]
pub(crate) struct Map {
    /// Whole pages that the pools can have.
    pub(crate) pages: u32,
    /// Bytes before the first of them, which are the large tier's alone: whole pages.
    pub(crate) lead: u32,
    /// Bytes before the tables: whole pages, and the tail behind them.
    pub(crate) ground: u32,
    /// Where the header lies: first, or behind the words.
    pub(crate) header: usize,
    /// One front a class, and one for no class.
    pub(crate) fronts: usize,
    pub(crate) kept: usize,
    pub(crate) stash: usize,
    /// The classes' indexes, one behind the other.
    pub(crate) leaves: usize,
    /// Words of one class's index.
    pub(crate) leaf_words: usize,
    pub(crate) summaries: usize,
    /// Words of one class's upper levels.
    pub(crate) summary_words: usize,
    /// The backend's table: where the part behind begins.
    pub(crate) large: usize,
    /// One word a page, and one for no page.
    pub(crate) words: usize,
    /// One byte a page, and one for no page.
    pub(crate) owners: usize,
    /// All tables.
    pub(crate) bytes: usize,
}

impl Map {
    /// Where the index of a class begins, in words from the first.
    #[inline(always)]
    pub(crate) fn leaf_row(&self, class: u32) -> usize {
        (class as usize - 1) * self.leaf_words
    }

    /// Where the second level of a class begins, in words from the first.
    #[inline(always)]
    pub(crate) fn summary_row(&self, class: u32) -> usize {
        (class as usize - 1) * self.summary_words
    }

    /// Where the words for events are: before the indexes, if the program has a hook.
    #[inline(always)]
    pub(crate) const fn events<C: Config>(&self) -> usize {
        events_at::<C>(self.stash)
    }

    /// The smallest arena that a program may ask for. A memory of that length holds a node besides its map.
    pub(crate) const MIN_BYTES: usize = 1024;

    /// Lays out an arena of `bytes`, with as many pages as fit. `None`: too small, or too large.
    pub(crate) const fn new<C: Config, P: Policy, L: Large>(bytes: usize) -> Option<Self> {
        Self::with_tables::<C, P, L>(bytes, Side::Behind)
    }

    /// The same for a static arena, whose tables may lie in front.
    pub(crate) const fn of_static<C: Config, P: Policy, L: Large>(bytes: usize) -> Option<Self> {
        Self::with_tables::<C, P, L>(bytes, Side::of_static::<C>(bytes))
    }

    const fn with_tables<C: Config, P: Policy, L: Large>(bytes: usize, side: Side) -> Option<Self> {
        const {
            assert!(align_of::<Header<P>>() <= GRANULE_BYTES, "larder: a policy's lock needs too large an alignment");
            assert!(
                C::POOLED_EVERYWHERE || L::KEEPS_PAGES_APART,
                "larder: this large tier can't keep the pools' pages in a part of the arena: POOLED_PERCENT has to be 100"
            );
        };
        if bytes < Self::MIN_BYTES / 2 || bytes > EXTENT_MAX_BYTES {
            return None;
        }
        let bytes = bytes / GRANULE_BYTES * GRANULE_BYTES;
        // Every page needs its word, its owner and its bits at least: start from what that allows.
        let pooled = (5 + C::TABLE.count / 8) * C::POOLED_PERCENT / 100;
        let mut pages = bytes / (PAGE_BYTES + pooled + L::TABLE_BYTES.per_page);
        // Without pools there are no pages; with them there is one at least.
        let least = (C::TABLE.count != 0) as usize;
        if least == 0 {
            pages = 0;
        }
        if pages > PAGES_MAX && C::POOLED_EVERYWHERE {
            if !L::KEEPS_PAGES_APART {
                return None;
            }
            // The pools have the first pages, the large tier what lies behind as well.
            let map = Self::with_pages::<C, P, L>(bytes, PAGES_MAX, 0, side, true);
            if map.ground as usize >= PAGES_MAX * PAGE_BYTES {
                return Some(map);
            }
            pages = PAGES_MAX;
        }
        loop {
            let map = Self::with_pages::<C, P, L>(bytes, pages, lead_pages::<C>(pages), side, false);
            if map.ground as usize + map.bytes == bytes && map.ground as usize >= pages * PAGE_BYTES {
                return Some(map);
            }
            if pages == least {
                return None;
            }
            pages -= 1;
        }
    }

    /// Lays out an arena of `bytes` in a fixed number of steps, with at most two pages and 0.1 % less than would fit.
    /// `None`: too small, or too large.
    #[inline(always)]
    pub(crate) fn roughly<C: Config, P: Policy, L: Large>(bytes: usize) -> Option<Self> {
        let classes = C::TABLE.count * WORD_BYTES;
        // Entries for no page, words that are begun, alignment.
        let fixed = const { Self::fixed::<C, P, L>().leaves } + 3 * classes + WORD_BYTES + 3 * GRANULE_BYTES;
        let backend = L::TABLE_BYTES;
        // With that many there is a page.
        let least = fixed + backend.before + backend.behind + backend.per_doubling * 32 + 3 * PAGE_BYTES;
        if bytes < least || bytes > EXTENT_MAX_BYTES {
            return None;
        }
        let bytes = bytes / GRANULE_BYTES * GRANULE_BYTES;
        let rest =
            bytes - before(backend, bytes) - backend.behind - backend.per_page * bytes.div_ceil(PAGE_BYTES) - fixed;
        // Eight pages with their words, their owners, their bits, and their share of the upper levels.
        let eight = 8 * (PAGE_BYTES + WORD_BYTES + size_of::<AtomicU8>())
            + classes.div_ceil(4)
            + (classes * 33).div_ceil(32 * 128);
        // In two steps: 8 times as many bytes need not be a number.
        let pages = if classes == 0 { 0 } else { rest / eight * 8 + rest % eight * 8 / eight };
        Some(Self::with_pages::<C, P, L>(bytes, pages, 0, Side::Behind, false))
    }

    /// No arena needs more bytes for that many pages.
    pub(crate) const fn most_bytes<C: Config, P: Policy, L: Large>(pages: usize) -> usize {
        pages * PAGE_BYTES + Self::most_table_bytes::<C, P, L>(pages)
    }

    /// Of these, what is not pages.
    pub(crate) const fn most_table_bytes<C: Config, P: Policy, L: Large>(pages: usize) -> usize {
        // With its word, its owner, its bits, and a byte for its share of the upper levels.
        let bits = (C::TABLE.count * WORD_BYTES).div_ceil(32);
        let a_page = WORD_BYTES + size_of::<AtomicU8>() + bits + L::TABLE_BYTES.per_page + 1;
        let large = L::TABLE_BYTES.before + L::TABLE_BYTES.per_doubling * 32 + L::TABLE_BYTES.behind;
        let fixed = const { Self::fixed::<C, P, L>().leaves } + large;
        pages * a_page + fixed + 2 * PAGE_BYTES
    }

    /// Moves the tables to those of a longer arena with the same start: all but the backend's, which was moved before,
    /// and the indexes' second levels, which are empty then.
    ///
    /// # Safety
    ///
    /// Both tables are the caller's alone. They may overlap.
    pub(crate) unsafe fn move_tables<C: Config>(&self, from: *mut u8, new: &Self, to: *mut u8) {
        debug_assert!(to > from && new.pages >= self.pages);
        let entries = self.pages as usize + 1;
        // SAFETY: what the tables hold is fine as bytes while nobody looks. The last goes first, and every place lies
        // behind the old one: nothing is overwritten before it was moved.
        unsafe {
            if C::TABLE.count != 0 {
                let room = (new.pages as usize + 1) * size_of::<AtomicU8>();
                let (owners, words) = (from.add(self.owners), from.add(self.words));
                move_table(owners, entries * size_of::<AtomicU8>(), to.add(new.owners), room);
                move_table(words, entries * WORD_BYTES, to.add(new.words), new.owners - new.words);
            }
            let mut end = new.words;
            for class in (1..C::TABLE.numbers() as u32).rev().filter(|&class| C::TABLE.is_class(class)) {
                let row = from.add(self.leaves + self.leaf_row(class) * WORD_BYTES);
                let at = new.leaves + new.leaf_row(class) * WORD_BYTES;
                move_table(row, self.leaf_words * WORD_BYTES, to.add(at), end - at);
                end = at;
            }
            move_table(from, self.leaves, to, end);
        }
    }

    /// Where the second levels begin, behind that many words of each class's index.
    pub(crate) const fn summaries_behind<C: Config>(leaves: usize, leaf_words: usize) -> usize {
        leaves + C::TABLE.count * leaf_words * WORD_BYTES
    }

    /// Some map of these types: of it, everything before the indexes is the same in all of them.
    pub(crate) const fn fixed<C: Config, P: Policy, L: Large>() -> Self {
        Self::with_pages::<C, P, L>(Self::MIN_BYTES, 1, 0, Side::Behind, false)
    }

    /// The tables for `pages` pages, of which `lead` at the start are not for pools. With a `tail`, there are more
    /// pages behind them, which are not for pools either.
    #[inline(always)]
    const fn with_pages<C: Config, P: Policy, L: Large>(
        bytes: usize,
        pages: usize,
        lead: usize,
        side: Side,
        tail: bool,
    ) -> Self {
        let classes = C::TABLE.count;
        let pooled = pages - lead;
        let leaf_words = pooled.div_ceil(32);
        let summary_words = index::upper_words(leaf_words);
        let word_bytes = (pooled + 1) * WORD_BYTES;
        let words_first = side.has_words_first(word_bytes);
        let header = if words_first { word_bytes.next_multiple_of(GRANULE_BYTES) } else { 0 };
        let fronts = header + size_of::<Header<P>>().next_multiple_of(GRANULE_BYTES);
        let kept = fronts + C::TABLE.numbers() * size_of::<AtomicFront>();
        let stash = kept + C::KEPT_PAGES * WORD_BYTES;
        let leaves = events_at::<C>(stash) + if C::TELLS { size_of::<Events>() } else { 0 };
        let summaries = Self::summaries_behind::<C>(leaves, leaf_words);
        let words = summaries + C::TABLE.count * summary_words * WORD_BYTES;
        let (words, owners) = if words_first { (0, words) } else { (words, words + word_bytes) };
        let large = (owners + (pooled + 1) * size_of::<AtomicU8>() + before(L::TABLE_BYTES, bytes)).next_multiple_of(8);
        // No more ground than that, with its share of the backend's table.
        let a_page = PAGE_BYTES + L::TABLE_BYTES.per_page;
        let covered = bytes.saturating_sub(large) / a_page + 1;
        let covered = if covered > pages + 1 && classes > 0 && !tail { pages + 1 } else { covered };
        let tables =
            (large + L::TABLE_BYTES.behind + L::TABLE_BYTES.per_page * covered).next_multiple_of(GRANULE_BYTES);
        // One page more can need a word more in every index, and so not fit although its own bytes would:
        // those belong to nobody, or the large tier would hand out a page that has no entry in the tables.
        let most = (pages + 1) * PAGE_BYTES - GRANULE_BYTES;
        let ground = bytes.saturating_sub(tables);
        let ground = if ground > most && classes > 0 && !tail { most } else { ground };
        let ground = match side {
            Side::Before => bytes.saturating_sub((bytes - ground).next_multiple_of(PAGE_BYTES)),
            Side::Behind => ground / GRANULE_BYTES * GRANULE_BYTES,
        };
        Self {
            pages: pooled as u32,
            lead: (lead * PAGE_BYTES) as u32,
            ground: ground as u32,
            header,
            fronts,
            kept,
            stash,
            leaves,
            leaf_words,
            summaries,
            summary_words,
            large,
            words,
            owners,
            bytes: if tables > bytes { tables } else { bytes - ground },
        }
    }
}

/// On which side of the pages the tables lie.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Before,
    Behind,
}

impl Side {
    /// Where the tables of a static arena lie: before the pages, if there are any, where the up to 255 bytes that this
    /// wastes are 0.4 % at most.
    pub(crate) const fn of_static<C: Config>(bytes: usize) -> Self {
        if bytes >= 64 * 1024 && C::TABLE.count != 0 { Self::Before } else { Self::Behind }
    }

    /// Whether the pages' words are the first table: as long as all others are still found by one small offset.
    const fn has_words_first(self, word_bytes: usize) -> bool {
        matches!(self, Self::Before) && word_bytes <= 2048
    }
}

/// How many of `pages` whole pages are not for pools: the first.
const fn lead_pages<C: Config>(pages: usize) -> usize {
    if C::POOLED_EVERYWHERE {
        return 0;
    }
    let pooled = (pages * C::POOLED_PERCENT).div_ceil(100);
    pages - if pooled > PAGES_MAX { PAGES_MAX } else { pooled }
}

/// Where the words for events are, if the program has a hook, and where the indexes begin, if not: behind the stash.
const fn events_at<C: Config>(stash: usize) -> usize {
    let end = stash + C::STASH_PAGES * WORD_BYTES;
    if C::TELLS { end.next_multiple_of(align_of::<Events>()) } else { end }
}

/// Bytes of a backend's table before its place. Counted for all of the arena, tables included, which is never too few.
const fn before(table: TableBytes, bytes: usize) -> usize {
    table.before + table.per_doubling * (usize::BITS - 1 - (bytes / GRANULE_BYTES).leading_zeros()) as usize
}

/// Moves a table of `len` bytes to where it has `room`, of which the rest is zeroed.
///
/// # Safety
///
/// Both are the caller's.
#[inline(never)]
unsafe fn move_table(from: *mut u8, len: usize, to: *mut u8, room: usize) {
    // SAFETY: the caller's contract.
    unsafe {
        core::ptr::copy(from, to, len);
        to.add(len).write_bytes(0, room - len);
    }
}

const _: () = assert!(CLASSES_MAX < 256 && PAGE_GRANULES == 32);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::geometry::ARENA_MAX_BYTES;
    use crate::config::{Compact, Defaults, Event, Frugal};
    use crate::large::Segregated;
    use crate::policy::Try;

    struct OneKept;
    impl Config for OneKept {
        const KEPT_PAGES: usize = 1;
    }

    struct Tenth;
    impl Config for Tenth {
        const POOLED_PERCENT: usize = 10;
    }

    struct Told;
    impl Config for Told {
        const STASH_PAGES: usize = 3;
        const ON_EVENT: Option<fn(Event)> = Some(|_| ());
    }

    fn fits<C: Config>(bytes: usize) {
        let map = Map::new::<C, Try, Segregated>(bytes).unwrap();
        let (pages, ground) = (map.pages as usize + map.lead as usize / PAGE_BYTES, map.ground as usize);
        assert_eq!(map.lead as usize, lead_pages::<C>(pages) * PAGE_BYTES);
        assert!(
            pages * PAGE_BYTES <= ground && ground < (pages + 1) * PAGE_BYTES,
            "{bytes} bytes: {pages} pages, {ground}"
        );
        assert_eq!(ground + map.bytes, bytes / GRANULE_BYTES * GRANULE_BYTES);
    }

    /// The tables that a map of `bytes` bytes says there are don't overlap, and the backend's are as long as it asks
    /// for.
    fn has_room<L: Large, C: Config>(map: &Map, bytes: usize) {
        let (table, ground) = (L::TABLE_BYTES, map.ground as usize);
        let before = table.before + table.per_doubling * (ground / GRANULE_BYTES).ilog2() as usize;
        let behind = table.behind + table.per_page * ground.div_ceil(PAGE_BYTES);
        let pages = if C::TABLE.count == 0 { 0 } else { map.pages as usize + 1 };
        let mut tables = [
            (map.header, size_of::<Header<Try>>()),
            (map.fronts, C::TABLE.numbers() * size_of::<AtomicFront>()),
            (map.kept, C::KEPT_PAGES * WORD_BYTES),
            (map.stash, C::STASH_PAGES * WORD_BYTES),
            (map.events::<C>(), if C::TELLS { size_of::<Events>() } else { 0 }),
            (map.leaves, C::TABLE.count * map.leaf_words * WORD_BYTES),
            (map.summaries, C::TABLE.count * map.summary_words * WORD_BYTES),
            (map.words, pages * WORD_BYTES),
            (map.owners, pages),
            (map.large - before, before + behind),
            (map.bytes, 0),
        ];
        tables.sort();
        for pair in tables.windows(2) {
            assert!(pair[0].0 + pair[0].1 <= pair[1].0, "{bytes} bytes: {tables:?}");
        }
        assert!(ground + map.bytes <= bytes, "{bytes} bytes: {ground}");
    }

    fn all_have_room<L: Large, C: Config>() {
        let around = (11..31).flat_map(|log| (1 << log) - 600..(1 << log) + 600);
        let small = Map::MIN_BYTES..100_000;
        let last = EXTENT_MAX_BYTES - 600..EXTENT_MAX_BYTES + 1;
        for bytes in small.chain(around).chain(last) {
            if let Some(map) = Map::roughly::<C, Try, L>(bytes) {
                has_room::<L, C>(&map, bytes);
            }
            // `new` takes long to find out how many pages fit.
            if let Some(map) = (bytes < 10_000).then(|| Map::new::<C, Try, L>(bytes)).flatten() {
                has_room::<L, C>(&map, bytes);
            }
        }
    }

    #[test]
    fn no_table_is_shorter_than_it_has_to_be() {
        all_have_room::<Segregated, Defaults>();
        all_have_room::<Segregated, Compact>();
        all_have_room::<Segregated, OneKept>();
        all_have_room::<Segregated, Told>();
        all_have_room::<Segregated, Frugal>();
        all_have_room::<Segregated, Tenth>();
        #[cfg(feature = "linked-list")]
        all_have_room::<crate::large::LinkedList, Defaults>();
        #[cfg(feature = "linked-list")]
        all_have_room::<crate::large::LinkedList, Compact>();
    }

    /// Behind the pages that the pools can have there is ground, and all tables have room.
    #[test]
    fn memories_of_more_pages_than_pools_can_have_are_used_to_their_ends() {
        fn fits_long<C: Config>(pooled: bool) {
            let border = (PAGES_MAX * PAGE_BYTES..PAGES_MAX * PAGE_BYTES / 10 * 12).step_by(10_009);
            for bytes in border.chain([32 << 20, 100 << 20, 1 << 30, EXTENT_MAX_BYTES]) {
                let map = Map::new::<C, Try, Segregated>(bytes).unwrap();
                has_room::<Segregated, C>(&map, bytes);
                let all = map.ground as usize / PAGE_BYTES;
                assert_eq!(map.ground as usize + map.bytes, bytes / GRANULE_BYTES * GRANULE_BYTES);
                assert!(map.pages as usize <= PAGES_MAX && map.lead as usize / PAGE_BYTES + map.pages as usize <= all);
                assert!(!pooled || map.pages as usize == all.min(PAGES_MAX), "{bytes} bytes: {} of {all}", map.pages);
                assert!(bytes < 64 << 20 || map.bytes < bytes / 30, "{bytes} bytes: tables of {}", map.bytes);
            }
            assert!(Map::new::<C, Try, Segregated>(EXTENT_MAX_BYTES + 8).is_none());
        }
        fits_long::<Defaults>(true);
        fits_long::<Told>(true);
        fits_long::<Frugal>(false);
        fits_long::<Tenth>(false);
        fits_long::<Compact>(false);
    }

    #[test]
    fn tables_in_front_end_where_a_page_can_begin() {
        tables_in_front_end_well::<Defaults>();
        tables_in_front_end_well::<Frugal>();
    }

    fn tables_in_front_end_well<C: Config>() {
        for bytes in (64 * 1024..100_000).step_by(4).chain([1 << 20, ARENA_MAX_BYTES]) {
            let map = Map::of_static::<C, Try, Segregated>(bytes).unwrap();
            assert_eq!(map.bytes % PAGE_BYTES, 0, "{bytes} bytes");
            let end = (map.lead + map.pages * PAGE_BYTES as u32) as usize;
            assert!((end..end + PAGE_BYTES).contains(&(map.ground as usize)), "{bytes} bytes: {end}, {}", map.ground);
            assert_eq!(map.ground as usize + map.bytes, bytes / GRANULE_BYTES * GRANULE_BYTES);
            has_room::<Segregated, C>(&map, bytes);
        }
    }

    #[test]
    fn every_whole_page_of_every_arena_has_its_entries() {
        for bytes in (Map::MIN_BYTES..150_000).step_by(4).chain([1 << 20, ARENA_MAX_BYTES]) {
            fits::<Defaults>(bytes);
            fits::<OneKept>(bytes);
            fits::<Told>(bytes);
            fits::<Frugal>(bytes);
            fits::<Tenth>(bytes);
            assert_eq!(Map::new::<Compact, Try, Segregated>(bytes).unwrap().pages, 0);
        }
    }
}
