//! The heap under test.

use larder::{Config, Heap, Inspect, Small, large::Large, policy::Policy};

/// What a heap is made of, as far as it decides what can be expected.
#[derive(Clone, Copy, PartialEq)]
pub enum Shape {
    /// Pools, over a large tier that somebody may hold.
    Tiers,
    /// One table, which nobody holds.
    Table,
}

/// A heap without its parameters, so that cases and boards need not name them.
pub trait Subject: Inspect + Sync {
    fn shape(&self) -> Shape;

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
        let is_one_run = stats.free_runs == 1;
        assert!(is_one_run, "the free memory is not one run:\n{stats}");
    }
}

impl<const BYTES: usize, P: Policy, L: Large, C: Config> Subject for Heap<BYTES, C, P, L>
where
    Self: Inspect + Sync,
{
    fn shape(&self) -> Shape {
        Shape::Tiers
    }
}

impl<const BYTES: usize, C: Config> Subject for Small<BYTES, C> {
    fn shape(&self) -> Shape {
        Shape::Table
    }
}
