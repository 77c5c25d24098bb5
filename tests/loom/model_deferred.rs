//! Releases that find the large tier held.

use crate::arena::{Arena, Small};
use crate::extent::deferred::{self, Links};
use crate::sync::{AtomicU32, StoredU32};
use crate::{model, tick};
use loom::cell::UnsafeCell;
use loom::thread::spawn;
use std::sync::Arc;

/// A list whose links lie in cells that loom watches.
struct List {
    head: AtomicU32,
    hand: StoredU32,
    links: [UnsafeCell<(u32, u32)>; 3],
}

// SAFETY: each place has a cell of its own.
unsafe impl Links for List {
    unsafe fn write(&self, place: u32, next: u32, len: u32) {
        // SAFETY: the cell is live; loom verifies that nobody else is in it.
        self.links[place as usize / 8 - 1].with_mut(|link| unsafe { *link = (next, len) });
    }
    unsafe fn len(&self, place: u32) -> u32 {
        // SAFETY: as above.
        self.links[place as usize / 8 - 1].with(|link| unsafe { link.read().1 })
    }
    fn next(&self, place: u32) -> u32 {
        // SAFETY: as above.
        self.links[place as usize / 8 - 1].with(|link| unsafe { link.read().0 })
    }
    unsafe fn set_next(&self, place: u32, next: u32) {
        // SAFETY: as above.
        self.links[place as usize / 8 - 1].with_mut(|link| unsafe { (*link).0 = next });
    }
}

impl List {
    fn push(&self, place: u32) {
        tick();
        // SAFETY: each place is pushed by one owner.
        unsafe { deferred::push(&self.head, self, place, 16) };
    }

    /// Takes all there is, and writes each block, as its next owner would.
    fn take_all(&self) -> Vec<u32> {
        let mut taken = vec![];
        loop {
            tick();
            // SAFETY: one thread of the model is the holder.
            let at = unsafe { deferred::take(&self.head, &self.hand, self) };
            if at == 0 {
                return taken;
            }
            taken.push(at);
            // SAFETY: the block was taken off the list.
            unsafe {
                assert_eq!(self.len(at), 16);
                self.write(at, 0, 0);
            }
            deferred::put_down(&self.hand);
        }
    }
}

/// Two contexts defer, while the holder of the large tier takes what is there: every block is taken once, with the
/// link that was written for it.
///
/// Runs `deferred::{push, take, put_down}`.
/// Catches: a push that is not a Release; a `take` that is not an Acquire, or takes the first block by a store.
#[test]
fn push_against_push_against_take() {
    model(6, || {
        let list = Arc::new(List {
            head: AtomicU32::new(0),
            hand: StoredU32::new(0),
            links: core::array::from_fn(|_| UnsafeCell::new((0, 0))),
        });
        let pushers = [8, 16].map(|place| {
            let list = list.clone();
            spawn(move || list.push(place))
        });
        let mut taken = list.take_all();
        pushers.into_iter().for_each(|pusher| pusher.join().unwrap());
        taken.extend(list.take_all());
        taken.sort();
        assert_eq!(taken, [8, 16]);
    });
}

/// Two large blocks are freed at the same time: the one that finds the large tier held defers, and the next visitor
/// gives it back.
///
/// Runs `give`, `defer`, `drain`, with the policy `Try`.
/// Catches: an entry that does not exclude or order its visitors.
#[test]
fn free_against_free_of_large_blocks() {
    model(6, || {
        let arena = Arena::<Small<0, 0>>::new(3);
        let (a, b, c) = (arena.must_alloc(136), arena.must_alloc(136), arena.must_alloc(136));
        let other = spawn({
            let arena = arena.clone();
            move || arena.free(a)
        });
        arena.free(b);
        other.join().unwrap();
        arena.finish(vec![c]);
    });
}

/// A release is deferred while another context drains the list.
///
/// Runs `drain`, `defer`, `give`.
/// Catches: a visit that forgets the rest of a list it took; a push by a store.
#[test]
fn drain_against_push() {
    model(3, || {
        let arena = Arena::<Small<0, 0>>::new(3);
        let (a, b, c) = (arena.must_alloc(136), arena.must_alloc(136), arena.must_alloc(136));
        let threads = [
            spawn({
                let arena = arena.clone();
                move || arena.free(a)
            }),
            spawn({
                let arena = arena.clone();
                move || arena.free(b)
            }),
        ];
        arena.free(c);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        arena.finish(vec![]);
    });
}

/// A block shrinks and is freed while another context visits the large tier: it may keep its tail, be deferred, or
/// both. All of it comes back, and no correct call is taken for a wrong one.
///
/// Runs `resize_large`, `outgrows`, `give`, `defer`, `drain`.
/// Catches: a release by the layout's size of a block that kept its tail, at once or deferred. (With the
/// tail on the deferred list, as it once was, the block could come off the list before its tail.)
#[test]
fn shrinking_and_freeing_against_a_visit() {
    model(6, || {
        let arena = Arena::<Small<0, 0>>::new(2);
        let (block, b) = (arena.must_alloc(160), arena.must_alloc(136));
        let other = spawn({
            let arena = arena.clone();
            move || arena.free(b)
        });
        match arena.shrink(block, 32) {
            Ok(block) | Err(block) => arena.free(block),
        }
        other.join().unwrap();
        arena.finish(vec![]);
    });
}

/// The same for a block that is one granule longer than its layout says, because that granule would
/// have been alone.
#[test]
fn shrinking_a_block_with_a_spare_granule() {
    model(6, || {
        let arena = Arena::<Small<0, 0>>::new(2);
        let (a, b, end, other) =
            (arena.must_alloc(136), arena.must_alloc(160), arena.must_alloc(136), arena.must_alloc(136));
        // The hole of 160 bytes serves 152, and what is left is too small for a block.
        arena.free(b);
        let block = arena.must_alloc(152);
        let visitor = spawn({
            let arena = arena.clone();
            move || arena.free(other)
        });
        let block = match arena.shrink(block, 32) {
            Ok(block) | Err(block) => block,
        };
        visitor.join().unwrap();
        arena.finish(vec![a, block, end]);
    });
}

/// A block shrinks twice and is freed while another context visits the large tier.
///
/// Runs `resize_large`, `outgrows`, `give`, `defer`.
/// Catches: a resize by the layout's size of a block that kept its tail.
#[test]
fn shrinking_twice() {
    model(6, || {
        let arena = Arena::<Small<0, 0>>::new(2);
        let (block, other) = (arena.must_alloc(160), arena.must_alloc(136));
        let visitor = spawn({
            let arena = arena.clone();
            move || arena.free(other)
        });
        let mut block = block;
        for size in [144, 136] {
            block = match arena.shrink(block, size) {
                Ok(block) | Err(block) => block,
            };
        }
        arena.free(block);
        visitor.join().unwrap();
        arena.finish(vec![]);
    });
}
