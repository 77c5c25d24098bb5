//! A small heap whose table is loom's atomics, and which knows the owner of every granule.

use crate::config::Defaults;
use crate::config::geometry::GRANULE_BYTES;
use crate::report::Holds;
use crate::small::{Blocks, Granules, Header, WORD_GRANULES};
use crate::sync::AtomicU32;
use crate::tick;
use core::alloc::Layout;
use loom::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

/// What the library's code runs on.
struct Table {
    words: Vec<AtomicU32>,
    header: Header,
    /// The memory of the granules. Only one thread runs at a time.
    ground: Vec<AtomicU64>,
}

impl Granules for &Table {
    type Config = Defaults;

    fn count(self) -> usize {
        self.ground.len()
    }
    fn header<'a>(self) -> &'a Header
    where
        Self: 'a,
    {
        &self.header
    }
    fn word<'a>(self, at: usize) -> &'a AtomicU32
    where
        Self: 'a,
    {
        // Loom tries every order of the looks at the table.
        tick();
        &self.words[at]
    }
    fn events<'a>(self) -> &'a AtomicU32
    where
        Self: 'a,
    {
        unreachable!("the models' program has no hook for events")
    }
    fn base(self) -> *mut u8 {
        self.ground.as_ptr().cast_mut().cast()
    }
}

/// The heap under test. Threads share it by an `Arc` of `std`'s, which costs loom no states. Lengths are in granules.
pub struct Arena {
    table: Table,
    /// One a granule, written by its owner.
    granules: Vec<UnsafeCell<()>>,
    /// Whose a granule is.
    owners: Vec<AtomicU8>,
}

// SAFETY: the library's code shares it by loom's atomics, whose order loom checks.
unsafe impl Sync for Arena {}
// SAFETY: as above.
unsafe impl Send for Arena {}

/// The values of [`Arena::owners`].
mod owner {
    pub const NOBODY: u8 = 0;
    pub const SOMEBODY: u8 = 1;
    /// Somebody who is resizing the block: it may be free before the call returns.
    pub const LEAVING: u8 = 2;
}

/// Where a block is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    pub first: usize,
    pub len: usize,
}

/// A block that the model owns.
#[must_use]
pub struct Block(pub Span);

impl Arena {
    /// A fresh heap of so many granules.
    pub fn new(count: usize) -> Arc<Self> {
        let table = Table {
            words: (0..count / WORD_GRANULES + 1).map(|_| AtomicU32::new(0)).collect(),
            header: Header::default(),
            ground: (0..count).map(|_| AtomicU64::new(0)).collect(),
        };
        Arc::new(Self {
            table,
            granules: (0..count).map(|_| UnsafeCell::new(())).collect(),
            owners: (0..count).map(|_| AtomicU8::new(owner::NOBODY)).collect(),
        })
    }

    /// The heap, for calls.
    fn blocks(&self) -> Blocks<&Table> {
        Blocks(&self.table)
    }

    /// Allocates as `GlobalAlloc::alloc` does.
    pub fn alloc(&self, len: usize) -> Option<Block> {
        tick();
        let ptr = self.blocks().allocate::<true>(layout(len));
        (!ptr.is_null()).then(|| self.own(Span { first: self.blocks().granule(ptr), len }))
    }

    /// Allocates where nothing can be in the way.
    pub fn must_alloc(&self, len: usize) -> Block {
        self.alloc(len).expect("there is room")
    }

    /// Blocks one behind the other, from the start of a fresh heap on.
    pub fn row<const N: usize>(&self, lens: [usize; N]) -> [Block; N] {
        let mut first = 0;
        lens.map(|len| {
            let block = self.must_alloc(len);
            assert_eq!(block.0, Span { first, len });
            first += len;
            block
        })
    }

    /// Frees as `GlobalAlloc::dealloc` does.
    pub fn free(&self, block: Block) {
        let span = self.disown(block);
        self.deallocate(span);
    }

    /// Frees what may be nobody's.
    pub fn deallocate(&self, span: Span) {
        tick();
        self.blocks().deallocate(self.at(span.first), layout(span.len));
    }

    /// Resizes as `GlobalAlloc::realloc` does; one context at a time. `Err`: it was refused.
    pub fn resize(&self, block: Block, len: usize) -> Result<Block, Block> {
        tick();
        let Span { first, len: old } = block.0;
        let kept = Span { first, len: old.min(len) };
        self.pass(Span { first: first + kept.len, len: old - kept.len }, owner::NOBODY);
        self.pass(kept, owner::LEAVING);
        // SAFETY: the block is live, and the model's.
        let ptr = unsafe { self.blocks().reallocate::<true>(self.at(first), layout(old), len * GRANULE_BYTES) };
        if ptr.is_null() || ptr == self.at(first) {
            for granule in kept.granules() {
                assert_eq!(self.owners[granule].swap(owner::SOMEBODY, Relaxed), owner::LEAVING, "granule {granule}");
            }
        }
        if ptr.is_null() {
            assert!(len > old, "a block that shrinks was refused");
            return Err(block);
        }
        if ptr == self.at(first) {
            let _ = self.own(Span { first: first + kept.len, len: len - kept.len });
            return Ok(Block(Span { first, len }));
        }
        for granule in kept.granules() {
            // If it is not, it has got an owner.
            let _ = self.owners[granule].compare_exchange(owner::LEAVING, owner::NOBODY, Relaxed, Relaxed);
        }
        Ok(self.own(Span { first: self.blocks().granule(ptr), len }))
    }

    fn own(&self, span: Span) -> Block {
        for granule in span.granules() {
            let before = self.owners[granule].swap(owner::SOMEBODY, Relaxed);
            assert_ne!(before, owner::SOMEBODY, "granule {granule} has two owners");
            self.granules[granule].with_mut(|_| ());
        }
        Block(span)
    }

    /// Uses a block for the last time.
    pub fn disown(&self, block: Block) -> Span {
        self.pass(block.0, owner::NOBODY);
        block.0
    }

    fn pass(&self, span: Span, to: u8) {
        for granule in span.granules() {
            self.granules[granule].with_mut(|_| ());
            assert_eq!(self.owners[granule].swap(to, Relaxed), owner::SOMEBODY);
        }
    }

    fn at(&self, granule: usize) -> *mut u8 {
        self.blocks().at(granule)
    }

    /// Verifies the heap while all threads have ended: `live` is all that the model still owns.
    fn verify(&self, live: &[Block], wrong_frees: u32) {
        self.blocks().check().unwrap();
        let mut blocks = vec![];
        let mut free_runs = 0;
        let steady = self.blocks().walk(0, |piece| match piece.holds {
            Holds::Free => free_runs += 1,
            Holds::Large => {
                let first = self.blocks().granule(piece.start.cast_mut());
                blocks.push(Span { first, len: piece.bytes / GRANULE_BYTES });
            }
            holds => assert_eq!((holds, piece.bytes), (Holds::Tables, 0)),
        });
        assert!(steady);
        let mut expected: Vec<Span> = live.iter().map(|block| block.0).collect();
        expected.sort_by_key(|span| span.first);
        assert_eq!(blocks, expected, "what is live is not what the model owns");

        let stats = self.blocks().stats(0);
        let live: usize = expected.iter().map(|span| span.len * GRANULE_BYTES).sum();
        assert!(stats.consistent);
        assert_eq!((stats.live_bytes, stats.arena_bytes), (live, live + stats.free_bytes));
        assert_eq!(stats.free_runs, free_runs);
        assert_eq!(stats.wrong_frees, wrong_frees, "right calls were taken for wrong ones, or wrong ones for right");
    }

    /// Verifies the heap, frees what is left, and verifies that it is as good as new.
    pub fn finish(&self, live: Vec<Block>) {
        self.finish_after(0, live);
    }

    /// As [`finish`](Self::finish), where so many frees were wrong.
    pub fn finish_after(&self, wrong_frees: u32, live: Vec<Block>) {
        self.verify(&live, wrong_frees);
        live.into_iter().for_each(|block| self.free(block));
        let all = self.must_alloc(self.granules.len());
        self.free(all);
        self.verify(&[], wrong_frees);
    }
}

impl Span {
    fn granules(self) -> core::ops::Range<usize> {
        self.first..self.first + self.len
    }
}

fn layout(len: usize) -> Layout {
    Layout::from_size_align(len * GRANULE_BYTES, GRANULE_BYTES).unwrap()
}
