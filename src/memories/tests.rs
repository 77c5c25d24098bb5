extern crate std;

use super::grow::{reserved_units, units_for};
use super::*;
use crate::config::geometry::*;
use crate::config::{Compact, Defaults, Emergency, Event, Frugal, OutOfMemory};
use crate::extent::map::Map;
use crate::large::Segregated;
use crate::policy::Try;
use core::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::vec::Vec;

/// A memory of that many units, of which the source gives parts away from the bottom up.
struct Fake<const SHARED: bool> {
    base: *mut u8,
    layout: Layout,
    first_bytes: Cell<usize>,
    given: Cell<usize>,
    limit: usize,
    /// Before which demands another context takes a unit: a bit each.
    thefts: Cell<u32>,
    asked: Cell<usize>,
}

impl<const SHARED: bool> Fake<SHARED> {
    /// The first memory ends with a unit, and the source can give `limit` units more.
    fn new(first_bytes: usize, limit: usize) -> Self {
        let given = first_bytes.div_ceil(UNIT_BYTES);
        let layout = Layout::from_size_align((given + limit) * UNIT_BYTES, UNIT_BYTES).unwrap();
        // SAFETY: the size is not zero.
        let base = unsafe { std::alloc::alloc_zeroed(layout) };
        assert!(!base.is_null());
        Self {
            base,
            layout,
            first_bytes: Cell::new(first_bytes),
            given: Cell::new(given),
            limit: given + limit,
            thefts: Cell::new(0),
            asked: Cell::new(0),
        }
    }
}

// SAFETY: parts of one allocation, each given once; the tests have one thread.
unsafe impl<const SHARED: bool> Source for Fake<SHARED> {
    const IN_PLACE: bool = SHARED;

    fn first(&self) -> Option<(*mut u8, usize)> {
        let bytes = self.first_bytes.take();
        let end = bytes.div_ceil(UNIT_BYTES) * UNIT_BYTES;
        // SAFETY: inside the allocation. It need not be zeroed.
        (bytes != 0).then(|| unsafe {
            self.base.add(end - bytes).write_bytes(0xA5, bytes);
            (self.base.add(end - bytes), bytes)
        })
    }

    fn grow(&self, units: usize) -> Option<(*mut u8, usize)> {
        let theft = self.thefts.get() & 1;
        self.thefts.set(self.thefts.get() >> 1);
        self.asked.set(self.asked.get() + 1);
        let old = self.given.get() + theft as usize;
        if old + units > self.limit {
            return None;
        }
        self.given.set(old + units);
        // SAFETY: inside the allocation.
        Some((unsafe { self.base.add(old * UNIT_BYTES) }, units * UNIT_BYTES))
    }

    fn next(&self) -> usize {
        self.base.addr() + (self.given.get() + self.thefts.get() as usize % 2) * UNIT_BYTES
    }
}

impl<const SHARED: bool> Drop for Fake<SHARED> {
    fn drop(&mut self) {
        // SAFETY: allocated so.
        unsafe { std::alloc::dealloc(self.base, self.layout) };
    }
}

type Heap<const SHARED: bool, C = Defaults> = Memories<Fake<SHARED>, C, Try, Segregated>;
type Alone = Heap<false>;
type Shared = Heap<true>;

/// A live block, every byte of which holds its stamp.
struct Block(*mut u8, Layout, u8);

impl Block {
    fn new<const S: bool, C: Config>(heap: &Heap<S, C>, size: usize, stamp: u8) -> Option<Self> {
        let layout = Layout::from_size_align(size, 8).unwrap();
        // SAFETY: the size is not zero.
        let ptr = unsafe { heap.alloc(layout) };
        if ptr.is_null() {
            return None;
        }
        assert!(heap.contains(ptr) && heap.usable_size(ptr) >= size);
        Some(Self(ptr, layout, stamp).filled())
    }

    fn filled(self) -> Self {
        // SAFETY: the block is ours and so long.
        unsafe { self.0.write_bytes(self.2, self.1.size()) };
        self
    }

    fn verify(&self, len: usize) {
        // SAFETY: as above.
        let bytes = unsafe { core::slice::from_raw_parts(self.0, len) };
        assert!(bytes.iter().all(|&byte| byte == self.2), "somebody wrote into {:?}", self.1);
    }

    fn free<const S: bool, C: Config>(self, heap: &Heap<S, C>) {
        self.verify(self.1.size());
        // SAFETY: the block is ours, and this is its layout.
        unsafe { heap.dealloc(self.0, self.1) };
    }

    fn resized<const S: bool, C: Config>(self, heap: &Heap<S, C>, size: usize) -> Self {
        // SAFETY: the block is ours, this is its layout, the size is not zero.
        let ptr = unsafe { heap.realloc(self.0, self.1, size) };
        if ptr.is_null() {
            return self;
        }
        let layout = Layout::from_size_align(size, 8).unwrap();
        Self(ptr, layout, self.2).verify(size.min(self.1.size()));
        Self(ptr, layout, self.2).filled()
    }
}

/// Random calls, more allocations than releases, and a look at everything after each; then all is freed. Returns how
/// many requests were refused.
fn churn<const S: bool, C: Config>(heap: &Heap<S, C>, seed: u64, steps: usize, largest: usize) -> u32 {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut live: Vec<Block> = Vec::new();
    let mut refused = 0;
    for step in 0..steps {
        let size = if random.u32(..4) == 0 { random.usize(1..largest) } else { random.usize(1..200) };
        match random.u32(..10) {
            0..6 => match Block::new(heap, size, step as u8) {
                Some(block) => live.push(block),
                None => refused += 1,
            },
            6..8 if !live.is_empty() => live.swap_remove(random.usize(..live.len())).free(heap),
            8 if !live.is_empty() => {
                let at = random.usize(..live.len());
                let block = live.swap_remove(at).resized(heap, size);
                live.push(block);
            }
            _ => {}
        }
        if let Err(error) = heap.check() {
            panic!("step {step} of seed {seed}: {error}\n{}", heap.stats());
        }
    }
    live.into_iter().for_each(|block| block.free(heap));
    verify_empty(heap);
    refused
}

fn verify_empty<const S: bool, C: Config>(heap: &Heap<S, C>) {
    heap.trim();
    heap.check().unwrap();
    let mut pieces_bytes = 0;
    assert!(heap.walk(|piece| pieces_bytes += piece.bytes));
    assert_eq!(pieces_bytes, heap.memories().map(|extent| extent.0.len_bytes()).sum());
    let stats = heap.stats();
    assert_eq!((stats.live_bytes, stats.wrong_frees), (0, 0), "{stats}");
    assert_eq!(stats.free_runs, heap.memories().count(), "{stats}");
}

#[test]
fn nothing_is_asked_for_while_the_first_memory_will_do() {
    let heap = Alone::new(Fake::new(40_000, 4));
    assert_eq!(heap.memories().count(), 0);
    assert_eq!(churn(&heap, 1, 200, 300), 0);
    assert_eq!((heap.source.asked.get(), heap.memories().count()), (0, 1));
}

#[test]
fn memory_that_touches_joins_and_the_tables_move() {
    for seed in 0..4 {
        // Of the first sizes, some are too small for any table.
        let heap = Alone::new(Fake::new(seed as usize * 9000, 64));
        let refused = churn(&heap, seed, 800, 20_000);
        assert_eq!((refused, heap.memories().count()), (0, 1));
        // Nor was a change of size: those leave the block as it is.
        assert_eq!(heap.stats().refused, 0);
        assert!(heap.units_grown() > 4);
        assert!(heap.source.asked.get() <= heap.units_grown() as usize);
    }
}

#[test]
fn tables_of_heaps_without_pools_move_as_well() {
    fn joins<C: Config>() {
        for seed in 0..4 {
            let heap = Heap::<false, C>::new(Fake::new(seed as usize * 9000, 64));
            assert_eq!((churn(&heap, seed, 800, 20_000), heap.memories().count()), (0, 1));
            assert!(heap.units_grown() > 4);
        }
    }
    joins::<Compact>();
    joins::<Frugal>();
}

/// A configuration may give pools a part of an arena; memory that grows has no last part.
#[test]
fn pools_are_everywhere_in_memory_that_grows() {
    const COUNT: usize = 600;
    let heap = Heap::<false, Frugal>::new(Fake::new(40_000, 64));
    let small = |stamp| Block::new(&heap, 48, stamp).unwrap();
    let mut blocks: Vec<Block> = (0..COUNT).map(|at| small(at as u8)).collect();
    // Most of the first memory: more than any part of it. The tables move with pages below that part.
    const { assert!(COUNT * 48 > 40_000 / 2) };
    blocks.extend((0..4).map(|at| Block::new(&heap, 60_000, at).unwrap()));
    assert!(heap.units_grown() > 0);
    heap.check().unwrap();
    blocks.extend((0..COUNT).map(|at| small(at as u8)));
    let pooled: usize = heap.stats().classes().iter().map(|row| row.blocks_live).sum();
    // But for what fitted where no whole page was left.
    assert!((2 * COUNT - 20..2 * COUNT).contains(&pooled), "{}", heap.stats());
    assert_eq!(heap.memories().count(), 1);
    blocks.into_iter().for_each(|block| block.free(&heap));
    verify_empty(&heap);
}

/// Small enough for Miri, which sees whether anybody still looks at what moved.
#[test]
fn a_heap_grows_below_live_blocks() {
    let heap = Alone::new(Fake::new(0, 3));
    let [small, large] = [Layout::new::<[u8; 64]>(), Layout::new::<[u8; 60_000]>()];
    // SAFETY: no size is zero; each block is there, written to within its size, and resized and freed with its layout.
    unsafe {
        let (below, block) = (heap.alloc(small), heap.alloc(large));
        assert!(!below.is_null() && !block.is_null());
        below.write_bytes(7, small.size());
        let block = heap.realloc(block, large, 90_000);
        assert!(!block.is_null() && below.add(small.size() - 1).read() == 7);
        heap.dealloc(block, Layout::from_size_align(90_000, 1).unwrap());
        heap.dealloc(below, small);
    }
    assert!(heap.units_grown() >= 2);
    assert_eq!(heap.stats().live_bytes, 0);
}

/// The same where tables stay and the ground becomes longer.
#[test]
fn a_shared_heap_grows_below_live_blocks() {
    let heap = Shared::new(Fake::new(0, 9));
    let [small, large] = [Layout::new::<[u8; 64]>(), Layout::new::<[u8; 60_000]>()];
    // SAFETY: no size is zero; each block is there, written to within its size, and resized and freed with its layout.
    unsafe {
        let below = heap.alloc(small);
        let blocks = [(); 4].map(|()| heap.alloc(large));
        assert!(!below.is_null() && blocks.iter().all(|block| !block.is_null()));
        blocks.iter().for_each(|block| block.write(7));
        let longer = heap.realloc(blocks[3], large, 90_000);
        assert!(longer == blocks[3] && longer.read() == 7);
        heap.dealloc(longer, Layout::from_size_align(90_000, 1).unwrap());
        blocks[..3].iter().for_each(|&block| heap.dealloc(block, large));
        heap.dealloc(below, small);
    }
    assert!(heap.source.asked.get() > heap.memories().count());
    assert_eq!(heap.stats().live_bytes, 0);
}

#[test]
fn at_the_limit_requests_are_refused_and_the_heap_goes_on() {
    for shared in [false, true] {
        let refused = if shared {
            churn(&Shared::new(Fake::new(100, 7)), 7, 1500, 20_000)
        } else {
            churn(&Alone::new(Fake::new(100, 7)), 7, 1500, 20_000)
        };
        assert!(refused > 50, "{refused}");
    }
    let heap = Alone::new(Fake::new(100, 7));
    let block = Block::new(&heap, 400_000, 1).unwrap();
    let asked = heap.source.asked.get();
    assert!(Block::new(&heap, 400_000, 2).is_none());
    assert!(heap.source.asked.get() - asked <= 8, "the source was asked too often");
    assert_eq!(heap.stats().refused, 1);
    block.free(&heap);
    Block::new(&heap, 400_000, 3).unwrap().free(&heap);
    verify_empty(&heap);
}

#[test]
fn what_does_not_touch_is_an_extent_of_its_own() {
    for seed in 0..4 {
        let heap = Alone::new(Fake::new(5000, 80));
        heap.source.thefts.set(0b10_0100_1000);
        churn(&heap, seed, 700, 20_000);
        assert_eq!((heap.stats().refused, heap.memories().count()), (0, 4));
    }
}

#[test]
fn where_others_read_tables_never_move() {
    for seed in 0..10 {
        let heap = Shared::new(Fake::new(5000, 64));
        let block = Block::new(&heap, 64, 1).unwrap();
        let tables = heap.memories().next().unwrap().tables();
        assert_eq!(churn_beside(&heap, seed), 0);
        assert_eq!(heap.memories().next().unwrap().tables(), tables);
        assert!((3..12).contains(&heap.memories().count()), "{}", heap.memories().count());
        block.free(&heap);
        verify_empty(&heap);
    }
}

fn churn_beside(heap: &Shared, seed: u64) -> usize {
    let blocks: Vec<Block> =
        (0..1000).filter_map(|at| Block::new(heap, 1 + (at * 7 + seed as usize) % 3000, 9)).collect();
    let missing = 1000 - blocks.len();
    blocks.into_iter().for_each(|block| block.free(heap));
    missing
}

#[test]
fn a_block_at_the_end_grows_into_what_is_got() {
    let heap = Alone::new(Fake::new(0, 256));
    let mut block = Block::new(&heap, 10_000, 1).unwrap();
    let place = block.0;
    for size in [100_000, 1_000_000, 5_000_000] {
        block = block.resized(&heap, size);
        assert_eq!((block.0, block.1.size()), (place, size));
    }
    block.free(&heap);
    verify_empty(&heap);
}

/// Steps become shorter than the tables: those are moved to where they overlap themselves.
#[test]
fn at_the_limit_the_last_units_are_got_as_well() {
    let heap = Alone::new(Fake::new(0, 101));
    let mut blocks: Vec<Block> = (0..4000).map(|at| Block::new(&heap, 1 + at % 64, at as u8).unwrap()).collect();
    // Pages with free blocks stand in the index while it moves.
    for at in (0..1000).rev() {
        blocks.swap_remove(at * 4 + at % 3).free(&heap);
    }
    while let Some(block) = Block::new(&heap, 60_000, 7) {
        blocks.push(block);
        heap.check().unwrap();
    }
    assert_eq!((heap.units_grown(), heap.memories().count()), (101, 1));
    blocks.extend((0..2000).map_while(|at| Block::new(&heap, 1 + at % 64, at as u8)));
    heap.check().unwrap();
    blocks.into_iter().for_each(|block| block.free(&heap));
    verify_empty(&heap);
}

#[test]
fn what_is_got_is_not_counted_as_committed() {
    let heap = Alone::new(Fake::new(0, 10));
    let blocks = [Block::new(&heap, 55_000, 1).unwrap(), Block::new(&heap, 9000, 2).unwrap()];
    assert_eq!((heap.units_grown(), heap.memories().count()), (2, 1));
    let peak = heap.stats().committed_peak_bytes.unwrap();
    assert!((64_000..66_000).contains(&peak), "{peak}");
    blocks.into_iter().for_each(|block| block.free(&heap));
    verify_empty(&heap);
}

#[test]
fn blocks_and_extents_can_be_longer_than_an_arena() {
    let heap = Alone::new(Fake::new(0, 1000));
    let large = Block::new(&heap, 20 << 20, 1).unwrap();
    let small: Vec<Block> = (0..100).map(|at| Block::new(&heap, 48, at).unwrap()).collect();
    let other = Block::new(&heap, 17 << 20, 2).unwrap();
    heap.check().unwrap();
    small.into_iter().chain([large, other]).for_each(|block| block.free(&heap));
    verify_empty(&heap);
    Block::new(&heap, 50 << 20, 1).unwrap().free(&heap);
    assert_eq!(heap.memories().count(), 1);
}

#[test]
fn what_small_blocks_had_is_had_in_one_piece() {
    let heap = Alone::new(Fake::new(0, 512));
    let blocks: Vec<Block> = (0..(17 << 20) / 1000).map(|at| Block::new(&heap, 1000, at as u8).unwrap()).collect();
    blocks.into_iter().for_each(|block| block.free(&heap));
    Block::new(&heap, (33 << 20) / 2, 1).unwrap().free(&heap);
    // Nearly all that there is.
    Block::new(&heap, 30 << 20, 2).unwrap().free(&heap);
    assert_eq!(heap.memories().count(), 1);
    verify_empty(&heap);
}

/// Pages whose numbers have more than 16 bits are the pools' too.
#[test]
fn pools_have_all_pages_of_a_long_extent() {
    let heap = Alone::new(Fake::new(0, 600));
    let large = Block::new(&heap, 24 << 20, 1).unwrap();
    let blocks: Vec<Block> = (0..10_000).map(|at| Block::new(&heap, 64, at as u8).unwrap()).collect();
    assert_eq!(heap.memories().count(), 1);
    // But for what fitted where no whole page was left.
    assert!(heap.stats().classes()[7].blocks_live > 9990, "{}", heap.stats());
    heap.check().unwrap();
    // Pages with free blocks stand in the index while it moves, on its two levels.
    let (kept, freed): (Vec<_>, Vec<_>) = blocks.into_iter().enumerate().partition(|(at, _)| at % 3 == 0);
    freed.into_iter().for_each(|(_, block)| block.free(&heap));
    let units = heap.units_grown();
    let other = Block::new(&heap, 3 << 20, 2).unwrap();
    assert!(heap.units_grown() > units && heap.memories().count() == 1);
    heap.check().unwrap();
    let units = heap.units_grown();
    let again: Vec<Block> = (0..6666).map(|at| Block::new(&heap, 64, at as u8).unwrap()).collect();
    assert_eq!(heap.units_grown(), units);
    kept.into_iter().map(|(_, block)| block).chain(again).chain([large, other]).for_each(|block| block.free(&heap));
    verify_empty(&heap);
}

#[test]
fn what_is_free_at_the_end_is_not_asked_for_again() {
    const UNITS: usize = 100;
    let bytes = |units: usize| units * UNIT_BYTES;
    let heap = Alone::new(Fake::new(0, UNITS));
    Block::new(&heap, bytes(40), 1).unwrap().free(&heap);
    assert!(heap.units_grown() < 50);
    Block::new(&heap, bytes(90), 2).unwrap().free(&heap);
    verify_empty(&heap);

    // A block before that end grows in place.
    let heap = Alone::new(Fake::new(0, UNITS));
    let block = Block::new(&heap, bytes(40), 1).unwrap();
    let place = block.0;
    let block = block.resized(&heap, bytes(90));
    assert_eq!((block.0, block.1.size()), (place, bytes(90)));
    block.free(&heap);
    verify_empty(&heap);

    // Another context's memory lies behind it: then it does not count.
    let heap = Alone::new(Fake::new(0, 3 * UNITS));
    Block::new(&heap, bytes(40), 1).unwrap().free(&heap);
    heap.source.thefts.set(1);
    Block::new(&heap, bytes(90), 2).unwrap().free(&heap);
    assert_eq!(heap.memories().count(), 2);
    let block = Block::new(&heap, bytes(90), 1).unwrap();
    heap.source.thefts.set(1);
    block.resized(&heap, bytes(95)).free(&heap);
    verify_empty(&heap);
}

/// Most of what there is, in the worst of cases: an extent has room for three times of what was there when it began, so
/// the last is as long as that in the middle of the way.
#[test]
fn shared_memory_joins_as_far_as_the_tables_have_room() {
    for limit in [40, 63, 150, 512, 701] {
        let heap = Shared::new(Fake::new(20_000, limit));
        let fill = || -> Vec<Block> { (0..).map_while(|at| Block::new(&heap, 20_000, at as u8)).collect() };
        let blocks = fill();
        let count = blocks.len();
        assert!(count * 20_000 > limit * UNIT_BYTES * 8 / 10, "{count} blocks in {limit} units");
        heap.check().unwrap();
        blocks.into_iter().for_each(|block| block.free(&heap));
        verify_empty(&heap);
        let size = limit * UNIT_BYTES * 2 / 5;
        let block = Block::new(&heap, size, 1).unwrap_or_else(|| panic!("{limit} units: {}", heap.stats()));
        block.free(&heap);
        assert!(heap.memories().count() < 9, "{limit} units: {}", heap.memories().count());
        let blocks = fill();
        assert!(blocks.len() >= count);
        blocks.into_iter().for_each(|block| block.free(&heap));
        verify_empty(&heap);
    }
}

#[test]
fn a_shared_extent_becomes_longer_below_live_blocks() {
    for seed in 0..4 {
        let heap = Shared::new(Fake::new(seed as usize * 9000, 200));
        // Then there is room for three times of that.
        let block = Block::new(&heap, 600_000, 1).unwrap();
        let other = Block::new(&heap, 600_000, 2).unwrap();
        let (extents, tables) = (heap.memories().count(), heap.memories().last().unwrap().tables());
        let mut end = heap.memories().last().unwrap().0.end();
        let mut live: Vec<Block> = Vec::new();
        let mut longer = 0;
        for at in 0..3000 {
            let size = if at % 3 == 0 { 1 + at % 64 } else { 300 + at % 700 };
            live.push(Block::new(&heap, size, at as u8).unwrap());
            let newest = heap.memories().last().unwrap();
            longer += usize::from(newest.0.end() != end);
            end = newest.0.end();
            if at % 7 == 0 {
                live.swap_remove(at % live.len()).free(&heap);
            }
            if at % 100 == 0 {
                heap.check().unwrap();
            }
        }
        assert!(longer > 2 && heap.memories().count() == extents, "{longer}");
        assert_eq!(heap.memories().last().unwrap().tables(), tables);
        live.into_iter().chain([block, other]).for_each(|block| block.free(&heap));
        verify_empty(&heap);
    }
}

#[test]
fn a_block_at_the_end_of_a_shared_extent_grows_into_what_is_got() {
    let heap = Shared::new(Fake::new(0, 256));
    let first = Block::new(&heap, 600_000, 1).unwrap();
    let mut block = Block::new(&heap, 600_000, 2).unwrap();
    let place = block.0;
    for size in [900_000, 1_500_000, 2_000_000] {
        let units = heap.units_grown();
        block = block.resized(&heap, size);
        assert_eq!((block.0, block.1.size()), (place, size));
        assert!(heap.units_grown() > units);
    }
    block.free(&heap);
    first.free(&heap);
    verify_empty(&heap);
}

#[test]
fn every_request_fits_into_a_new_extent_with_its_reserve() {
    type Memory<C> = Node<Fake<true>, C, Try, Segregated>;
    fn fits<C: Config>(memory: *mut u8, offset: usize, size: usize, align: usize, reserve_bytes: usize) {
        let units = units_for::<Fake<true>, C, Try, Segregated>(size, align, 0).unwrap();
        let reserved = reserved_units::<C, Try, Segregated>(reserve_bytes);
        // SAFETY: the memory is long enough, and nobody else's.
        let node = unsafe {
            let node = Memory::<C>::lay_out(memory.add(offset), (units + reserved) * UNIT_BYTES - 8, reserve_bytes);
            node.as_ref().unwrap()
        };
        // What can lie before the block, and behind it.
        let least = size + align + 2 * LARGE_MIN_BYTES as usize;
        let map = Extent(node).map();
        assert!(map.ground as usize >= least, "{size} bytes at {align} besides {reserve_bytes}: {}", map.ground);
        assert!(map.ground as usize + node.room_bytes() >= least + reserve_bytes);
        assert_eq!(node.end().addr(), memory.addr() + offset + (units + reserved) * UNIT_BYTES - 8);
    }
    let layout = Layout::from_size_align(64 << 20, UNIT_BYTES).unwrap();
    // SAFETY: the size is not zero.
    let memory = unsafe { std::alloc::alloc(layout) };
    let mut random = fastrand::Rng::with_seed(2);
    for _ in 0..20_000 {
        let (size, reserve) = (1 << random.u32(..25), 1 << random.u32(..27));
        let (size, reserve) = (random.usize(1..=size), random.usize(..=reserve));
        let (offset, align) = (random.usize(..9) * 8, 1 << random.u32(3..17));
        fits::<Defaults>(memory, offset, size, align, reserve);
        fits::<Compact>(memory, offset, size, align, reserve);
    }
    // SAFETY: allocated so.
    unsafe { std::alloc::dealloc(memory, layout) };
}

#[test]
fn what_the_hook_frees_behind_a_block_is_had_by_it() {
    struct Caching<const SHARED: bool>;
    impl<const SHARED: bool> Config for Caching<SHARED> {
        const ON_OUT_OF_MEMORY: Option<fn(OutOfMemory) -> Emergency> = Some(|_| {
            let Some(cache) = CACHE.take() else { return Emergency::GiveUp };
            // SAFETY: the test has one thread, and the heap is there.
            cache.free(unsafe { &*HEAP.get().cast::<Heap<SHARED, Self>>() });
            Emergency::Retry
        });
    }
    std::thread_local! {
        static HEAP: Cell<*const ()> = const { Cell::new(core::ptr::null()) };
        static CACHE: Cell<Option<Block>> = const { Cell::new(None) };
    }
    fn is_served<const SHARED: bool>() {
        let heap = Heap::<SHARED, Caching<SHARED>>::new(Fake::new(0, 1));
        HEAP.set((&raw const heap).cast());
        let block = Block::new(&heap, 30_000, 1).unwrap();
        let place = block.0;
        CACHE.set(Block::new(&heap, 30_000, 2));
        let block = block.resized(&heap, 50_000);
        assert_eq!((block.0, block.1.size()), (place, 50_000));
        // Then there is nothing.
        assert_eq!(block.resized(&heap, 70_000).1.size(), 50_000);
        assert_eq!((heap.units_grown(), heap.stats().refused), (1, 1));
        heap.check().unwrap();
    }
    is_served::<false>();
    is_served::<true>();
}

#[test]
fn nothing_is_moved_below_a_hook() {
    struct Greedy;
    impl Config for Greedy {
        const ON_EVENT: Option<fn(Event)> = Some(|event| {
            if let Event::RefillBegins { block_bytes: 64 } = event {
                // SAFETY: the test has one thread, and the heap is there.
                let heap = unsafe { &*HEAP.get() };
                // SAFETY: the size is not zero.
                assert!(!unsafe { heap.alloc(Layout::new::<[u8; 60_000]>()) }.is_null());
            }
        });
    }
    type Watched = Memories<Fake<false>, Greedy, Try, Segregated>;
    std::thread_local!(static HEAP: Cell<*const Watched> = const { Cell::new(core::ptr::null()) });
    let heap = Watched::new(Fake::new(30_000, 100));
    HEAP.set(&heap);
    for at in 0..200 {
        // SAFETY: the size is not zero.
        assert!(!unsafe { heap.alloc(Layout::new::<[u8; 64]>()) }.is_null());
        if let Err(error) = heap.check() {
            panic!("block {at}: {error}");
        }
    }
    assert!(heap.memories().count() > 1);
}

/// Nothing is moved below a walk either; and one that panics is over.
#[test]
fn nothing_is_moved_below_a_walk() {
    let heap = Alone::new(Fake::new(30_000, 100));
    Block::new(&heap, 64, 1).unwrap();
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| heap.walk(|_| panic!("shown"))));
    assert!(panic.is_err());
    Block::new(&heap, 60_000, 2).unwrap();
    assert_eq!((heap.units_grown() > 0, heap.memories().count()), (true, 1));
    let mut shown = false;
    heap.walk(|_| {
        if !core::mem::replace(&mut shown, true) {
            Block::new(&heap, 200_000, 3).unwrap();
        }
    });
    assert_eq!(heap.memories().count(), 2);
    heap.check().unwrap();
}

/// Each extent has a word for the hook's runs in its tables; the hook of all of them runs once at a time.
#[test]
fn a_hook_that_is_refused_memory_itself_is_told_once() {
    struct Logging;
    impl Config for Logging {
        const ON_EVENT: Option<fn(Event)> = Some(|_| {
            RUNS.set(RUNS.get() + 1);
            // SAFETY: the test has one thread, and the heap is there.
            if let Some(heap) = unsafe { HEAP.get().as_ref() } {
                // A block of 1,000 bytes and one of 8 are refused by all extents in turn.
                for size in [1000, 8] {
                    // SAFETY: the size is not zero.
                    assert!(unsafe { heap.alloc(Layout::from_size_align(size, 8).unwrap()) }.is_null());
                }
                // SAFETY: wrong on purpose, and found: one in each extent.
                heap.nodes().for_each(|extent| unsafe {
                    heap.dealloc(Extent(&*extent).base().wrapping_add(1), Layout::new::<u64>());
                });
            }
        });
    }
    type Logged = Memories<Fake<false>, Logging, Try, Segregated>;
    std::thread_local! {
        static HEAP: Cell<*const Logged> = const { Cell::new(core::ptr::null()) };
        static RUNS: Cell<u32> = const { Cell::new(0) };
    }
    let heap = Logged::new(Fake::new(30_000, 6));
    heap.source.thefts.set(0b111);
    for size in [30_000, 1000, 64, 8] {
        // Attempts are refused in silence.
        while !heap.allocate::<false>(Layout::from_size_align(size, 8).unwrap()).is_null() {}
    }
    let before = heap.stats();
    let extents = heap.nodes().count() as u32;
    assert!(extents > 1 && before.refused == 0);
    RUNS.set(0);
    HEAP.set(&heap);
    // SAFETY: the size is not zero.
    assert!(unsafe { heap.alloc(Layout::new::<[u8; 1000]>()) }.is_null());
    HEAP.set(core::ptr::null());
    let stats = heap.stats();
    assert_eq!((RUNS.get(), stats.refused, stats.wrong_frees), (1, 3, extents), "{stats}");
    // Beside these, each extent begins and ends a refill for 8 bytes in vain; the one that served last is asked twice.
    assert_eq!(stats.events_untold - before.events_untold, 2 + extents + 2 * (extents + 1), "{stats}");
    heap.check().unwrap();
}

#[test]
fn the_out_of_memory_hook_is_asked_when_the_source_has_nothing() {
    struct Caching;
    impl Config for Caching {
        const ON_OUT_OF_MEMORY: Option<fn(OutOfMemory) -> Emergency> = Some(|_| {
            let cache = CACHE.take();
            if cache.is_null() {
                return Emergency::GiveUp;
            }
            // SAFETY: the test has one thread, the heap is there, and the block is its, with this layout.
            unsafe { (*CACHING.get()).dealloc(cache, LARGE) };
            Emergency::Retry
        });
    }
    type Cached = Memories<Fake<false>, Caching, Try, Segregated>;
    const LARGE: Layout = Layout::new::<[u8; 100_000]>();
    std::thread_local! {
        static CACHING: Cell<*const Cached> = const { Cell::new(core::ptr::null()) };
        static CACHE: Cell<*mut u8> = const { Cell::new(null_mut()) };
    }
    let heap = Cached::new(Fake::new(0, 3));
    CACHING.set(&heap);
    // SAFETY: the size is not zero.
    let alloc = || unsafe { heap.alloc(LARGE) };
    CACHE.set(alloc());
    assert!(!CACHE.get().is_null());
    // All units hold one such block: the next has what the cache had, and then there is nothing.
    assert_eq!([alloc(), alloc()].map(|block| block.is_null()), [false, true]);
    assert_eq!((heap.units_grown(), heap.stats().refused), (2, 1));
    heap.check().unwrap();
}

#[test]
fn every_request_fits_into_what_is_asked_for() {
    // What is asked for has a unit, and so more pages, at least.
    fn fits<C: Config>(pages: usize) {
        let bytes = Map::most_bytes::<C, Try, Segregated>(pages);
        let map = Map::roughly::<C, Try, Segregated>(bytes).unwrap();
        assert!(map.ground as usize >= pages * PAGE_BYTES, "{pages} pages in {bytes} bytes");
    }
    for pages in (8..3000).chain((3000..60_000).step_by(997)).chain((60_000..8_000_000).step_by(99_991)) {
        fits::<Defaults>(pages);
    }
}

#[test]
fn every_request_fits_into_what_an_extent_becomes_longer_by() {
    fn fits<C: Config>(units: usize, pages: usize) {
        let old = Map::roughly::<C, Try, Segregated>(units * UNIT_BYTES).unwrap();
        let bytes = Map::most_bytes::<C, Try, Segregated>(pages);
        let new = Map::roughly::<C, Try, Segregated>(units * UNIT_BYTES + bytes).unwrap();
        assert!(new.ground >= old.ground + pages as u32 * PAGE, "{pages} pages more than {units} units");
    }
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..100_000 {
        let (units, pages) = (1 << random.u32(..14), 1 << random.u32(..22));
        let (units, pages) = (random.usize(1..=units), random.usize(1..=pages));
        fits::<Defaults>(units, pages);
        fits::<Compact>(units, pages);
    }
}

#[test]
fn a_rough_map_has_nearly_all_pages_that_fit() {
    fn compare<C: Config>(bytes: usize) {
        let [rough, exact] =
            [Map::roughly::<C, Try, Segregated>, Map::new::<C, Try, Segregated>].map(|map| map(bytes).unwrap());
        let less = 2 + rough.pages / 1000;
        assert!(
            rough.pages <= exact.pages && rough.pages + less >= exact.pages,
            "{bytes} bytes: {} of {}",
            rough.pages,
            exact.pages
        );
        assert_eq!(rough.ground as usize + rough.bytes, bytes / GRANULE_BYTES * GRANULE_BYTES);
        assert_eq!(rough.ground as usize % GRANULE_BYTES, 0);
        // Every whole page has its entry.
        assert!(rough.ground as usize / PAGE_BYTES == rough.pages as usize || C::TABLE.count == 0);
    }
    for bytes in (1..20_000).map(|step| 2000 + step * 7).chain((1 << 20..ARENA_MAX_BYTES).step_by(77_777)) {
        compare::<Defaults>(bytes);
        compare::<Compact>(bytes);
    }
    assert!(Map::roughly::<Defaults, Try, Segregated>(1000).is_none());
}
