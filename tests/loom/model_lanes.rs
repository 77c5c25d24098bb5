//! Lanes that have nothing but each other's blocks.

use crate::arena::{Arena, Block, CLASS_128, Laned, enter_lane};
use crate::config::Table;
use crate::index::Index;
use crate::pools::Tables;
use crate::{model, tick};
use loom::thread::{JoinHandle, spawn};
use std::sync::Arc;

/// An arena in which nothing is free, and two blocks of 128 bytes that fill a page of lane 1.
fn full_page_of_lane_1() -> (Arc<Arena<Laned>>, [Block; 2], Vec<Block>) {
    let arena = Arena::<Laned>::new(2);
    enter_lane(1);
    let blocks = [arena.must_alloc(128), arena.must_alloc(128)];
    assert_eq!(blocks[0].page(), blocks[1].page());
    enter_lane(0);
    let live = arena.exhaust();
    (arena, blocks, live)
}

/// A thread that does something in a lane.
fn in_lane<R: 'static>(
    lane: usize,
    arena: &Arc<Arena<Laned>>,
    act: impl FnOnce(&Arena<Laned>) -> R + 'static,
) -> JoinHandle<R> {
    let arena = arena.clone();
    spawn(move || {
        enter_lane(lane);
        act(&arena)
    })
}

/// A lane takes the only free block of another lane's page, which that lane has in its front, while the page's other block is freed there.
///
/// Runs `claim_elsewhere`, `drop_first`, `put_back`, `released`, `reclaim`.
/// Catches: a request that is refused although another lane has a block; a dropped entry whose page nobody looks at again.
#[test]
fn taking_from_another_lane_against_a_free_there() {
    model(4, || {
        let (arena, [a, b], mut live) = full_page_of_lane_1();
        enter_lane(1);
        arena.free(a);
        enter_lane(0);
        let other = in_lane(1, &arena, |arena| arena.free(b));
        live.push(arena.must_alloc(128));
        other.join().unwrap();
        arena.finish(live);
    });
}

/// Two lanes free a block each of a full page of lane 1, which then wants one of them.
///
/// Runs `released`, `send`, `claim_any`, `Index::{insert, draw}`.
/// Catches: a release from another lane that enters the page nowhere, or in the wrong lane.
#[test]
fn freeing_from_another_lane_against_a_free_and_an_alloc() {
    model(4, || {
        let (arena, [a, b], mut live) = full_page_of_lane_1();
        let other = in_lane(0, &arena, |arena| arena.free(a));
        enter_lane(1);
        arena.free(b);
        live.push(arena.must_alloc(128));
        other.join().unwrap();
        arena.finish(live);
    });
}

/// Both lanes want the one block that is free, which is in lane 1's index: one gets it.
///
/// Runs `claim_elsewhere`, `claim_any`, `Index::draw`, `Front::fill`.
/// Catches: an index that is not looked at; a block that two get.
#[test]
fn two_lanes_want_one_block() {
    model(4, || {
        let (arena, [a, b], mut live) = full_page_of_lane_1();
        live.push(b);
        // From lane 0.
        arena.free(a);
        let other = in_lane(1, &arena, |arena| arena.alloc(128));
        let mine = arena.alloc(128);
        let theirs = other.join().unwrap();
        assert!(mine.is_some() != theirs.is_some(), "one block is free, and one context gets it");
        live.extend(mine);
        live.extend(theirs);
        arena.finish(live);
    });
}

/// A lane fills its front from its index with a page whose only free block is taken from there at once, while another lane frees the
/// page's other block: into an index that still has the page, and is about to lose it.
///
/// Runs `Index::{draw, insert}`, `Pools::drop_first`, `put_back`, `send`.
/// Catches: a page that left the front, is taken out of the index, and is missed by both who look at it.
#[test]
fn drawing_against_an_alloc_there_and_a_free_from_another_lane() {
    model(2, || {
        let (arena, [a, b], mut live) = full_page_of_lane_1();
        // From lane 0.
        arena.free(a);
        let freeing = in_lane(0, &arena, |arena| arena.free(b));
        let taking = in_lane(1, &arena, |arena| arena.alloc(128));
        enter_lane(1);
        let mine = arena.alloc(128);
        freeing.join().unwrap();
        live.extend(taking.join().unwrap());
        live.extend(mine);
        arena.finish(live);
    });
}

/// A page that is full stands in lane 1's index, as an old entry. One context moves it into the front, another displaces it from there, and
/// a third, in another lane, frees one of its blocks: straight into the index, where the first is about to take the old entry out.
///
/// Runs `Index::{draw, insert}`, `Front::push`, `shelve`, `send`.
/// Catches: a page that is displaced from the front, taken out of the index, and missed by both contexts that look.
#[test]
fn displacing_against_drawing_and_a_free_from_another_lane() {
    model(3, || {
        let arena = Arena::<Laned>::new(4);
        enter_lane(1);
        let mut live: Vec<Block> = (0..6).map(|_| arena.must_alloc(128)).collect();
        live.sort_by_key(Block::page);
        let class = Laned::TABLE.in_lane(CLASS_128, 1);
        let page = live[0].page();
        Index(arena.heap, class).insert(page);
        let front = arena.heap.front(class);
        assert_eq!(front.seen(), 0, "all three pages are full");
        let (other, first, second) = (live.remove(0), live.remove(1), live.remove(2));
        let freeing = in_lane(0, &arena, |arena| arena.free(other));
        let displacing = in_lane(1, &arena, |arena| {
            arena.free(first);
            arena.free(second);
        });
        tick();
        Index(arena.heap, class).draw(front);
        freeing.join().unwrap();
        displacing.join().unwrap();
        arena.finish(live);
    });
}
