//! The heap under test.

use core::alloc::GlobalAlloc;

use larder::{CheckError, Config, Heap, Small, Stats, large::Large, policy::Policy};

/// What a heap is made of, as far as it decides what can be expected.
#[derive(Clone, Copy, PartialEq)]
pub enum Shape {
    /// Pools, over a large tier that somebody may hold.
    Tiers,
    /// One table, which nobody holds.
    Table,
}

/// A heap without its parameters, so that cases and boards need not name them.
pub trait Subject: GlobalAlloc + Sync {
    fn shape(&self) -> Shape;
    fn stats(&self) -> Stats;
    fn trim(&self);
    fn contains(&self, block: *const u8) -> bool;
    fn usable_size(&self, block: *const u8) -> usize;
    /// Walks the whole heap. Nobody else may be in it.
    fn check(&self) -> Result<(), CheckError>;

    /// Makes the heap ready that was made new: all zeros.
    fn begin(&self) {}

    /// Walks the whole heap; panics when an invariant does not hold. Nobody else may be in the heap.
    fn assert_sound(&self) {
        if let Err(error) = self.check() {
            panic!("the heap is damaged: {error:?}");
        }
    }

    /// Asserts that nothing is live and that the memory is one run again, as far as the large tier can tell. Nobody else may be in the heap.
    fn assert_empty(&self) {
        self.trim();
        self.assert_sound();
        let stats = self.stats();
        assert_eq!(stats.live_bytes, 0, "bytes are still live:\n{stats}");
        assert_eq!(stats.deferred_bytes, 0, "frees are still deferred:\n{stats}");
        let is_one_run = stats.free_runs.is_none_or(|runs| runs == 1);
        assert!(is_one_run, "the free memory is not one run:\n{stats}");
    }
}

impl<const BYTES: usize, P: Policy, L: Large, C: Config> Subject for Heap<BYTES, C, P, L>
where
    Self: GlobalAlloc + Sync,
{
    fn shape(&self) -> Shape {
        Shape::Tiers
    }

    fn stats(&self) -> Stats {
        Heap::stats(self)
    }

    fn trim(&self) {
        Heap::trim(self);
    }

    fn contains(&self, block: *const u8) -> bool {
        Heap::contains(self, block)
    }

    fn usable_size(&self, block: *const u8) -> usize {
        Heap::usable_size(self, block)
    }

    fn check(&self) -> Result<(), CheckError> {
        Heap::check(self)
    }
}

impl<const BYTES: usize, C: Config> Subject for Small<BYTES, C> {
    fn shape(&self) -> Shape {
        Shape::Table
    }

    fn stats(&self) -> Stats {
        Small::stats(self)
    }

    /// It keeps nothing back.
    fn trim(&self) {}

    fn contains(&self, block: *const u8) -> bool {
        Small::contains(self, block)
    }

    fn usable_size(&self, block: *const u8) -> usize {
        Small::usable_size(self, block)
    }

    fn check(&self) -> Result<(), CheckError> {
        Small::check(self)
    }
}
