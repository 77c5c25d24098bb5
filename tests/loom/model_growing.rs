//! A heap that grows while others use it, and grow it as well.

use crate::arena::{Made, Small, Watched};
use crate::config::geometry::{GRANULE_BYTES, PAGE_BYTES};
use crate::large::Segregated;
use crate::memories::{Memories, Node, Source, UNIT_BYTES};
use crate::{model, tick};
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::null_mut;
use loom::cell::UnsafeCell;
use loom::thread::spawn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

type Config = Small<1, 1>;
type Extent = Node<Units, Config, Watched, Segregated>;

/// Memory of so many units, given away from the bottom up, as `memory.grow` does: at once, and to each caller another
/// part.
struct Units {
    base: *mut u8,
    limit: usize,
    /// Not loom's: what the host does, it does in one step.
    given: AtomicUsize,
}

impl Units {
    fn layout(&self) -> Layout {
        Layout::from_size_align(self.limit * UNIT_BYTES, UNIT_BYTES).unwrap()
    }
}

// SAFETY: parts of one allocation, each given once, with tables of zeroes as loom's atomics have them.
unsafe impl Source for Units {
    const IN_PLACE: bool = true;

    fn first(&self) -> Option<(*mut u8, usize)> {
        None
    }

    fn grow(&self, units: usize) -> Option<(*mut u8, usize)> {
        tick();
        let old = self.given.load(Relaxed);
        if old + units > self.limit {
            return None;
        }
        self.given.store(old + units, Relaxed);
        Some((self.base.wrapping_add(old * UNIT_BYTES), units * UNIT_BYTES))
    }

    fn next(&self) -> usize {
        self.base.addr() + self.given.load(Relaxed) * UNIT_BYTES
    }

    fn make(&self, extent: *mut u8) {
        // SAFETY: the extent was laid out, and nobody else knows it.
        unsafe { &*extent.cast::<Extent>() }.make_tables();
    }
}

struct Heap {
    growing: Memories<Units, Config, Watched, Segregated>,
    base: *mut u8,
    layout: Layout,
    /// One a granule, written by its owner; and whether somebody does.
    granules: Vec<UnsafeCell<()>>,
    owned: Vec<AtomicBool>,
}

// SAFETY: the library's code shares it by loom's atomics, whose order loom checks.
unsafe impl Send for Heap {}
// SAFETY: as above.
unsafe impl Sync for Heap {}

struct Block(*mut u8, Layout);

// SAFETY: a block belongs to its holder.
unsafe impl Send for Block {}

impl Heap {
    /// Without memory; it can get so many units.
    fn new(limit: usize) -> Arc<Self> {
        let mut units = Units { base: null_mut(), limit, given: AtomicUsize::new(0) };
        let layout = units.layout();
        // SAFETY: the size is not zero.
        units.base = unsafe { std::alloc::alloc_zeroed(layout) };
        let granules = layout.size() / GRANULE_BYTES;
        Arc::new(Self {
            base: units.base,
            layout,
            growing: Memories::new(units),
            granules: (0..granules).map(|_| UnsafeCell::new(())).collect(),
            owned: (0..granules).map(|_| AtomicBool::new(false)).collect(),
        })
    }

    fn span(&self, block: &Block) -> core::ops::Range<usize> {
        let offset = block.0.addr() - self.base.addr();
        offset / GRANULE_BYTES..(offset + block.1.size()).div_ceil(GRANULE_BYTES)
    }

    fn alloc(&self, size: usize) -> Option<Block> {
        tick();
        let layout = Layout::from_size_align(size, 8).unwrap();
        // SAFETY: the size is not zero.
        let block = Block(unsafe { self.growing.alloc(layout) }, layout);
        if block.0.is_null() {
            return None;
        }
        for granule in self.span(&block) {
            assert!(!self.owned[granule].swap(true, Relaxed), "granule {granule} has two owners");
            self.granules[granule].with_mut(|_| ());
        }
        Some(block)
    }

    fn free(&self, block: Block) {
        tick();
        for granule in self.span(&block) {
            self.granules[granule].with_mut(|_| ());
            assert!(self.owned[granule].swap(false, Relaxed));
        }
        // SAFETY: the block is ours, and this is its layout.
        unsafe { self.growing.dealloc(block.0, block.1) };
    }

    /// While all threads have ended: frees what is left, and verifies that every extent is as good as new.
    fn finish(&self, live: Vec<Block>) {
        self.growing.memories().for_each(|memory| memory.check().unwrap());
        live.into_iter().for_each(|block| self.free(block));
        self.growing.trim();
        self.growing.check().unwrap();
        let stats = self.growing.stats();
        assert_eq!((stats.live_bytes, stats.deferred_bytes, stats.wrong_frees), (0, 0, 0), "{stats}");
        assert_eq!(stats.free_runs, self.growing.memories().count(), "{stats}");
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        // SAFETY: allocated in `new`.
        unsafe { std::alloc::dealloc(self.base, self.layout) };
    }
}

/// Two threads find a heap without memory. Small requests: one extent serves both, or each gets one.
///
/// Runs `allocate_elsewhere`, `grow`, `enter`, and what finds extents. Catches: the Release of `enter` or the Acquire
/// of `memories` left out, an extent entered by a store instead of the exchange.
#[test]
fn two_get_memory_at_the_same_time() {
    model(3, || {
        let heap = Heap::new(4);
        let live = two_at_once(&heap, 200);
        assert!((1..=2).contains(&heap.growing.memories().count()));
        assert!((1..=3).contains(&heap.growing.units_grown()));
        heap.finish(live.map(|block| block.expect("there is memory")).into());
    });
}

/// The same, with requests that need an extent each, and no more than that to be had.
///
/// Runs the same. Catches: an extent entered before its block was taken, so that the other takes what this one got.
#[test]
fn two_get_memory_for_one_each() {
    model(3, || {
        let heap = Heap::new(4);
        let live = two_at_once(&heap, 4600);
        assert_eq!(heap.growing.memories().count(), 2);
        heap.finish(live.map(|block| block.expect("there is memory")).into());
    });
}

fn two_at_once(heap: &Arc<Heap>, size: usize) -> [Option<Block>; 2] {
    let other = spawn({
        let heap = heap.clone();
        move || heap.alloc(size)
    });
    let own = heap.alloc(size);
    [own, other.join().unwrap()]
}

/// The same at the limit: there is one unit. The thread that does not get it finds the other's, or is refused.
///
/// Runs the same. Catches: a refusal that leaves something behind.
#[test]
fn two_ask_for_the_last_memory() {
    model(3, || {
        let heap = Heap::new(1);
        let live: Vec<Block> = two_at_once(&heap, 1500).into_iter().flatten().collect();
        assert!(!live.is_empty());
        heap.finish(live);
    });
}

/// One thread frees a block of the first extent and takes a small one, while another grows the heap and makes its
/// extent the one in which calls begin.
///
/// Runs `serve_from`, `home`, `responsible`. Catches: the Acquire of `home` left out. That the Release of `serve_from`
/// is needed, two threads do not show: the one that got the memory has ended a visit before, by a fence.
#[test]
fn growing_against_calls_in_another_extent() {
    model(3, || {
        let heap = Heap::new(5);
        let block = heap.alloc(1500).unwrap();
        let kept = heap.alloc(1000).unwrap();
        assert_eq!(heap.growing.memories().count(), 1);
        let other = spawn({
            let heap = heap.clone();
            move || heap.alloc(2000).expect("there is memory")
        });
        heap.free(block);
        let small = heap.alloc(64);
        let other = other.join().unwrap();
        // Another one for the small block if the tier was held.
        assert!((2..=3).contains(&heap.growing.memories().count()));
        heap.finish(vec![other, kept, small.expect("there is memory")]);
    });
}

/// What that heap has got.
const JOINING_UNITS: usize = 4;

/// A heap whose second extent is full and has tables for more, and what is live there: next to nothing of it is free.
fn about_to_join(limit: usize) -> (Arc<Heap>, Vec<Block>) {
    let heap = Heap::new(limit);
    let mut live = vec![heap.alloc(1500).unwrap(), heap.alloc(3000).unwrap()];
    assert_eq!(heap.growing.memories().count(), 2);
    live.extend([64, 64].map(|size| heap.alloc(size).unwrap()));
    while let Some(size) = Some(heap.growing.stats().largest_free_bytes).filter(|&size| size >= 200) {
        live.push(heap.alloc(size).unwrap());
    }
    assert_eq!((heap.growing.memories().count(), heap.growing.units_grown() as usize), (2, JOINING_UNITS));
    (heap, live)
}

/// One thread makes an extent longer, while another frees a block of it, long or pooled, and takes a pooled one.
///
/// Runs `get`, `extend_in_place`, `Large::extend`, and what reads the ground's length without an entry.
/// Catches: an extent that becomes longer outside of the entry.
#[test]
fn joining_against_calls_in_the_extent() {
    for freed in [1, 2] {
        model(2, move || {
            let (heap, mut live) = about_to_join(12);
            let units = heap.growing.units_grown();
            let block = live.remove(freed);
            let other = spawn({
                let heap = heap.clone();
                move || heap.alloc(3100).expect("there is memory")
            });
            heap.free(block);
            live.push(heap.alloc(64).expect("there is memory"));
            live.push(other.join().unwrap());
            assert!(heap.growing.units_grown() > units);
            // The other one if the tier was held.
            assert!((2..=3).contains(&heap.growing.memories().count()));
            heap.finish(live);
        });
    }
}

/// Two threads make an extent longer at the same time: one of them gets the memory behind the other's, which joins when
/// that has, or is an extent of its own.
///
/// Runs the same, and `grow`, `arrivals`. That the orderings of `arrivals` are needed, loom does not show.
#[test]
fn two_join_at_the_same_time() {
    model(2, || {
        let (heap, mut live) = about_to_join(12);
        let blocks = two_at_once(&heap, 1500);
        live.extend(blocks.map(|block| block.expect("there is memory")));
        assert!((2..=4).contains(&heap.growing.memories().count()));
        heap.finish(live);
    });
}

/// The same when there is memory for one: the other gets what is left of that, or is refused.
#[test]
fn two_join_the_last_memory() {
    model(2, || {
        let (heap, mut live) = about_to_join(JOINING_UNITS + 1);
        let held = live.len();
        live.extend(two_at_once(&heap, 1500).into_iter().flatten());
        assert!(live.len() > held);
        heap.finish(live);
    });
}

const _: () = assert!(UNIT_BYTES % PAGE_BYTES == 0);
