//! The bugs that others shipped are our tests: each of these has been found in some allocator's history.
//!
//! Not here: growth that stayed too small until memory ran out (a heap does not grow), and a non-zero
//! initial value that put the heap into flash (`qemu` reads the sections of the firmware; the empty heap's
//! bytes are below).

use larder::large::{Large, Segregated};
use larder::policy::{Policy, Try};
use larder::{ClaimError, Config, Defaults, Heap, Region, Stats};
use std::alloc::{GlobalAlloc, Layout};

const KIB: usize = 1024;

/// A heap of its own, in memory that is zeroed as `.bss` is: large ones don't fit on a stack.
fn heap<const BYTES: usize, L: Large, C: Config>() -> Box<Heap<BYTES, C, Try, L>> {
    let layout = Layout::new::<Heap<BYTES, C, Try, L>>();
    // SAFETY: the size is not zero. An empty heap is all zero bytes, which `an_empty_heap_is_all_zero_bytes`
    // verifies.
    unsafe { Box::from_raw(std::alloc::alloc_zeroed(layout).cast()) }
}

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

/// Memory of the test's own, of which a test claims parts.
struct Ram(*mut u8, Layout);

impl Ram {
    fn new(bytes: usize) -> Self {
        let layout = layout(bytes, KIB);
        // SAFETY: the size is not zero, and the memory that long.
        let ptr = unsafe { std::alloc::alloc(layout) };
        // SAFETY: as above. No value that a table could have.
        unsafe { ptr.write_bytes(0xA5, bytes) };
        Self(ptr, layout)
    }

    fn at(&self, offset: usize) -> *mut u8 {
        self.0.wrapping_add(offset)
    }

    /// Whether bytes are as they were at first.
    fn is_untouched(&self, bytes: core::ops::Range<usize>) -> bool {
        // SAFETY: inside the memory, and nobody writes it meanwhile.
        bytes.into_iter().all(|offset| unsafe { self.at(offset).read() } == 0xA5)
    }
}

impl Drop for Ram {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout.
        unsafe { std::alloc::dealloc(self.0, self.1) };
    }
}

/// Everything comes back: padding in front of an aligned block, and what is left behind it.
fn padding_is_not_leaked<L: Large>() {
    let heap = heap::<{ 256 * KIB }, L, Defaults>();
    // SAFETY: the blocks are freed with their layouts, below too.
    unsafe { heap.dealloc(heap.alloc(layout(500, 8)), layout(500, 8)) };
    let before = heap.stats();
    for shift in 0..=16 {
        for round in 0..1000 {
            let (small, aligned) = (layout(1 + round % 300, 8), layout(1 + round * 7 % 5000, 1 << shift));
            // SAFETY: as above; the second block is so long.
            unsafe {
                // The first makes the second start where it needs padding.
                let (a, b) = (heap.alloc(small), heap.alloc(aligned));
                assert!(!a.is_null() && !b.is_null(), "{aligned:?} was refused in round {round}\n{}", heap.stats());
                assert_eq!(b.addr() % aligned.align(), 0);
                b.write_bytes(0xFF, aligned.size());
                if round % 2 == 0 {
                    heap.dealloc(a, small);
                    heap.dealloc(b, aligned);
                } else {
                    heap.dealloc(b, aligned);
                    heap.dealloc(a, small);
                }
            }
        }
        let after = heap.stats();
        assert_eq!((after.live_bytes, after.free_bytes), (0, before.free_bytes), "alignment {}", 1 << shift);
        heap.check().unwrap();
    }
    heap.trim();
    assert_eq!(heap.stats().free_bytes, before.free_bytes);
}

#[test]
fn padding_of_aligned_blocks_is_not_leaked() {
    padding_is_not_leaked::<Segregated>();
    #[cfg(feature = "linked-list")]
    padding_is_not_leaked::<larder::large::LinkedList>();
}

/// Sizes whose rounding, or whose sum with an alignment or an address, overflows.
fn sizes_near_the_end<L: Large>() {
    let heap = heap::<{ 16 * KIB }, L, Defaults>();
    let mut refused = 0;
    let kept = layout(100, 8);
    // SAFETY: blocks are freed with their layouts; null is not used.
    unsafe {
        let block = heap.alloc(kept);
        block.write_bytes(7, 100);
        for shift in 0..=62 {
            let align = 1usize << shift;
            for below in [0, 1, 7, 8, 15, 255, 4096, 65_536] {
                let largest = isize::MAX as usize - (align - 1);
                for size in [largest - below.min(largest - 1), (largest / 2).max(64 * KIB), 16 * KIB + 1] {
                    let Ok(wanted) = Layout::from_size_align(size, align) else { continue };
                    assert!(heap.alloc(wanted).is_null(), "{wanted:?}");
                    assert!(heap.alloc_zeroed(wanted).is_null(), "{wanted:?}");
                    refused += 2;
                    if align <= 8 {
                        assert!(heap.realloc(block, kept, size).is_null(), "{size}");
                        refused += 1;
                    }
                }
            }
        }
        assert!((0..100).all(|at| block.add(at).read() == 7));
        heap.dealloc(block, kept);
    }
    let stats = heap.stats();
    assert_eq!((stats.refused, stats.wrong_frees, stats.live_bytes), (refused, 0, 0));
    heap.check().unwrap();
}

#[test]
fn sizes_near_isize_max_are_refused_without_overflow() {
    sizes_near_the_end::<Segregated>();
    #[cfg(feature = "linked-list")]
    sizes_near_the_end::<larder::large::LinkedList>();
}

/// Small blocks with large alignments, and large ones with alignments that no arena has.
#[test]
fn alignments_beyond_the_arena_are_refused() {
    let heap = heap::<{ 4 * KIB }, Segregated, Defaults>();
    for shift in 17..=62 {
        for size in [1, 8, 64, 65, 2000] {
            let Ok(wanted) = Layout::from_size_align(size, 1 << shift) else { continue };
            // SAFETY: the size is not zero.
            assert!(unsafe { heap.alloc(wanted) }.is_null(), "{wanted:?}");
        }
    }
    heap.check().unwrap();
}

/// Two regions side by side: a free of the one's block never reaches the other, not even a wrong one.
#[test]
fn a_free_does_not_hit_the_neighbouring_region() {
    let ram = Ram::new(16 * KIB);
    let regions: [Region<Defaults, Try>; 2] = [Region::new(), Region::new()];
    for (at, region) in regions.iter().enumerate() {
        // SAFETY: the halves are disjoint, nobody else's, and outlive the regions.
        unsafe { region.claim(ram.at(at * 8 * KIB), 8 * KIB) }.unwrap();
    }
    let mut blocks = [Vec::new(), Vec::new()];
    for (region, blocks) in regions.iter().zip(&mut blocks) {
        for size in (1..).step_by(7).map(|size| layout(size, 8)) {
            // SAFETY: the size is not zero.
            let block = unsafe { region.alloc(size) };
            if block.is_null() {
                break;
            }
            assert!(region.contains(block));
            blocks.push((block, size));
        }
    }
    let before: Vec<Stats> = regions.iter().map(Region::stats).collect();
    for (mine, other) in [(0, 1), (1, 0)] {
        for &(block, size) in &blocks[other] {
            assert!(!regions[mine].contains(block));
            assert_eq!(regions[mine].usable_size(block), 0);
            // SAFETY: wrong on purpose: a foreign pointer is refused.
            unsafe { regions[mine].dealloc(block, size) };
            // SAFETY: as above.
            assert!(unsafe { regions[mine].realloc(block, size, 10) }.is_null());
        }
    }
    for (at, region) in regions.iter().enumerate() {
        region.check().unwrap();
        let stats = region.stats();
        assert_eq!(stats.wrong_frees as usize, 2 * blocks[1 - at].len());
        assert_eq!((stats.live_bytes, stats.free_bytes), (before[at].live_bytes, before[at].free_bytes));
        for &(block, size) in &blocks[at] {
            // SAFETY: the block is live, and this is its layout.
            unsafe { region.dealloc(block, size) };
        }
        region.trim();
        region.check().unwrap();
        let stats = region.stats();
        assert_eq!((stats.live_bytes, stats.free_runs), (0, 1));
    }
}

/// A free at the first and at the last byte of the arena, and just outside of it.
#[test]
fn frees_around_the_edges_are_refused() {
    let ram = Ram::new(8 * KIB);
    let region: Region<Defaults, Try> = Region::new();
    // SAFETY: nobody else's; a quarter on each side stays the test's.
    unsafe { region.claim(ram.at(2 * KIB), 4 * KIB) }.unwrap();
    let mut wrong = 0;
    for offset in 0..8 * KIB {
        for size in [1, 64, 256, 4 * KIB] {
            // SAFETY: wrong on purpose: nothing is live.
            unsafe { region.dealloc(ram.at(offset), layout(size, 1)) };
            wrong += 1;
        }
    }
    // SAFETY: as above.
    unsafe { region.dealloc(core::ptr::null_mut(), layout(8, 8)) };
    assert_eq!(region.stats().wrong_frees, wrong + 1);
    region.check().unwrap();
    assert!(ram.is_untouched(0..2 * KIB) && ram.is_untouched(6 * KIB..8 * KIB));
}

fn print(stats: &Stats) -> String {
    let _ = (stats.fragmentation_percent(), stats.classes().len());
    format!("{stats}{stats:?}")
}

/// Counting and printing a heap that was never used, one that is full, and one without memory.
fn statistics<const BYTES: usize, L: Large, C: Config>() {
    let heap = heap::<BYTES, L, C>();
    let fresh = heap.stats();
    assert!(print(&fresh).contains("free") && fresh.consistent);
    assert_eq!((fresh.live_bytes, fresh.refused, fresh.wrong_frees), (0, 0, 0));
    let mut blocks = Vec::new();
    for size in [BYTES / 2, 300, 128, 64, 17, 8, 1] {
        loop {
            // SAFETY: the size is not zero.
            let block = unsafe { heap.alloc(layout(size, 1)) };
            if block.is_null() {
                break;
            }
            blocks.push((block, layout(size, 1)));
            print(&heap.stats());
        }
    }
    let full = heap.stats();
    assert!(full.consistent && full.live_bytes > 0 && full.refused == 7, "{full}");
    heap.check().unwrap();
    for (at, &(block, layout)) in blocks.iter().enumerate().rev() {
        // SAFETY: the block is live, and this is its layout.
        unsafe { heap.dealloc(block, layout) };
        if at % 16 == 0 {
            print(&heap.stats());
        }
    }
    heap.trim();
    let empty = heap.stats();
    assert_eq!((empty.live_bytes, empty.free_bytes), (0, fresh.free_bytes), "{empty}");
    print(&empty);
}

#[test]
fn statistics_never_panic() {
    statistics::<KIB, Segregated, Defaults>();
    statistics::<{ 5 * KIB + 3 }, Segregated, Defaults>();
    statistics::<{ 64 * KIB }, Segregated, Defaults>();
    #[cfg(feature = "linked-list")]
    statistics::<{ 8 * KIB }, larder::large::LinkedList, Defaults>();
    #[cfg(feature = "linked-list")]
    statistics::<KIB, larder::large::LinkedList, Defaults>();
    let unclaimed: Region<Defaults, Try> = Region::new();
    let stats = unclaimed.stats();
    print(&stats);
    assert_eq!((stats.arena_bytes, stats.fragmentation_percent()), (0, None));
    unclaimed.trim();
    unclaimed.check().unwrap();
    // SAFETY: the size is not zero; the free and the resize are wrong on purpose, and do nothing.
    unsafe {
        assert!(unclaimed.alloc(layout(8, 8)).is_null());
        unclaimed.dealloc(0x1000 as *mut u8, layout(8, 8));
        assert!(unclaimed.realloc(0x1000 as *mut u8, layout(8, 8), 16).is_null());
    }
}

/// Claims that fail say why, and write nothing.
#[test]
fn claims_that_fail_touch_nothing() {
    let ram = Ram::new(32 * KIB);
    let region: Region<Defaults, Try> = Region::new();
    let claim = |offset: usize, len: usize| {
        // SAFETY: the memory is the test's and outlives the region; claims that fail touch nothing.
        unsafe { region.claim(ram.at(offset), len) }
    };
    assert_eq!(claim(0, 0), Err(ClaimError::TooSmall));
    assert_eq!(claim(0, 1023), Err(ClaimError::TooSmall));
    assert_eq!(claim(1, KIB), Err(ClaimError::TooSmall), "the start is aligned first");
    // Nearly to the end of what an address can be.
    assert_eq!(claim(0, usize::MAX / 4), Err(ClaimError::TooLarge));
    assert_eq!(claim(0, usize::MAX), Err(ClaimError::Overlaps));
    assert!(ram.is_untouched(0..32 * KIB));
    assert_eq!(region.stats().arena_bytes, 0);

    assert_eq!(claim(8 * KIB, 8 * KIB), Ok(()));
    let stats = region.stats();
    assert_eq!(claim(8 * KIB, 8 * KIB), Err(ClaimError::Twice));
    assert_eq!(claim(8 * KIB, 2 * KIB), Err(ClaimError::Twice));
    assert_eq!(claim(4 * KIB, 5 * KIB), Err(ClaimError::Overlaps));
    assert_eq!(claim(15 * KIB, 4 * KIB), Err(ClaimError::Overlaps));
    assert_eq!(claim(10 * KIB, 2 * KIB), Err(ClaimError::Overlaps));
    assert_eq!(claim(4 * KIB, 16 * KIB), Err(ClaimError::Overlaps));
    assert_eq!(region.stats(), stats);
    assert!(ram.is_untouched(0..8 * KIB) && ram.is_untouched(16 * KIB..32 * KIB));

    for more in 1..4 {
        assert_eq!(claim((15 + more) * KIB, KIB), Ok(()), "side by side");
    }
    assert!(ram.is_untouched(0..8 * KIB) && ram.is_untouched(19 * KIB..32 * KIB));
    region.check().unwrap();
    for error in [ClaimError::TooSmall, ClaimError::TooLarge, ClaimError::Twice, ClaimError::Overlaps] {
        assert!(!error.to_string().is_empty());
    }
}

/// Memory that starts and ends anywhere: nothing outside of it is written.
#[test]
fn unaligned_memory_can_be_claimed() {
    for skew in [1, 2, 4, 7, 8, 100, 255, 256, 257] {
        for len in [2 * KIB, 2 * KIB + 1, 3 * KIB - 5, 5000] {
            let ram = Ram::new(8 * KIB);
            let region: Region<Defaults, Try> = Region::new();
            // SAFETY: the memory is the test's, and outlives the region.
            unsafe { region.claim(ram.at(KIB + skew), len) }.unwrap();
            let mut blocks = Vec::new();
            for size in [700, 64, 8] {
                loop {
                    // SAFETY: the size is not zero, and the block so long.
                    let block = unsafe { region.alloc(layout(size, 8)) };
                    if block.is_null() {
                        break;
                    }
                    // SAFETY: as above.
                    unsafe { block.write_bytes(0x5A, size) };
                    blocks.push((block, layout(size, 8)));
                }
            }
            assert!(!blocks.is_empty());
            region.check().unwrap();
            for (block, layout) in blocks {
                // SAFETY: the block is live, and this is its layout.
                unsafe { region.dealloc(block, layout) };
            }
            region.check().unwrap();
            assert!(ram.is_untouched(0..KIB + skew) && ram.is_untouched(KIB + skew + len..8 * KIB), "{skew} {len}");
        }
    }
}

/// The empty heap is all zero bytes, whatever its types, so that it lies in `.bss`.
#[test]
fn an_empty_heap_is_all_zero_bytes() {
    fn is_zero<const BYTES: usize, P: Policy, L: Large, C: Config>() {
        let heap: Heap<BYTES, C, P, L> = Heap::new();
        assert_eq!((size_of_val(&heap), align_of_val(&heap)), (BYTES.next_multiple_of(256), 256));
        // SAFETY: the arena's bytes are initialised; padding behind them is not read.
        let bytes = unsafe { core::slice::from_raw_parts(core::ptr::from_ref(&heap).cast::<u8>(), BYTES) };
        assert!(bytes.iter().all(|&byte| byte == 0));
    }
    struct Reserving;
    impl Config for Reserving {
        const RESERVED: &'static [(usize, usize)] = &[(16, 2), (64, 1)];
    }
    is_zero::<KIB, Try, Segregated, Defaults>();
    is_zero::<{ 64 * KIB }, larder::policy::Default, Segregated, Reserving>();
    is_zero::<5000, larder::policy::Default, Segregated, Defaults>();
    #[cfg(feature = "linked-list")]
    is_zero::<{ 16 * KIB }, Try, larder::large::LinkedList, Defaults>();
}

/// The figure for the largest request once named a run that no request could have: two shorter ones of its
/// bin stood before it, and only two were looked at.
#[test]
fn the_largest_request_succeeds() {
    let heap: Region<Defaults, Try> = Region::new();
    let memory = Vec::leak(vec![0u8; 16 * 1024]);
    // SAFETY: the memory is nobody else's, for ever.
    unsafe { heap.claim(memory.as_mut_ptr(), memory.len()) }.unwrap();
    let layout = |bytes| Layout::from_size_align(bytes, 8).unwrap();
    // SAFETY: sizes are not zero, and blocks are freed once, with their layouts.
    unsafe {
        let runs: Vec<_> = [1016, 904, 904, 904]
            .map(|bytes| (heap.alloc(layout(bytes)), heap.alloc(layout(80)), bytes))
            .into_iter()
            .collect();
        let rest = heap.stats().largest_free_bytes;
        assert!(!heap.alloc(layout(rest)).is_null());
        for (run, _between, bytes) in runs {
            heap.dealloc(run, layout(bytes));
        }
        assert_eq!(heap.stats().largest_free_bytes, 1016);
        assert!(!heap.alloc(layout(1016)).is_null());
    }
}
