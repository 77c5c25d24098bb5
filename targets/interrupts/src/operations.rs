//! The calls that are interrupted, each in a state of the heap that makes it what it is: those of a heap of tiers.
//!
//! The classes are every multiple of 8 up to 64. Pages of the classes 16, 32, 48 and 64 share one of the two slots for empty
//! pages that are kept, which the operations rely on; the stash has room for one: see [`Swept`](crate::subject::Swept).

use larder_suite::{Block, while_shut};

use crate::party::{Party, layout};
use crate::step::{Operation, Prepare, Step};

/// The size that most pooled operations are about, and that the handler's scripts interfere with.
pub const POOLED: usize = 24;
/// A pooled size that nobody else has a page of.
const FRESH: usize = 56;
/// So much is large.
const LARGE: usize = 200;

const fn pooled(name: &'static str, prepare: Prepare) -> Operation {
    Operation { name, is_held: false, has_middle: false, rolls_back: false, prepare }
}

const fn visiting(name: &'static str, prepare: Prepare) -> Operation {
    Operation { has_middle: true, ..pooled(name, prepare) }
}

const fn held(name: &'static str, prepare: Prepare) -> Operation {
    Operation { is_held: true, ..pooled(name, prepare) }
}

/// All of them. When they begin, the party that interrupts has been given the blocks of [`give`].
pub const ALL: &[Operation] = &[
    pooled("alloc: pooled", |_, _| Step::Alloc(layout(POOLED, 8))),
    pooled("alloc: the last block of a page", |mine, _| {
        mine.add_many(7, POOLED);
        Step::Alloc(layout(POOLED, 8))
    }),
    pooled("free: pooled", |mine, _| Step::Free(mine.get(POOLED))),
    pooled("free: into a full page", |mine, _| {
        mine.add_many(7, POOLED);
        Step::Free(mine.get(POOLED))
    }),
    pooled("free: the page is kept", |mine, _| Step::Free(mine.get(48))),
    pooled("free: a page goes to the stash", |mine, _| {
        let (displaced, last) = (mine.get(16), mine.get(48));
        drop(displaced);
        Step::Free(last)
    }),
    visiting("free: a page goes to the large tier", |mine, _| Step::Free(retiring(mine))),
    held("free: a page is deferred", |mine, _| Step::Free(retiring(mine))),
    visiting("alloc: refill from the large tier", |_, _| Step::Alloc(layout(FRESH, 8))),
    pooled("alloc: refill from the stash", |mine, _| {
        let pages = [mine.get(16), mine.get(32)];
        drop(pages);
        Step::Alloc(layout(FRESH, 8))
    }),
    visiting("alloc: refill from a kept page", |mine, _| {
        keep_one_page(mine);
        Step::Alloc(layout(FRESH, 8))
    }),
    held("alloc: refill, the large tier held", |mine, _| {
        keep_one_page(mine);
        Step::Alloc(layout(FRESH, 8))
    }),
    visiting("alloc: a small block from the large tier", |mine, _| {
        mine.add(72);
        fill(mine);
        drop(mine.take(72, 72));
        Step::Alloc(layout(FRESH, 8))
    }),
    visiting("alloc: a block of a larger class", |mine, _| {
        mine.add(64);
        fill(mine);
        Step::Alloc(layout(FRESH, 8))
    }),
    visiting("alloc: large", |_, _| Step::Alloc(layout(LARGE, 8))),
    visiting("alloc: large, aligned", |_, _| Step::Alloc(layout(LARGE, 256))),
    visiting("alloc: large, from a kept page", |mine, _| {
        keep_one_page(mine);
        Step::Alloc(layout(LARGE, 8))
    }),
    visiting("alloc: large, from a deferred free", |mine, _| {
        fill(mine);
        while_shut(|| drop(mine.take(1000, 1100)));
        Step::Alloc(layout(1000, 8))
    }),
    visiting("alloc: large, refused", |mine, _| {
        fill(mine);
        Step::Alloc(layout(2000, 8))
    }),
    held("alloc: large, the large tier held", |_, _| Step::Alloc(layout(LARGE, 8))),
    visiting("free: large, between live blocks", |mine, _| {
        mine.add(LARGE);
        let block = mine.get(LARGE);
        mine.add(LARGE);
        Step::Free(block)
    }),
    visiting("free: large, between free runs", |mine, _| Step::Free(between_runs(mine))),
    visiting("free: large, drains", |mine, _| {
        let deferred = [mine.get(LARGE), mine.get(LARGE)];
        let block = mine.get(LARGE);
        while_shut(|| drop(deferred));
        Step::Free(block)
    }),
    held("free: large, the large tier held", |mine, _| Step::Free(between_runs(mine))),
    visiting("realloc: large, shrinks", |mine, _| {
        let block = mine.get(300);
        mine.add(LARGE);
        Step::Resize(block, 120)
    }),
    visiting("realloc: large, grows in place", |mine, _| {
        let (block, next) = (mine.get(LARGE), mine.get(LARGE));
        mine.add(LARGE);
        drop(next);
        Step::Resize(block, 300)
    }),
    visiting("realloc: large, moves", |mine, _| {
        let block = mine.get(104);
        mine.add(LARGE);
        Step::Resize(block, 240)
    }),
    held("realloc: large, shrinks, the large tier held", |mine, _| Step::Resize(mine.get(300), 120)),
    pooled("realloc: pooled, in place", |mine, _| Step::Resize(mine.get(40), 36)),
    pooled("realloc: pooled, moves", |mine, _| Step::Resize(mine.get(16), POOLED)),
    visiting("realloc: pooled to large", |mine, _| Step::Resize(mine.get(POOLED), 100)),
    visiting("trim", |mine, _| {
        let deferred = mine.get(LARGE);
        drop(retiring(mine));
        while_shut(|| drop(deferred));
        Step::Trim
    }),
];

/// Blocks for the party that will interrupt: what main allocated, for it to free.
pub fn give(gifts: &mut Party) {
    gifts.add_many(2, POOLED);
    gifts.add(40);
    gifts.add(120);
    gifts.add(300);
}

/// The last block of a page that makes another page leave its class, for which the stash has no room.
fn retiring(mine: &mut Party) -> Block {
    let (stashed, displaced, last) = (mine.get(16), mine.get(32), mine.get(48));
    drop((stashed, displaced));
    last
}

/// A block between two free runs, none of them at the end of the arena.
fn between_runs(mine: &mut Party) -> Block {
    let (before, block, behind) = (mine.get(LARGE), mine.get(LARGE), mine.get(LARGE));
    mine.add(LARGE);
    drop((before, behind));
    block
}

/// Leaves one page, which a class keeps, and nothing else.
fn keep_one_page(mine: &mut Party) {
    let page = mine.get(16);
    fill(mine);
    drop(page);
}

/// Leaves nothing in the large tier that would make a page or a large block.
fn fill(mine: &mut Party) {
    for size in [1024, 256, 72] {
        while mine.add(size) {}
    }
}
