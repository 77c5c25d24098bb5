//! Where pages lie, and short blocks without pools: at the end of the arena, out of the way of large blocks that grow at its start. And in
//! which memory of a region.

use larder::policy::Try;
use larder::{Compact, Config, Defaults, Frugal, Heap, Holds, Region};
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;

type Small<C = Defaults> = Heap<{ 64 * 1024 }, C, Try>;

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

fn alloc<C: Config>(heap: &Small<C>, size: usize) -> *mut u8 {
    // SAFETY: no size here is zero.
    let block = unsafe { heap.alloc(bytes(size)) };
    assert!(!block.is_null(), "{size} bytes");
    heap.check().unwrap();
    block
}

fn free<C: Config>(heap: &Small<C>, block: *mut u8, size: usize) {
    // SAFETY: the tests free what they allocated, with its size.
    unsafe { heap.dealloc(block, bytes(size)) };
    heap.check().unwrap();
}

fn pages<C: Config>(heap: &Small<C>) -> usize {
    heap.stats().classes().iter().map(|row| row.pages).sum()
}

/// A large block at the start grows to 30 KiB while small ones are allocated after each step.
fn a_large_block_grows_where_it_is_among_small_ones<C: Config>(heap: &Small<C>) {
    let large = alloc(heap, 2048);
    for kib in 2..30 {
        (0..16).for_each(|_| _ = alloc(heap, 64));
        // SAFETY: the block has this size by now.
        let grown = unsafe { heap.realloc(large, bytes(kib * 1024), (kib + 1) * 1024) };
        assert_eq!(grown, large, "{kib} KiB");
    }
}

#[test]
fn pages_lie_at_the_end() {
    let heap = Box::new(<Small>::new());
    a_large_block_grows_where_it_is_among_small_ones(&heap);
    assert_eq!(pages(&heap), 28 * 16 / 4);
}

#[test]
fn without_pools_short_blocks_lie_at_the_end() {
    a_large_block_grows_where_it_is_among_small_ones(&*Box::new(Small::<Compact>::new()));
}

#[test]
fn a_freed_page_is_the_next_one() {
    let heap = Box::new(<Small>::new());
    let blocks: Vec<_> = (0..40).map(|_| alloc(&heap, 64)).collect();
    let highest = blocks.iter().max().unwrap();
    blocks.iter().for_each(|&block| free(&heap, block, 64));
    heap.trim();
    heap.check().unwrap();
    assert_eq!(pages(&heap), 0);
    assert_eq!(alloc(&heap, 8) as usize / 256, *highest as usize / 256);
}

#[test]
fn pages_are_had_elsewhere_when_a_large_block_lies_below_the_last_ones() {
    let heap = Box::new(<Small>::new());
    alloc(&heap, 64);
    let lower = alloc(&heap, 30 * 1024);
    alloc(&heap, heap.stats().largest_free_bytes);
    free(&heap, lower, 30 * 1024);
    (0..40).for_each(|_| _ = alloc(&heap, 64));
    // Four to a page, with the first.
    assert_eq!(pages(&heap), 41_usize.div_ceil(4));
}

/// How far behind the first byte that is no table a block lies.
fn depth<C: Config>(heap: &Small<C>, block: *mut u8) -> usize {
    let mut first = None;
    heap.walk(|piece| {
        if piece.holds != Holds::Tables {
            first = first.or(Some(piece.start.addr()));
        }
    });
    block.addr() - first.unwrap()
}

#[test]
fn pools_in_a_quarter_leave_the_rest_to_large_blocks() {
    let heap = Box::new(Small::<Frugal>::new());
    let lead = heap.stats().free_bytes / 256 * 3 / 4 * 256;
    // More than the pools may have: what is left over goes to the large tier.
    let mut blocks: Vec<_> = (0..300).map(|_| alloc(&heap, 64)).collect();
    let most = pages(&heap);
    assert!((most * 4) < blocks.len() && (60..=63).contains(&most), "{most} pages");
    let pooled = blocks.iter().filter(|&&block| heap.usable_size(block) == 64 && depth(&heap, block) >= lead);
    assert!(pooled.count() >= most * 4);
    // A block as long as a page and so aligned is no page of theirs.
    let page = Layout::from_size_align(256, 256).unwrap();
    // SAFETY: the size is not zero, and the block is freed with its layout.
    unsafe {
        let block = heap.alloc(page);
        assert!(!block.is_null() && block.addr() % 256 == 0 && depth(&heap, block) < lead);
        heap.check().unwrap();
        heap.dealloc(block, page);
    }
    // And all of the arena is there for one large block, once the small ones are gone.
    blocks.drain(..).for_each(|block| free(&heap, block, 64));
    heap.trim();
    assert_eq!(pages(&heap), 0);
    alloc(&heap, heap.stats().free_bytes);
}

#[test]
fn reserved_pages_lie_where_pools_may_be() {
    struct Reserving;
    impl Config for Reserving {
        const RESERVED: &'static [(usize, usize)] = &[(32, 3)];
        const POOLED_PERCENT: usize = 50;
    }
    let heap = Box::new(Small::<Reserving>::new());
    assert_eq!(pages(&heap), 3);
    let (lead, before) = (heap.stats().free_bytes / 256 / 2 * 256, heap.stats().largest_free_bytes);
    let least = alloc(&heap, 64).min(alloc(&heap, before));
    assert!(depth(&heap, least) < lead);
    for _ in 0..24 {
        let block = alloc(&heap, 32);
        assert!(depth(&heap, block) >= lead, "{} of {lead}", depth(&heap, block));
    }
    assert_eq!(pages(&heap), 4);
}

/// Four empty pages wait for whoever needs them.
struct Waiting;
impl Config for Waiting {
    const KEPT_PAGES: usize = 2;
    const STASH_PAGES: usize = 2;
}

#[test]
fn a_large_request_gets_all_pages_that_wait() {
    let heap = Box::new(Small::<Waiting>::new());
    let blocks = [8, 16, 24, 32].map(|size| (alloc(&heap, size), size));
    alloc(&heap, heap.stats().largest_free_bytes);
    blocks.into_iter().for_each(|(block, size)| free(&heap, block, size));
    assert_eq!(pages(&heap), 2, "the others are in the stash");
    alloc(&heap, 4 * 256);
    assert_eq!(pages(&heap), 0);
}

thread_local! {
    static HOME: Cell<usize> = const { Cell::new(0) };
}

struct Homes;
impl Config for Homes {
    fn home() -> usize {
        HOME.get()
    }
}

#[test]
fn each_context_of_a_region_begins_in_its_home() {
    const BYTES: usize = 16 * 1024;
    let region = Region::<Homes, Try>::new();
    let memories: Vec<_> = (0..2).map(|_| Box::leak(vec![0_u8; BYTES].into_boxed_slice())).collect();
    let starts: Vec<_> = memories.iter().map(|memory| memory.as_ptr() as usize).collect();
    for memory in memories {
        // SAFETY: the memory is nobody else's, for ever.
        unsafe { region.claim(memory.as_mut_ptr(), BYTES) }.unwrap();
    }
    let memory_of = |block: *mut u8| starts.iter().position(|start| (block as usize).wrapping_sub(*start) < BYTES);
    // SAFETY: no size here is zero, and each block is freed with its size.
    unsafe {
        for (home, memory) in [(0, 0), (1, 1), (2, 0), (3, 1), (usize::MAX, 1)] {
            HOME.set(home);
            let blocks = [8, 60, 300, 3000].map(|size| (region.alloc(bytes(size)), size));
            for (block, size) in blocks {
                assert_eq!(memory_of(block), Some(memory), "{size} bytes from home {home}");
                // Another context's to free.
                HOME.set(home.wrapping_add(1));
                region.dealloc(block, bytes(size));
                HOME.set(home);
            }
        }
        HOME.set(1);
        let full = std::iter::from_fn(|| Some(region.alloc(bytes(1000))).filter(|&block| memory_of(block) == Some(1)));
        assert!(full.count() > 10);
        assert_eq!(memory_of(region.alloc(bytes(1000))), Some(0), "when its own is full");
        let moved = region.realloc(region.alloc(bytes(100)), bytes(100), 2000);
        assert_eq!(memory_of(moved), Some(0));
    }
    region.check().unwrap();
    assert_eq!((region.stats().wrong_frees, region.stats().refused), (0, 0));
}

/// A full heap has one hole for an aligned block, and before it in its bin several that are as long, but lie elsewhere.
#[test]
fn an_aligned_block_is_found_behind_holes_that_lie_elsewhere() {
    /// Where it begins decides which of its blocks are aligned.
    #[repr(align(1024))]
    struct Aligned(Small);
    for (align, holes) in [(256, 1), (512, 4), (1024, 8)] {
        let Aligned(heap) = &Aligned(Small::new());
        let aligned = Layout::from_size_align(align, align).unwrap();
        // SAFETY: no size is zero, and each block is freed with its layout.
        unsafe {
            let place = heap.alloc(aligned);
            // Others between them, so that they don't join, and lie elsewhere.
            let blocks = (0..2 * holes).map(|_| (alloc(heap, 72), alloc(heap, align)).1);
            let elsewhere: Vec<_> = blocks.filter(|block| block.addr() % align != 0).collect();
            assert!(elsewhere.len() >= holes);
            for size in [16 * 1024, 1024, 128, 16] {
                while !heap.alloc(bytes(size)).is_null() {}
            }
            assert!(heap.alloc(aligned).is_null());
            free_aligned(heap, place, aligned);
            elsewhere.iter().take(holes).for_each(|&block| free(heap, block, align));
            assert_eq!(heap.alloc(aligned), place, "{align}");
        }
        heap.check().unwrap();
    }
}

/// Ten runs of its bin are looked at before a request is refused: more would keep others out for too long.
#[test]
fn a_hole_is_found_behind_nine_that_are_shorter() {
    for (shorter, found) in [(0, true), (1, true), (9, true), (10, false)] {
        let heap = Small::<Defaults>::new();
        // Others between them, so that they don't join.
        let hole = |size| (alloc(&heap, size), alloc(&heap, 72)).0;
        let (place, holes) = (hole(1000), (0..shorter).map(|_| hole(904)).collect::<Vec<_>>());
        for size in [16 * 1024, 1024, 128, 16] {
            // SAFETY: no size is zero.
            while !unsafe { heap.alloc(bytes(size)) }.is_null() {}
        }
        free(&heap, place, 1000);
        holes.iter().for_each(|&hole| free(&heap, hole, 904));
        // SAFETY: as above.
        let block = unsafe { heap.alloc(bytes(1000)) };
        assert_eq!(block == place, found, "behind {shorter}");
        assert_eq!(block.is_null(), !found, "behind {shorter}");
    }
}

/// # Safety
///
/// The block is live and has the layout.
unsafe fn free_aligned(heap: &Small, block: *mut u8, layout: Layout) {
    // SAFETY: passed on.
    unsafe { heap.dealloc(block, layout) };
    heap.check().unwrap();
}
