//! Looks from outside of the large tier's entry, at what its visitors change.

use crate::config::geometry::LARGE_MIN_BYTES;
use crate::extent::deferred::{self, Links};
use crate::extent::moment::Moment;
use crate::large::{Before, end_before_mark, is_second};
use crate::model;
use crate::sync::{AtomicU32, Ordering::*, StoredU32};
use loom::thread::spawn;
use std::sync::Arc;

/// Of a word that ends a free run, as a size: an odd number. A live block's owner writes even ones.
const SIZE: u32 = 17;
const CONTENT: u32 = 2;

/// The granule before a live block, and the visits' count.
struct Beside {
    moment: Moment,
    mark: AtomicU32,
    word: AtomicU32,
}

impl Before for &Beside {
    fn is_marked(&self) -> bool {
        self.mark.load(Relaxed) != 0
    }
    fn word(&self) -> u32 {
        self.word.load(Relaxed)
    }
}

impl Beside {
    /// What lies there is a block of somebody's (`false`), or a free run.
    fn new(is_free: bool) -> Arc<Self> {
        let (mark, word) = if is_free { (1, SIZE) } else { (0, CONTENT) };
        let beside = Self { moment: Moment::new(), mark: AtomicU32::new(mark), word: AtomicU32::new(word) };
        beside.moment.begin();
        Arc::new(beside)
    }

    /// A visit takes the run. Its owner then writes to it.
    fn take(&self) {
        self.mark.store(0, Relaxed);
        self.moment.pass::<true>();
        self.word.store(CONTENT, Relaxed);
    }

    /// A visit releases it.
    fn release(&self) {
        end_before_mark(|| self.word.store(SIZE, Relaxed));
        self.mark.store(1, Relaxed);
        self.moment.pass::<true>();
    }

    /// What the owner of the block behind it asks.
    fn is_behind_start(&self) -> bool {
        self.moment.steady(|| Some(is_second(&self)))
    }
}

/// What lies before a live block is released while the block's owner asks whether it is one: it never reads as the first granule of a run.
///
/// Runs `is_second`, `end_before_mark`, `Moment::{steady, pass}`.
/// Catches: a release that marks before it writes the size, or without a fence between.
#[test]
fn a_release_beside_a_live_block() {
    model(6, || {
        let beside = Beside::new(false);
        let other = spawn({
            let beside = beside.clone();
            move || beside.release()
        });
        assert!(!beside.is_behind_start());
        other.join().unwrap();
    });
}

/// The same when the run is taken, and its owner writes to it.
///
/// Runs the same.
/// Catches: a visit that ends without a fence: the owner's word is seen before the cleared mark. A look that does not ask for the mark again.
#[test]
fn a_request_beside_a_live_block() {
    model(6, || {
        let beside = Beside::new(true);
        let other = spawn({
            let beside = beside.clone();
            move || beside.take()
        });
        assert!(!beside.is_behind_start());
        other.join().unwrap();
    });
}

/// The run is taken, written to and released again, by two visitors, one after the other, and once more.
///
/// Runs the same.
/// Catches: a look that is not repeated when visits have ended meanwhile; a count that is not read before and after, or not behind a fence.
#[test]
fn both_beside_a_live_block() {
    model(3, || {
        let beside = Beside::new(true);
        let other = spawn({
            let beside = beside.clone();
            move || {
                beside.take();
                let next = spawn({
                    let beside = beside.clone();
                    move || {
                        beside.release();
                        beside.take();
                    }
                });
                next.join().unwrap();
            }
        });
        assert!(!beside.is_behind_start());
        other.join().unwrap();
    });
}

/// A list whose links are words that anybody may read at any time: of blocks at 8, 16 and 24.
struct List {
    moment: Moment,
    head: AtomicU32,
    hand: StoredU32,
    bytes: AtomicU32,
    links: [AtomicU32; 3],
    /// Whether a block is free, as the bits tell.
    free: [AtomicU32; 3],
}

// SAFETY: each place has a word of its own.
unsafe impl Links for List {
    unsafe fn write(&self, place: u32, next: u32, _: u32) {
        self.link(place).store(next, Relaxed);
    }
    unsafe fn len(&self, _: u32) -> u32 {
        LARGE_MIN_BYTES
    }
    fn next(&self, place: u32) -> u32 {
        if place == 0 { 0 } else { self.link(place).load(Relaxed) }
    }
    unsafe fn set_next(&self, place: u32, next: u32) {
        self.link(place).store(next, Relaxed);
    }
}

impl List {
    /// A list of these blocks, the first pushed first.
    fn of(places: &[u32]) -> Arc<Self> {
        let words = || core::array::from_fn(|_| AtomicU32::new(0));
        let list = Self {
            moment: Moment::new(),
            head: AtomicU32::new(0),
            hand: StoredU32::new(0),
            bytes: AtomicU32::new(0),
            links: words(),
            free: words(),
        };
        list.moment.begin();
        places.iter().for_each(|&place| list.push(place));
        Arc::new(list)
    }

    fn link(&self, place: u32) -> &AtomicU32 {
        &self.links[place as usize / 8 - 1]
    }

    fn push(&self, place: u32) {
        self.bytes.fetch_add(LARGE_MIN_BYTES, Relaxed);
        // SAFETY: each place is pushed by one owner.
        unsafe { deferred::push(&self.head, self, place, LARGE_MIN_BYTES) };
    }

    /// A visit that gives one block back: what lies there are a free run's links then, which lead astray.
    fn drain(&self) -> u32 {
        // SAFETY: only one thread of the model drains.
        let taken = unsafe { deferred::take(&self.head, &self.hand, self) };
        if taken != 0 {
            self.link(taken).store(0, Relaxed);
            self.free[taken as usize / 8 - 1].store(1, Relaxed);
            deferred::put_down(&self.hand);
            self.bytes.fetch_sub(LARGE_MIN_BYTES, Relaxed);
        }
        self.moment.pass::<true>();
        taken
    }

    /// What a second free of a block asks: is it deferred, or free by now?
    fn is_known(&self, place: u32) -> bool {
        let find = || deferred::finds(&self.head, &self.hand, &self.bytes, self, place);
        self.moment.steady(find) || self.free[place as usize / 8 - 1].load(Relaxed) == 1
    }
}

/// Whoever frees a deferred block again finds that out, while others are given back, and while it is itself.
///
/// Runs `deferred::{take, put_down, finds}`, `Moment::{steady, pass}`.
/// Catches: a block that is taken off the list before it is in the hand, or without a fence between; a hand that is emptied without one; a
/// search that follows the link of a block which somebody else has, or does not look into the hand, or counts its steps without an Acquire.
#[test]
fn a_search_against_drains() {
    for place in [8, 16, 24] {
        model(3, move || {
            let list = List::of(&[8, 16, 24]);
            let other = spawn({
                let list = list.clone();
                move || {
                    list.drain();
                    list.drain();
                }
            });
            assert!(list.is_known(place));
            other.join().unwrap();
        });
    }
}

/// The same while further blocks come.
///
/// Runs `push` too.
/// Catches: a push that is not a Release; a search that counts its steps before it has read the head.
#[test]
fn a_search_against_a_push_and_a_drain() {
    model(3, || {
        let list = List::of(&[8]);
        let threads = [
            spawn({
                let list = list.clone();
                move || list.push(16)
            }),
            spawn({
                let list = list.clone();
                move || {
                    list.drain();
                }
            }),
        ];
        assert!(list.is_known(8));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let mut rest = vec![list.drain(), list.drain()];
        rest.retain(|&place| place != 0);
        assert!(rest.iter().all(|place| [8, 16].contains(place)) && !rest.is_empty(), "{rest:?}");
    });
}
