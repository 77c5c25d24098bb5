//! Slots: the pages kept empty, and the stash.

use crate::arena::{Arena, Small};
use crate::pools::Pools;
use crate::pools::slots;
use crate::sync::AtomicU32;
use crate::{model, tick};
use loom::cell::UnsafeCell;
use loom::thread::spawn;
use std::sync::Arc;

/// A page that stands in a slot but is in use is evicted while its last block is freed: either the
/// evictor finds it empty, or the free finds it evicted.
///
/// Runs `release`, `emptied`, `evict`, `retire`.
/// Catches: the fence of `emptied` or that of `evict` left out.
#[test]
fn evicting_a_kept_page_against_emptying_it() {
    model(6, || {
        let arena = Arena::<Small<1, 2>>::new(2);
        let (a, b, c) = (arena.must_alloc(128), arena.must_alloc(128), arena.must_alloc(128));
        assert_eq!((a.page(), b.page(), c.page()), (2, 2, 1));
        arena.free(b);
        arena.free(a);
        let again = arena.must_alloc(128);
        assert_eq!(again.page(), 2);
        let other = spawn({
            let arena = arena.clone();
            move || arena.free(c)
        });
        arena.free(again);
        other.join().unwrap();
        arena.finish(vec![]);
    });
}

/// The same when somebody in need of a page empties the slot.
///
/// Runs `release`, `emptied`, `reclaim`.
/// Catches: the fence of `reclaim` or that of `emptied` left out.
#[test]
fn reclaiming_a_kept_page_against_emptying_it() {
    model(6, || {
        let arena = Arena::<Small<1, 2>>::new(2);
        let block = arena.must_alloc(128);
        arena.free(block);
        let again = arena.must_alloc(128);
        let other = spawn({
            let arena = arena.clone();
            move || arena.free(again)
        });
        tick();
        let page = Pools(arena.heap).reclaim();
        if page != 0 {
            let page = arena.own_page(page);
            arena.surrender_page(page);
        }
        other.join().unwrap();
        arena.finish(vec![]);
    });
}

/// Pages put into the stash and taken out of it: each has one owner at a time, which sees what the
/// last one did.
///
/// Runs `slots::{put, take}`.
/// Catches: a `put` that is not a Release, a `take` that is not an Acquire or not one swap.
#[test]
fn stash_put_against_take() {
    model(6, || {
        let stash = Arc::new(([AtomicU32::new(0), AtomicU32::new(0)], [UnsafeCell::new(()), UnsafeCell::new(())]));
        let put = |stash: &([AtomicU32; 2], [UnsafeCell<()>; 2]), page: u32| {
            stash.1[page as usize - 1].with_mut(|_| ());
            tick();
            assert!(slots::put(&stash.0, page), "there are as many slots as pages");
        };
        let take = |stash: &([AtomicU32; 2], [UnsafeCell<()>; 2])| {
            tick();
            let page = slots::take(&stash.0);
            (page != 0).then(|| stash.1[page as usize - 1].with_mut(|_| page))
        };
        put(&stash, 1);
        let putter = spawn({
            let stash = stash.clone();
            move || put(&stash, 2)
        });
        let taker = spawn({
            let stash = stash.clone();
            move || take(&stash)
        });
        let mut taken: Vec<u32> = take(&stash).into_iter().collect();
        putter.join().unwrap();
        taken.extend(taker.join().unwrap());
        taken.extend(take(&stash));
        taken.extend(take(&stash));
        taken.sort();
        assert_eq!(taken, [1, 2]);
    });
}
