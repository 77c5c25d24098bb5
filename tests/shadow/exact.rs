//! What follows from the live blocks alone, where blocks are exactly as long as they were asked for, rounded up to 8, every layout of
//! another size is found, and long requests get the first run that is long enough: of a small heap.

use super::{Action, Block, Heap, Shadow};
use core::alloc::Layout;
use core::iter::once;
use core::ops::Range;
use larder::Holds;
// Not in the prelude of a module without `std`.
use std::vec::Vec;

const GRANULE: usize = 8;
/// Requests up to here may be served from behind the first run that would do.
const HINTED_BYTES: usize = 64;

/// What a layout's block occupies.
fn occupied(layout: Layout) -> usize {
    layout.size().next_multiple_of(GRANULE)
}

fn range(block: &Block) -> Range<usize> {
    block.ptr.addr()..block.ptr.addr() + occupied(block.layout)
}

/// The free runs, in order.
pub(super) struct FreeRuns(Vec<Range<usize>>);

impl FreeRuns {
    /// What lies between blocks.
    fn between(blocks: &[Block], ground: &Range<usize>) -> Self {
        let mut taken: Vec<Range<usize>> = blocks.iter().map(range).collect();
        taken.sort_by_key(|block| block.start);
        let starts = once(ground.start).chain(taken.iter().map(|block| block.end));
        let ends = taken.iter().map(|block| block.start).chain(once(ground.end));
        Self(starts.zip(ends).map(|(start, end)| start..end).filter(|run| !run.is_empty()).collect())
    }

    fn longest(&self) -> usize {
        self.0.iter().map(Range::len).max().unwrap_or(0)
    }

    /// A request is refused only where there is no room for it; a long one gets the first run that is long enough.
    pub(super) fn verify_alloc(&self, layout: Layout, ptr: *mut u8) {
        let bytes = occupied(layout);
        let padding = layout.align().max(GRANULE) - GRANULE;
        if ptr.is_null() {
            let longest = self.longest();
            assert!(longest < bytes + padding, "{layout:?} was refused, but {longest} bytes in a row are free");
        } else if bytes > HINTED_BYTES && padding == 0 {
            let first = self.0.iter().find(|run| run.len() >= bytes).map(|run| run.start);
            assert_eq!(first, Some(ptr.addr()), "{layout:?} did not get the first run");
        }
    }

    /// A block that shrinks, or that has room behind it, stays; any other is asked for anew.
    pub(super) fn verify_realloc(&self, old: &Block, layout: Layout, ptr: *mut u8) {
        let old_end = range(old).end;
        let behind = self.0.iter().find(|run| run.start == old_end).map_or(0, Range::len);
        if occupied(layout) <= range(old).len() + behind {
            assert_eq!(ptr, old.ptr, "{:?} has room for {layout:?}, with {behind} bytes behind it", old.layout);
        } else {
            self.verify_alloc(layout, ptr);
        }
    }
}

impl<H: Heap + ?Sized> Shadow<'_, H> {
    pub(super) fn is_exact(&self) -> bool {
        self.ground.is_some()
    }

    pub(super) fn free_runs(&self) -> Option<FreeRuns> {
        self.ground.as_ref().map(|ground| FreeRuns::between(&self.live, ground))
    }

    /// A live block, with a layout that is longer or shorter.
    pub(super) fn another_size(&self, which: usize, number: usize) -> Option<(*mut u8, Layout)> {
        let block = self.live.get(which % self.live.len().max(1)).filter(|_| self.is_exact())?;
        let own = occupied(block.layout);
        // Up to twice the block and what is behind it.
        let size = number % (2 * own + 4 * GRANULE) + 1;
        let layout = Layout::from_size_align(size, block.layout.align()).ok()?;
        (occupied(layout) != own).then_some((block.ptr, layout))
    }

    /// An exact heap's pieces and figures are those of the model, to the byte.
    pub(super) fn verify_exact(&self, action: Action) {
        let (Some(free), Some(ground)) = (self.free_runs(), self.ground.clone()) else { return };
        let stats = self.heap.stats();
        let live: usize = self.live.iter().map(|block| occupied(block.layout)).sum();
        let what = [stats.live_bytes, stats.live_large_bytes, stats.free_bytes, stats.arena_bytes];
        assert_eq!(what, [live, live, ground.len() - live, ground.len() + stats.metadata_bytes], "after {action:?}");
        assert_eq!(stats.free_runs, free.0.len(), "after {action:?}:\n{stats}");
        assert_eq!(stats.largest_free_bytes, free.longest(), "after {action:?}:\n{stats}");
        assert_eq!((stats.deferred_bytes, stats.waste_bytes, stats.consistent), (0, 0, true), "after {action:?}");
        self.verify_pieces(&free, ground.end, stats.metadata_bytes, action);
        for block in &self.live {
            assert_eq!(self.heap.usable_size(block.ptr), occupied(block.layout), "after {action:?}");
        }
    }

    fn verify_pieces(&self, free: &FreeRuns, tables: usize, tables_bytes: usize, action: Action) {
        let live = self.live.iter().map(|block| (range(block).start, range(block).len(), Holds::Large));
        let free = free.0.iter().map(|run| (run.start, run.len(), Holds::Free));
        let mut expected: Vec<_> = live.chain(free).chain(once((tables, tables_bytes, Holds::Tables))).collect();
        expected.sort_by_key(|&(start, ..)| start);
        let mut pieces = Vec::with_capacity(expected.len());
        let steady = self.heap.walk(&mut |piece| pieces.push((piece.start.addr(), piece.bytes, piece.holds)));
        assert!(steady, "after {action:?}");
        assert_eq!(pieces, expected, "after {action:?}");
    }
}
