//! The calls that are interrupted, each in a state of the heap that makes it what it is.
//!
//! The classes are every multiple of 8 up to 64. Pages of the classes 16, 32, 48 and 64 share one of the two slots for empty
//! pages that are kept, which the operations rely on; the stash has room for one: see [`Swept`](crate::subject::Swept).

use core::alloc::Layout;
use core::ptr::{NonNull, null_mut};

use alloc::alloc::{alloc, dealloc, realloc};
use larder_suite::{Block, Subject, while_shut};

use crate::party::{Party, layout};
use crate::trap::Call;

/// The size that most pooled operations are about, and that the handler's scripts interfere with.
pub const POOLED: usize = 24;
/// A pooled size that nobody else has a page of.
const FRESH: usize = 56;
/// So much is large.
const LARGE: usize = 200;

/// A call, and what it needs.
pub struct Operation {
    pub name: &'static str,
    /// Whether somebody else holds the large tier meanwhile.
    pub is_held: bool,
    /// Whether the call visits the large tier, and so can be interrupted there.
    pub visits: bool,
    /// Brings the heap into the right state; what main holds after it, and the call.
    pub prepare: fn(&mut Party) -> Step,
}

/// What is called.
pub enum Step {
    Alloc(Layout),
    Free(Block),
    Resize(Block, usize),
    Trim,
}

const fn pooled(name: &'static str, prepare: fn(&mut Party) -> Step) -> Operation {
    Operation { name, is_held: false, visits: false, prepare }
}

const fn visiting(name: &'static str, prepare: fn(&mut Party) -> Step) -> Operation {
    Operation { name, is_held: false, visits: true, prepare }
}

const fn held(name: &'static str, prepare: fn(&mut Party) -> Step) -> Operation {
    Operation { name, is_held: true, visits: false, prepare }
}

/// All of them. When they begin, the party that interrupts has been given the blocks of [`give`].
pub const ALL: &[Operation] = &[
    pooled("alloc: pooled", |_| Step::Alloc(layout(POOLED, 8))),
    pooled("alloc: the last block of a page", |mine| {
        mine.add_many(7, POOLED);
        Step::Alloc(layout(POOLED, 8))
    }),
    pooled("free: pooled", |mine| Step::Free(mine.get(POOLED))),
    pooled("free: into a full page", |mine| {
        mine.add_many(7, POOLED);
        Step::Free(mine.get(POOLED))
    }),
    pooled("free: the page is kept", |mine| Step::Free(mine.get(48))),
    pooled("free: a page goes to the stash", |mine| {
        let (displaced, last) = (mine.get(16), mine.get(48));
        drop(displaced);
        Step::Free(last)
    }),
    visiting("free: a page goes to tier 2", |mine| Step::Free(retiring(mine))),
    held("free: a page is deferred", |mine| Step::Free(retiring(mine))),
    visiting("alloc: refill from tier 2", |_| Step::Alloc(layout(FRESH, 8))),
    pooled("alloc: refill from the stash", |mine| {
        let pages = [mine.get(16), mine.get(32)];
        drop(pages);
        Step::Alloc(layout(FRESH, 8))
    }),
    visiting("alloc: refill from a kept page", |mine| {
        keep_one_page(mine);
        Step::Alloc(layout(FRESH, 8))
    }),
    held("alloc: refill, tier 2 held", |mine| {
        keep_one_page(mine);
        Step::Alloc(layout(FRESH, 8))
    }),
    visiting("alloc: a small block from tier 2", |mine| {
        mine.add(72);
        fill(mine);
        drop(mine.take(72, 72));
        Step::Alloc(layout(FRESH, 8))
    }),
    visiting("alloc: a block of a larger class", |mine| {
        mine.add(64);
        fill(mine);
        Step::Alloc(layout(FRESH, 8))
    }),
    visiting("alloc: large", |_| Step::Alloc(layout(LARGE, 8))),
    visiting("alloc: large, aligned", |_| Step::Alloc(layout(LARGE, 256))),
    visiting("alloc: large, from a kept page", |mine| {
        keep_one_page(mine);
        Step::Alloc(layout(LARGE, 8))
    }),
    visiting("alloc: large, from a deferred free", |mine| {
        fill(mine);
        while_shut(|| drop(mine.take(1000, 1100)));
        Step::Alloc(layout(1000, 8))
    }),
    visiting("alloc: large, refused", |mine| {
        fill(mine);
        Step::Alloc(layout(2000, 8))
    }),
    held("alloc: large, tier 2 held", |_| Step::Alloc(layout(LARGE, 8))),
    visiting("free: large, between live blocks", |mine| {
        mine.add(LARGE);
        let block = mine.get(LARGE);
        mine.add(LARGE);
        Step::Free(block)
    }),
    visiting("free: large, between free runs", |mine| Step::Free(between_runs(mine))),
    visiting("free: large, drains", |mine| {
        let deferred = [mine.get(LARGE), mine.get(LARGE)];
        let block = mine.get(LARGE);
        while_shut(|| drop(deferred));
        Step::Free(block)
    }),
    held("free: large, tier 2 held", |mine| Step::Free(between_runs(mine))),
    visiting("realloc: large, shrinks", |mine| {
        let block = mine.get(300);
        mine.add(LARGE);
        Step::Resize(block, 120)
    }),
    visiting("realloc: large, grows in place", |mine| {
        let (block, next) = (mine.get(LARGE), mine.get(LARGE));
        mine.add(LARGE);
        drop(next);
        Step::Resize(block, 300)
    }),
    visiting("realloc: large, moves", |mine| {
        let block = mine.get(104);
        mine.add(LARGE);
        Step::Resize(block, 240)
    }),
    held("realloc: large, shrinks, tier 2 held", |mine| Step::Resize(mine.get(300), 120)),
    pooled("realloc: pooled, in place", |mine| Step::Resize(mine.get(40), 36)),
    pooled("realloc: pooled, moves", |mine| Step::Resize(mine.get(16), POOLED)),
    visiting("realloc: pooled to large", |mine| Step::Resize(mine.get(POOLED), 100)),
    visiting("trim", |mine| {
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

/// Leaves nothing in tier 2 that would make a page or a large block.
fn fill(mine: &mut Party) {
    for size in [1024, 256, 72] {
        while mine.add(size) {}
    }
}

impl Step {
    /// The call of the global allocator.
    pub fn call(&self, heap: &'static &'static dyn Subject) -> Call {
        let (function, arguments) = match self {
            Step::Alloc(layout) => (raw_alloc as *const (), [layout.size(), layout.align(), 0, 0]),
            Step::Free(block) => {
                let layout = block.layout();
                (raw_free as *const (), [block.as_ptr().expose_provenance(), layout.size(), layout.align(), 0])
            }
            Step::Resize(block, size) => {
                let layout = block.layout();
                let start = block.as_ptr().expose_provenance();
                (raw_resize as *const (), [start, layout.size(), layout.align(), *size])
            }
            Step::Trim => (raw_trim as *const (), [core::ptr::from_ref(heap).expose_provenance(), 0, 0, 0]),
        };
        Call { function, arguments }
    }

    /// What main has when the call has returned that.
    pub fn finish(self, result: usize, mine: &mut Party) {
        let granted = NonNull::new(core::ptr::with_exposed_provenance_mut::<u8>(result));
        match (self, granted) {
            (Step::Alloc(layout), Some(start)) => {
                let seed = mine.next_seed();
                // SAFETY: the heap has just returned it for this layout.
                mine.keep(unsafe { Block::from_raw(start, layout, seed, 0) });
            }
            (Step::Alloc(_), None) => mine.refused += 1,
            (Step::Free(block), _) => core::mem::forget(block),
            (Step::Resize(block, size), Some(start)) => {
                let (_, old, seed) = block.into_raw();
                let kept = old.size().min(size);
                // SAFETY: the heap has just returned it for this layout, with the old block's contents.
                mine.keep(unsafe { Block::from_raw(start, layout(size, old.align()), seed, kept) });
            }
            (Step::Resize(block, _), None) => {
                mine.refused += 1;
                mine.keep(block);
            }
            (Step::Trim, _) => {}
        }
    }
}

extern "C" fn raw_alloc(size: usize, align: usize) -> *mut u8 {
    // SAFETY: the size is not zero, and both come from a layout.
    unsafe { alloc(Layout::from_size_align_unchecked(size, align)) }
}

extern "C" fn raw_free(start: *mut u8, size: usize, align: usize) {
    // SAFETY: a live block with its layout, which nobody uses any more.
    unsafe { dealloc(start, Layout::from_size_align_unchecked(size, align)) }
}

extern "C" fn raw_resize(start: *mut u8, size: usize, align: usize, new_size: usize) -> *mut u8 {
    // SAFETY: a live block with its layout; the new size is not zero.
    unsafe { realloc(start, Layout::from_size_align_unchecked(size, align), new_size) }
}

extern "C" fn raw_trim(heap: &&'static dyn Subject) -> *mut u8 {
    heap.trim();
    null_mut()
}
