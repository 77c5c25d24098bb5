//! Calls that meet on one page.

use crate::arena::{Arena, Block, Small};
use crate::pools::page;
use crate::sync::{AtomicU8, AtomicU32, Ordering::*};
use crate::{model, tick};
use loom::thread::spawn;
use std::sync::Arc;

/// Two allocations from one page never get the same block.
///
/// Runs `allocate`, `claim_first`, `claim_any`.
/// Catches: a claim by a load and a store instead of one exchange.
#[test]
fn alloc_against_alloc_on_one_page() {
    model(6, || {
        let arena = Arena::<Small<1, 1>>::new(2);
        let first = arena.must_alloc(64);
        let other = spawn({
            let arena = arena.clone();
            move || arena.alloc(64)
        });
        let mine = arena.alloc(64);
        let live = [Some(first), mine, other.join().unwrap()];
        arena.finish(live.map(|block| block.expect("there is room")).into());
    });
}

/// A request that loses its block to another is served all the same while its class has more, though
/// no page can be had.
///
/// Runs `allocate`, `claim_first`, `claim_any`.
/// Catches: a request that is refused without a second try in `claim_any`.
#[test]
fn a_lost_claim_is_no_refusal() {
    model(6, || {
        let arena = Arena::<Small<1, 1>>::new(2);
        let mut live = vec![arena.must_alloc(64)];
        let page = live[0].page();
        live.extend(arena.exhaust());
        let other = spawn({
            let arena = arena.clone();
            move || arena.alloc(64)
        });
        live.extend(arena.alloc(64));
        live.extend(other.join().unwrap());
        let pooled = live.iter().filter(|block| block.page() == page).count();
        assert_eq!(pooled, 3, "a request was refused while its class had two blocks");
        arena.finish(live);
    });
}

/// An allocation and a free meet on a page that is full: the block is found by one or by the next.
///
/// Runs `allocate`, `release`, `released`, and the refill if the free comes too late.
/// Catches: a release that does not push a page that was full; no second look in `put_back`.
#[test]
fn alloc_against_free_on_one_page() {
    model(6, || {
        let arena = Arena::<Small<1, 1>>::new(2);
        let mut live: Vec<Block> = (0..2).map(|_| arena.must_alloc(128)).collect();
        let freed = live.pop().unwrap();
        let other = spawn({
            let arena = arena.clone();
            move || arena.free(freed)
        });
        live.extend(arena.alloc(128));
        other.join().unwrap();
        assert_eq!(live.len(), 2);
        arena.finish(live);
    });
}

/// Two frees into one full page: one of them puts it into the index, one finds it empty.
///
/// Runs `release`, `released`, `emptied`.
/// Catches: a release by a load and a store, or one that does not put the page into the index.
#[test]
fn free_against_free_of_one_page() {
    model(6, || {
        let arena = Arena::<Small<1, 1>>::new(3);
        let (a, b) = (arena.must_alloc(128), arena.must_alloc(128));
        let rest = arena.must_alloc(128);
        assert_eq!((a.page(), b.page(), rest.page()), (3, 3, 2));
        let other = spawn({
            let arena = arena.clone();
            move || arena.free(a)
        });
        arena.free(b);
        other.join().unwrap();
        arena.finish(vec![rest]);
    });
}

/// The last two frees of a page: one of them sees it empty, and only one hands it on.
///
/// Runs `release`, `emptied`, `retire` with no slot to keep a page in.
/// Catches: a release by a load and a store: nobody would see the page empty.
#[test]
fn free_against_free_that_empties_a_page() {
    model(6, || {
        let arena = Arena::<Small<0, 1>>::new(2);
        let (a, b) = (arena.must_alloc(128), arena.must_alloc(128));
        let other = spawn({
            let arena = arena.clone();
            move || arena.free(a)
        });
        arena.free(b);
        other.join().unwrap();
        arena.finish(vec![]);
    });
}

/// A claim sees the owner byte that was written before the page was published: of a page that serves
/// class 2 now, a context that holds it for class 1 learns as much.
///
/// Runs `page::publish`, `page::claim`.
/// Catches: a claim that is not an Acquire, a publication that is not a Release or that comes before
/// the owner byte.
#[test]
fn publish_against_a_stale_claim() {
    model(6, || {
        let page = Arc::new((AtomicU32::new(0), AtomicU8::new(1)));
        let publisher = spawn({
            let page = page.clone();
            move || {
                tick();
                page::publish(&page.0, &page.1, 2, 0x0101_0101)
            }
        });
        tick();
        if let Some(claimed) = page::claim(&page.0) {
            assert_eq!((claimed.granule, claimed.rest, page.1.load(Relaxed)), (8, 0x0101_0000, 2));
        }
        assert_eq!(publisher.join().unwrap(), 0);
    });
}
