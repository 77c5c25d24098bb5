//! Regions that get more memory while blocks are live.

#![cfg(not(loom))]

use core::alloc::{GlobalAlloc, Layout};
use larder::large::{Large, Segregated};
use larder::policy::{Policy, Spin, Try};
use larder::{ClaimError, Compact, Config, Defaults, Event, Frugal, Region};
use std::cell::Cell;

const KIB: usize = 1024;

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

/// Memory that holds what others have left there.
fn memory(len: usize) -> *mut u8 {
    let memory = Vec::leak(vec![0xA5u8; len + 256]);
    memory.as_mut_ptr().wrapping_add(memory.as_ptr().align_offset(256))
}

/// How many memories the region is in.
fn memories<P: Policy, L: Large, C: Config>(region: &Region<C, P, L>) -> usize {
    let mut tables = 0;
    region.walk(|piece| tables += usize::from(piece.holds == larder::Holds::Tables));
    tables
}

struct Reserving;
impl Config for Reserving {
    const RESERVED: &'static [(usize, usize)] = &[(32, 2), (64, 1)];
    const STASH_PAGES: usize = 2;
    const KEPT_PAGES: usize = 3;
}

/// Blocks come and go while the memory becomes longer, piece by piece: none of them loses its contents or its place, the heap
/// verifies, and in the end all is one run.
fn grows_below_live_blocks<P: Policy, C: Config>(first: usize, pieces: &[usize]) {
    let mut random = fastrand::Rng::with_seed(first as u64);
    let (start, len) = (memory(first + pieces.iter().sum::<usize>()), first);
    let region = Region::<C, P>::new();
    // SAFETY: the memory is nobody else's, for ever, and nobody else uses the region.
    unsafe { region.claim(start, len) }.unwrap();
    let mut end = first;
    let mut live: Vec<(*mut u8, usize, u8)> = Vec::new();
    for (round, &piece) in pieces.iter().chain([&0]).enumerate() {
        for _ in 0..if cfg!(miri) { 60 } else { 300 } {
            let size = if random.u8(..) < 200 { random.usize(1..=70) } else { random.usize(71..1500) };
            // SAFETY: the size is not zero.
            let block = unsafe { region.alloc(bytes(size)) };
            if !block.is_null() {
                let fill = random.u8(..);
                // SAFETY: so many bytes are ours.
                unsafe { block.write_bytes(fill, size) };
                live.push((block, size, fill));
            }
            if block.is_null() || random.u8(..) < 80 {
                for _ in 0..2.min(live.len()) {
                    let (block, size, fill) = live.swap_remove(random.usize(..live.len()));
                    // SAFETY: the block is live, so long, and freed once with its layout.
                    unsafe {
                        assert!(core::slice::from_raw_parts(block, size).iter().all(|&byte| byte == fill));
                        region.dealloc(block, bytes(size));
                    }
                }
            }
        }
        region.check().unwrap();
        if piece != 0 {
            let before = region.stats();
            // SAFETY: as above; the pointer is the same object's.
            unsafe { region.extend(start.add(end), piece) }.unwrap();
            end += piece;
            region.check().unwrap();
            let after = region.stats();
            assert_eq!(memories(&region), 1, "piece {round}");
            assert_eq!((after.live_bytes, after.arena_bytes), (before.live_bytes, end / 8 * 8), "piece {round}");
            assert_eq!((after.refills, after.refused), (before.refills, before.refused));
            assert!(after.free_bytes > before.free_bytes);
        }
    }
    for (block, size, fill) in live {
        // SAFETY: as above.
        unsafe {
            assert!(core::slice::from_raw_parts(block, size).iter().all(|&byte| byte == fill));
            region.dealloc(block, bytes(size));
        }
    }
    region.trim();
    region.check().unwrap();
    let stats = region.stats();
    let reserved = C::RESERVED.iter().map(|&(_, pages)| pages).sum::<usize>();
    assert_eq!((stats.live_bytes, stats.wrong_frees), (0, 0), "{stats}");
    assert_eq!(stats.free_runs, 1 + usize::from(reserved > 3), "{stats}");
}

#[test]
fn a_memory_grows_below_live_blocks() {
    let small = [512, 1000, 256, 4096, 999, 5000];
    grows_below_live_blocks::<Try, Defaults>(2 * KIB, &small);
    grows_below_live_blocks::<Spin, Reserving>(3 * KIB, &small);
    grows_below_live_blocks::<Try, Compact>(KIB, &small);
    // From an index of one level to two, and on.
    grows_below_live_blocks::<Try, Defaults>(60 * KIB, &[8 * KIB, 300, 100 * KIB]);
}

/// Over the number of pages that pools can have.
#[cfg(not(miri))]
#[test]
fn a_memory_grows_over_16_mib() {
    grows_below_live_blocks::<Try, Defaults>(16 << 20, &[512 * KIB, 1 << 20, 300, 10 << 20]);
}

/// What did not fit before does behind it, in place too; a first call that is the extension's is as good as another.
#[test]
fn what_joins_is_one_run_with_what_was_free() {
    let region = Region::<Defaults, Try>::new();
    let start = memory(16 * KIB);
    // SAFETY: the memory is nobody else's, for ever; sizes are not zero, and each block is freed once with its layout.
    unsafe {
        region.claim(start, 5 * KIB).unwrap();
        region.extend(start.add(5 * KIB), 3 * KIB).unwrap();
        let block = region.alloc(bytes(6 * KIB));
        assert!(!block.is_null());
        block.write_bytes(0x5A, 6 * KIB);
        assert!(region.alloc(bytes(4 * KIB)).is_null());
        region.extend(start.add(8 * KIB), 8 * KIB).unwrap();
        assert_eq!(region.realloc(block, bytes(6 * KIB), 14 * KIB), block);
        assert!(core::slice::from_raw_parts(block, 6 * KIB).iter().all(|&byte| byte == 0x5A));
        region.dealloc(block, bytes(14 * KIB));
    }
    region.check().unwrap();
    assert_eq!((memories(&region), region.stats().free_runs), (1, 1));
}

/// Memory before the start, or apart, is a memory of its own; so is what a tier or pools at the end can't take. A claim of
/// a length that is no multiple of 8 is extended where it ended.
#[test]
fn what_can_not_join_is_a_memory_of_its_own() {
    fn counts<L: Large, C: Config>(pieces: &[(usize, usize)]) -> usize {
        let region = Region::<C, Try, L>::new();
        let start = memory(64 * KIB);
        for &(offset, len) in pieces {
            // SAFETY: the memory is nobody else's, for ever, and nobody else uses the region.
            unsafe { region.extend(start.add(offset), len) }.unwrap();
            region.check().unwrap();
        }
        memories(&region)
    }
    let behind = [(16 * KIB, 8 * KIB), (24 * KIB, 8 * KIB)];
    assert_eq!(counts::<Segregated, Defaults>(&behind), 1);
    assert_eq!(counts::<Segregated, Defaults>(&[(16 * KIB, 8 * KIB), (8 * KIB, 8 * KIB)]), 2);
    assert_eq!(counts::<Segregated, Defaults>(&[(0, 8 * KIB), (24 * KIB, 8 * KIB), (8 * KIB, 16 * KIB)]), 2);
    assert_eq!(counts::<Segregated, Defaults>(&[(0, 4099), (4099, 4001), (8100, 4 * KIB)]), 1);
    assert_eq!(counts::<Segregated, Frugal>(&behind), 2);
    #[cfg(feature = "linked-list")]
    assert_eq!(counts::<larder::large::LinkedList, Defaults>(&behind), 2);
}

#[test]
fn what_fails_touches_nothing() {
    let region = Region::<Defaults, Try>::new();
    let start = memory(64 * KIB);
    // SAFETY: the memory is nobody else's, for ever; what fails touches nothing.
    unsafe {
        region.claim(start, 16 * KIB).unwrap();
        let stats = region.stats();
        for (offset, len, error) in [
            (0, 16 * KIB, ClaimError::Twice),
            (8 * KIB, 16 * KIB, ClaimError::Overlaps),
            (16 * KIB - 8, 8 * KIB, ClaimError::Overlaps),
            (16 * KIB, 0, ClaimError::TooSmall),
            (16 * KIB, 8, ClaimError::TooSmall),
            (16 * KIB, usize::MAX - 100, ClaimError::Overlaps),
        ] {
            assert_eq!(region.extend(start.wrapping_add(offset), len), Err(error), "{len} bytes at {offset}");
        }
        assert_eq!(region.stats(), stats);
        assert!((16 * KIB..64 * KIB).all(|at| start.add(at).read() == 0xA5));
    }
}

/// The word for the hook's runs moves with the first memory's tables: other memories find it there.
#[test]
fn the_hook_for_events_still_runs_once_at_a_time() {
    thread_local! {
        static REGION: Cell<Option<&'static Region<Told, Try>>> = const { Cell::new(None) };
        static RUNS: Cell<u32> = const { Cell::new(0) };
    }
    struct Told;
    impl Config for Told {
        const ON_EVENT: Option<fn(Event)> = Some(|_| {
            RUNS.set(RUNS.get() + 1);
            if let Some(region) = REGION.get() {
                // SAFETY: the size is not zero.
                assert!(unsafe { region.alloc(bytes(100 * KIB)) }.is_null());
            }
        });
    }
    let region: &Region<Told, Try> = Box::leak(Box::new(Region::new()));
    let start = memory(64 * KIB);
    // SAFETY: the memory is nobody else's, for ever, and nobody else uses the region. The frees are wrong on purpose, and found.
    unsafe {
        region.claim(start, 8 * KIB).unwrap();
        region.claim(start.add(32 * KIB), 8 * KIB).unwrap();
        region.extend(start.add(8 * KIB), 8 * KIB).unwrap();
        // Over all that the old tables were.
        let block = region.alloc(bytes(14 * KIB));
        block.write_bytes(0xFF, 14 * KIB);
        assert!(block < start.add(4 * KIB));
        REGION.set(Some(region));
        RUNS.set(0);
        region.dealloc(block.add(8), bytes(16));
        region.dealloc(start.add(32 * KIB + 8), bytes(16));
    }
    let stats = region.stats();
    assert_eq!((RUNS.get(), stats.wrong_frees, stats.refused, stats.events_untold), (2, 2, 2, 2));
    assert_eq!(memories(region), 2);
}
