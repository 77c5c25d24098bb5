//! Pages on their way between the index and the hint.

use crate::arena::{Arena, Block, CLASS_64, CLASS_128, Small};
use crate::index::{FLAT_WORDS, Index};
use crate::pools::Tables;
use crate::sync::{AtomicU8, AtomicU32};
use crate::{model, tick};
use loom::thread::spawn;

/// A page that is in the index but has no free block leaves it, while blocks of it and of another full
/// page are freed: the lost wake-up.
///
/// Runs `claim_any`, `leave`, `released`, `Index::{insert, remove, lowest}`.
/// Catches: no second look in `leave`; an `insert` or a `remove` that is Relaxed.
#[test]
fn leaving_the_index_against_a_free() {
    model(4, || {
        let arena = Arena::<Small<1, 1>>::new(3);
        let mut live: Vec<Block> = (0..4).map(|_| arena.must_alloc(128)).collect();
        // Page 1 is full; its bit in the index is an old one.
        Index(arena.heap, CLASS_128).insert(1);
        let (a, b) = (live.remove(0), live.remove(1));
        let other = spawn({
            let arena = arena.clone();
            move || {
                arena.free(a);
                arena.free(b);
            }
        });
        live.extend(arena.alloc(128));
        other.join().unwrap();
        assert_eq!(live.len(), 3);
        arena.finish(live);
    });
}

/// A page's last block is taken while another block of it is freed: the lost wake-up.
///
/// Runs `claim_hinted`, `leave`, `released`, `Index::{insert, remove, lowest}`.
/// Catches: no second look in `leave`; an `insert` or a `remove` that is Relaxed; a claim or a release by a
/// load and a store.
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

/// Two refills of one class at the same time: both pages stay within reach.
///
/// Runs `refill`, `open`, `leave`, `slots::take`.
/// Catches: an opened page that is not put into the index; a `take` by a load and a store.
#[test]
fn refill_against_refill() {
    model(5, || {
        let arena = Arena::<Small<1, 2>>::new(3);
        // Two pages in the stash, so that neither needs tier 2.
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

/// The words of an index of two levels, alone.
#[derive(Clone, Copy)]
struct Words(&'static [AtomicU32; 3]);

impl Tables<'static> for Words {
    type Config = Small<0, 0>;

    fn leaf_count(self) -> usize {
        FLAT_WORDS + 1
    }
    fn leaf(self, _: u8, at: usize) -> &'static AtomicU32 {
        &self.0[at]
    }
    fn summary(self, _: u8, _: usize) -> &'static AtomicU32 {
        &self.0[2]
    }
    fn word(self, _: u32) -> &'static AtomicU32 {
        unreachable!()
    }
    fn owner(self, _: u32) -> &'static AtomicU8 {
        unreachable!()
    }
    fn hint(self, _: u8) -> &'static AtomicU32 {
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
    fn planted(self) -> &'static AtomicU32 {
        unreachable!()
    }
}

/// The index's second level: a leaf becomes empty while a page enters it.
///
/// Runs `Index::{insert, remove, lowest}` with a second level.
/// Catches: no second look in `leave_summary`; a Relaxed change of the summary.
#[test]
fn the_summary_against_insert() {
    model(6, || {
        let words = Box::leak(Box::new(core::array::from_fn(|_| AtomicU32::new(0))));
        let index = Index(Words(words), CLASS_64);
        index.insert(40);
        let other = spawn(move || {
            tick();
            index.insert(41)
        });
        tick();
        index.remove(40);
        tick();
        assert!([0, 41].contains(&index.lowest()));
        other.join().unwrap();
        assert_eq!(index.lowest(), 41);
    });
}
