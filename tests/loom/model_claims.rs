//! A heap to which the program gives memory while others use it.

use crate::arena::{Made, Small, Watched};
use crate::config::geometry::PAGE_BYTES;
use crate::large::Segregated;
use crate::memories::{Memories, Node, Source};
use crate::{model, tick};
use core::alloc::Layout;
use loom::thread::spawn;
use std::sync::Arc;

type Config = Small<1, 1>;

/// Memory that the program gives alone, as a region's.
struct Given;

// SAFETY: it gives none.
unsafe impl Source for Given {
    const GROWS: bool = false;
    const PAGE_BITS: u32 = 16;

    fn make(&self, extent: *mut u8) {
        // SAFETY: the extent was laid out, and nobody else knows it.
        unsafe { &*extent.cast::<Node<Self, Config, Watched, Segregated>>() }.make_tables();
    }
}

/// The memory of both extents, side by side.
struct Ram(*mut u8, Layout);

// SAFETY: the heap shares it by loom's atomics, whose order loom checks.
unsafe impl Send for Ram {}
// SAFETY: as above.
unsafe impl Sync for Ram {}

impl Drop for Ram {
    fn drop(&mut self) {
        // SAFETY: allocated so.
        unsafe { std::alloc::dealloc(self.0, self.1) };
    }
}

struct Heap {
    memories: Memories<Given, Config, Watched, Segregated>,
    ram: Ram,
}

impl Heap {
    const EXTENT_BYTES: usize = 2048;

    fn new() -> Arc<Self> {
        let layout = Layout::from_size_align(2 * Self::EXTENT_BYTES, PAGE_BYTES).unwrap();
        // SAFETY: the size is not zero.
        let ram = Ram(unsafe { std::alloc::alloc_zeroed(layout) }, layout);
        Arc::new(Self { memories: Memories::new(Given), ram })
    }

    fn claim(&self, number: usize) {
        let start = self.ram.0.wrapping_add(number * Self::EXTENT_BYTES);
        // SAFETY: the memory is nobody else's, and outlives the heap.
        assert!(unsafe { self.memories.add(start, Self::EXTENT_BYTES) });
    }

    fn alloc(&self, size: usize) -> *mut u8 {
        tick();
        self.memories.allocate::<true>(Layout::from_size_align(size, 8).unwrap())
    }
}

/// A heap gets its first memory, or its second, while another thread allocates and frees: whoever sees the memory sees
/// its tables.
///
/// Runs `add`, `enter`, `home`, `find_block`, `responsible`. Catches: the Release of `enter` or the Acquire of `nodes`
/// left out; a release that gives up where no extent is counted yet.
#[test]
fn a_claim_against_calls() {
    for claimed in [0, 1] {
        model(3, move || {
            let heap = Heap::new();
            (0..claimed).for_each(|number| heap.claim(number));
            let other = spawn({
                let heap = heap.clone();
                move || {
                    tick();
                    heap.claim(claimed);
                }
            });
            // More than is left in one extent after the first.
            let blocks = [1000, 1000].map(|size| heap.alloc(size));
            assert!(claimed == 0 || !blocks[0].is_null());
            for block in blocks.into_iter().filter(|block| !block.is_null()) {
                assert!(heap.memories.release(block, Layout::from_size_align(1000, 8).unwrap()));
            }
            other.join().unwrap();
            assert_eq!(heap.memories.memories().count(), claimed + 1);
            assert!(!heap.alloc(1000).is_null());
            heap.memories.check().unwrap();
        });
    }
}
