//! Pages on their way between the front and the index.

use crate::arena::{Arena, Block, CLASS_64, CLASS_128, Small};
use crate::config::Config;
use crate::config::geometry::GRANULE_BYTES;
use crate::pools::index::{FLAT_WORDS, Index, LONG_WORDS, upper_words};
use crate::pools::{Pools, Tables};
use crate::sync::{AtomicU8, AtomicU32};
use crate::{model, tick};
use core::alloc::Layout;
use loom::thread::spawn;

/// An arena whose pages are full of blocks of 128 bytes, two a page, in the order of their places.
fn full_pages(pages: u32) -> (std::sync::Arc<Arena<Small<1, 1>>>, Vec<Block>) {
    let arena = Arena::<Small<1, 1>>::new(pages);
    let mut blocks: Vec<Block> = (0..2 * pages).map(|_| arena.must_alloc(128)).collect();
    // The highest page comes first.
    blocks.sort_by_key(Block::page);
    (arena, blocks)
}

/// An old entry of a full page is met, while blocks of that page are freed: the lost wake-up.
///
/// Runs `claim_any`, `Pools::drop_first`, `put_back`, `released`, `Front::{push, drop_first}`.
/// Catches: no look at the word after an entry was dropped; a release that pushes nothing.
#[test]
fn dropping_an_old_entry_against_a_free() {
    model(4, || {
        let (arena, mut live) = full_pages(2);
        arena.heap.front(CLASS_128).push(1);
        let (a, b) = (live.remove(0), live.remove(0));
        let other = spawn({
            let arena = arena.clone();
            move || {
                arena.free(a);
                arena.free(b);
            }
        });
        live.extend(arena.alloc(128));
        other.join().unwrap();
        arena.finish(live);
    });
}

/// A page's last block is taken while another block of it is freed: the lost wake-up.
///
/// Runs `claim_first`, `Pools::drop_first`, `put_back`, `released`, `Front::{push, drop_first}`.
/// Catches: a claim or a release by a load and a store; a front changed by a load and a store.
#[test]
fn taking_the_last_block_against_a_free() {
    model(6, || {
        let arena = Arena::<Small<1, 1>>::new(2);
        let block = arena.must_alloc(128);
        let other = spawn({
            let arena = arena.clone();
            move || arena.free(block)
        });
        let mine = arena.must_alloc(128);
        other.join().unwrap();
        arena.finish(vec![mine]);
    });
}

/// Two releases push a page each into a full front: both pages that fall out are in the index afterwards.
///
/// Runs `enter`, `shelve`, `Front::push`, `Index::insert`.
/// Catches: a page that falls out and is forgotten; a front changed by a load and a store.
#[test]
fn displacing_against_displacing() {
    model(4, || {
        let (arena, mut live) = full_pages(4);
        arena.free(live.remove(0));
        arena.free(live.remove(1));
        let (a, b) = (live.remove(2), live.remove(3));
        let other = spawn({
            let arena = arena.clone();
            move || arena.free(a)
        });
        arena.free(b);
        other.join().unwrap();
        arena.finish(live);
    });
}

/// A page falls out of the front that another context has only just pushed: the context that has it in hand sees the
/// block that was freed.
///
/// Runs `enter`, `shelve`, `Front::push`.
/// Catches: a `shelve` without its fence.
#[test]
fn displacing_what_another_has_pushed() {
    model(4, || {
        let (arena, mut live) = full_pages(3);
        let (a, b, c) = (live.remove(4), live.remove(2), live.remove(0));
        let other = spawn({
            let arena = arena.clone();
            move || arena.free(a)
        });
        arena.free(b);
        arena.free(c);
        other.join().unwrap();
        arena.finish(live);
    });
}

/// A page falls out of the front while its last block is taken and another of its blocks is freed.
///
/// Runs `shelve` with `claim_first`, `released`.
/// Catches: a page that falls out and is forgotten; a page that falls out, and is looked at before that.
#[test]
fn displacing_against_alloc_and_free() {
    model(3, || {
        let (arena, mut live) = full_pages(3);
        let (a, b) = (live.remove(0), live.remove(0));
        arena.free(a);
        // Pages 2 and 1 are in the front, which holds no more.
        arena.free(live.remove(0));
        let c = live.pop().unwrap();
        let displace = spawn({
            let arena = arena.clone();
            move || arena.free(c)
        });
        let free = spawn({
            let arena = arena.clone();
            move || arena.free(b)
        });
        live.push(arena.must_alloc(128));
        displace.join().unwrap();
        free.join().unwrap();
        arena.finish(live);
    });
}

/// The front is filled from the index by two contexts at once, and a third pushes a page.
///
/// Runs `claim_any`, `Index::draw`, `Front::fill`, `push`.
/// Catches: pages that were taken out of the index and are forgotten, when the front is no longer empty; pages that are taken out of
/// the index first, so that a request that comes in between is refused.
#[test]
fn drawing_against_drawing_and_a_free() {
    model(3, || {
        let (arena, mut live) = full_pages(3);
        let c = live.pop().unwrap();
        arena.free(live.remove(0));
        arena.free(live.remove(1));
        // As if other pages had displaced both.
        let front = arena.heap.front(CLASS_128);
        while front.drop_first(front.seen()) && front.seen() != 0 {}
        Index(arena.heap, CLASS_128).insert(1);
        Index(arena.heap, CLASS_128).insert(2);
        let other = spawn({
            let arena = arena.clone();
            move || arena.must_alloc(128)
        });
        let free = spawn({
            let arena = arena.clone();
            move || arena.free(c)
        });
        live.push(arena.must_alloc(128));
        live.push(other.join().unwrap());
        free.join().unwrap();
        arena.finish(live);
    });
}

/// Two requests want a block each of the last page of the index: the one that finds the index empty sees the front that
/// was filled from it.
///
/// Runs `claim_any`, `Index::draw`, `Front::fill`.
/// Catches: a `draw` that finds nothing and gives up without its fence; a `take` that is not a Release.
#[test]
fn drawing_the_last_page_against_drawing_it() {
    model(3, || {
        let (arena, mut live) = full_pages(2);
        live.extend(arena.exhaust());
        arena.free(live.remove(0));
        arena.free(live.remove(0));
        // As if other pages had displaced it.
        let front = arena.heap.front(CLASS_128);
        while front.drop_first(front.seen()) && front.seen() != 0 {}
        Index(arena.heap, CLASS_128).insert(1);
        let other = spawn({
            let arena = arena.clone();
            move || arena.must_alloc(128)
        });
        live.push(arena.must_alloc(128));
        live.push(other.join().unwrap());
        arena.finish(live);
    });
}

/// [`Small`] with a page that is the larger class's for ever.
struct Reserving;

impl Config for Reserving {
    const CLASSES: &'static [usize] = Small::<1, 0>::CLASSES;
    const RESERVED: &'static [(usize, usize)] = &[(128, 1)];
}

/// A block of the larger class, if its front or its index leads to one.
fn claim(arena: &Arena<Reserving>) -> Option<Block> {
    tick();
    let place = Pools(arena.heap).claim_any(CLASS_128) as usize;
    (place != 0).then(|| arena.own(place - GRANULE_BYTES, Layout::new::<[u64; 16]>()))
}

/// A page is opened for its class for ever, when the large tier is set up, while two contexts ask the class: none of
/// them drops the page's entry for good, because of a word as old as the empty page.
///
/// | A sets the large tier up | B fills the empty front | C asks |
/// |---|---|---|
/// | opens page 1, puts it into the index | | |
/// | | reads the leaf: page 1; puts it into the front | |
/// | | | drops page 1 from the front; its word is 0, as nothing says that A was there |
/// | | takes page 1 out of the index; reads the front, as B left it | |
///
/// So A pushes it into the front instead: all that change the front later acquire that.
///
/// Runs `set_up`, `reserve`, `open_reserved`, `claim_any`, `Front::{push, drop_first}`, `put_back`.
/// Catches: a reserved page that goes straight into the index, or into neither.
#[test]
fn asking_for_a_page_that_another_opens_for_ever() {
    model(2, || {
        let arena = Arena::<Reserving>::new(2);
        let set_up = spawn({
            let arena = arena.clone();
            move || {
                tick();
                arena.heap.look(|_| ());
            }
        });
        let other = spawn({
            let arena = arena.clone();
            move || claim(&arena)
        });
        let mine = claim(&arena);
        set_up.join().unwrap();
        let theirs = other.join().unwrap();
        arena.finish(mine.into_iter().chain(theirs).collect());
    });
}

/// Two refills of one class at the same time: both pages stay within reach.
///
/// Runs `refill`, `open`, `enter`, `slots::take`.
/// Catches: an opened page that is not pushed; a `take` by a load and a store.
#[test]
fn refill_against_refill() {
    model(5, || {
        let arena = Arena::<Small<1, 2>>::new(3);
        // Two pages in the stash, so that neither needs the large tier.
        let pages: Vec<Block> = (0..2).map(|_| arena.must_alloc(256)).collect();
        for page in pages {
            arena.make_pool_page(page);
        }
        let other = spawn({
            let arena = arena.clone();
            move || arena.must_alloc(128)
        });
        let mine = arena.must_alloc(128);
        let theirs = other.join().unwrap();
        arena.finish(vec![mine, theirs]);
    });
}

/// The words of an index of several levels, alone.
#[derive(Clone, Copy)]
struct Words<const LEAVES: usize>(&'static [AtomicU32]);

/// As few leaves as have two levels; and three, where numbers of pages are long.
const TWO_LEVELS: usize = FLAT_WORDS + 1;
const THREE_LEVELS: usize = LONG_WORDS * 32 + 1;

impl<const LEAVES: usize> Words<LEAVES> {
    fn new() -> Self {
        let words = LEAVES + upper_words(LEAVES);
        Self(Vec::leak((0..words).map(|_| AtomicU32::new(0)).collect()))
    }
}

impl<const LEAVES: usize> Tables<'static> for Words<LEAVES> {
    type Config = Small<0, 0>;
    const PAGE_BITS: u32 = if LEAVES == TWO_LEVELS { 8 } else { 32 };

    fn leaf_count(self) -> usize {
        LEAVES
    }
    fn leaf(self, _: u32, at: usize) -> &'static AtomicU32 {
        &self.0[at]
    }
    fn summary(self, _: u32, at: usize) -> &'static AtomicU32 {
        &self.0[LEAVES + at]
    }
    fn word(self, _: u32) -> &'static AtomicU32 {
        unreachable!()
    }
    fn owner(self, _: u32) -> &'static AtomicU8 {
        unreachable!()
    }
    fn front_word(self, _: u32) -> &'static AtomicU32 {
        unreachable!()
    }
    fn kept(self) -> &'static [AtomicU32] {
        unreachable!()
    }
    fn surrender(self, _: u32) {
        unreachable!()
    }
    fn retries(self) -> &'static AtomicU32 {
        unreachable!()
    }
    fn report_planted(self, _: u32, _: u32) {
        unreachable!()
    }
}

/// The index's second level: a leaf becomes empty while a page enters it.
///
/// Runs `Index::{insert, remove, first_leaf}` with a second level.
/// Catches: no second look in `leave_summary` or `leave_top`; a Relaxed change of the summary or the third level.
#[test]
fn the_summary_against_insert() {
    the_summary_against_insert_of::<TWO_LEVELS>(6);
    the_summary_against_insert_of::<THREE_LEVELS>(3);
}

fn the_summary_against_insert_of<const LEAVES: usize>(preemptions: usize) {
    model(preemptions, || {
        let index = Index(Words::<LEAVES>::new(), CLASS_64);
        index.insert(40);
        let other = spawn(move || {
            tick();
            index.insert(41)
        });
        tick();
        index.remove(40);
        tick();
        assert!([0, 1 << 8].contains(&index.first_leaf().1));
        other.join().unwrap();
        assert_eq!(index.first_leaf(), (1, 1 << 8));
    });
}

/// Two contexts put a page each into the same empty leaf: each finds its own at once, wherever the other is suspended.
///
/// Runs `Index::{insert, first_leaf}` with a second level.
/// Catches: an insertion that leaves the summary to the context that was the first in the leaf.
#[test]
fn inserting_against_inserting_beneath_the_summary() {
    inserting_against_inserting_beneath_the_summary_of::<TWO_LEVELS>(6);
    inserting_against_inserting_beneath_the_summary_of::<THREE_LEVELS>(3);
}

fn inserting_against_inserting_beneath_the_summary_of<const LEAVES: usize>(preemptions: usize) {
    model(preemptions, || {
        let index = Index(Words::<LEAVES>::new(), CLASS_64);
        let inserts = move |page: u32| {
            tick();
            index.insert(page);
            tick();
            let (leaf, pages) = index.first_leaf();
            assert_eq!(leaf, 1);
            assert_ne!(pages & 1 << ((page - 1) % 32), 0, "page {page} is invisible");
        };
        let other = spawn(move || inserts(40));
        inserts(41);
        other.join().unwrap();
    });
}

/// A leaf becomes empty while a page enters it: the context that has put it there finds it at once, at the latest by the last resort.
///
/// Runs `Index::{insert, remove, first_leaf, reveal}` with a second level.
/// Catches: a `reveal` that does nothing, or a Relaxed change of the summary.
#[test]
fn revealing_what_the_summary_hides() {
    revealing_what_the_summary_hides_of::<TWO_LEVELS>(6);
    revealing_what_the_summary_hides_of::<THREE_LEVELS>(3);
}

fn revealing_what_the_summary_hides_of<const LEAVES: usize>(preemptions: usize) {
    model(preemptions, || {
        let index = Index(Words::<LEAVES>::new(), CLASS_64);
        index.insert(40);
        let other = spawn(move || {
            tick();
            index.remove(40);
        });
        tick();
        index.insert(41);
        tick();
        if index.first_leaf().1 & 1 << 8 == 0 {
            // The other context has cleared the summary's bit, and will not do so again.
            index.reveal();
            tick();
            assert_ne!(index.first_leaf().1 & 1 << 8, 0, "page 41 is invisible");
        }
        other.join().unwrap();
        assert_eq!(index.first_leaf(), (1, 1 << 8));
    });
}
