//! Regions of many memories, and of memories over 16 MiB: PSRAM.

#![cfg(not(any(loom, miri)))]

use core::alloc::{GlobalAlloc, Layout};
use larder::large::Segregated;
use larder::policy::Try;
use larder::{Compact, Config, Defaults, Frugal, Holds, Region};

const MIB: usize = 1 << 20;

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

fn memory(len: usize) -> *mut u8 {
    // SAFETY: the size is not zero. It is never freed.
    unsafe { std::alloc::alloc(Layout::from_size_align(len, 4096).unwrap()) }
}

/// A region of one memory.
fn region<C: Config>(len: usize) -> Region<C, Try, Segregated> {
    let region = Region::new();
    // SAFETY: the memory is nobody else's, for ever.
    unsafe { region.claim(memory(len), len) }.unwrap();
    region
}

/// It serves nearly all of itself in one piece; as blocks of any length; and is one run again when they are freed.
fn serves_all_of_a_long_memory<C: Config>(len: usize) {
    let region = region::<C>(len);
    let before = region.stats();
    let most = before.largest_free_bytes;
    assert!(most > len / 100 * 94, "{before}");
    // SAFETY: no size is zero, and each block is freed once with its layout.
    unsafe {
        let all = region.alloc(bytes(most));
        all.write_bytes(0x5A, most);
        region.check().unwrap();
        assert!(region.alloc(bytes(1000)).is_null());
        region.dealloc(all, bytes(most));
        region.trim();
        for size in [40, 256, 1000, 100_000, 20 * MIB] {
            let layout = Layout::from_size_align(size, if size == 256 { 256 } else { 8 }).unwrap();
            let blocks: Vec<*mut u8> =
                std::iter::repeat_with(|| region.alloc(layout)).take_while(|block| !block.is_null()).collect();
            let served = blocks.len() * size;
            // A page's length at a page's alignment is at every other page, where the pools do not have all of the memory.
            let least = if size == 256 && !C::CLASSES.is_empty() { 46 } else { 88 };
            assert!(size > 100_000 || served > len / 100 * least, "{served} of {len} in blocks of {size}");
            assert!(!blocks.is_empty());
            for (at, &block) in blocks.iter().enumerate() {
                block.cast::<usize>().write(at);
                block.add(size - 8).cast::<usize>().write(at);
            }
            region.check().unwrap();
            for (at, &block) in blocks.iter().enumerate() {
                assert_eq!((block.cast::<usize>().read(), block.add(size - 8).cast::<usize>().read()), (at, at));
                assert!(region.usable_size(block) >= size);
            }
            // Every other one first.
            let order = blocks.iter().step_by(2).chain(blocks.iter().skip(1).step_by(2));
            order.for_each(|&block| region.dealloc(block, layout));
            region.trim();
            region.check().unwrap();
            let stats = region.stats();
            assert_eq!((stats.live_bytes, stats.free_runs, stats.wrong_frees), (0, 1, 0), "{size}: {stats}");
            assert_eq!(stats.free_bytes, before.free_bytes);
        }
    }
}

#[test]
fn a_memory_of_32_mib() {
    serves_all_of_a_long_memory::<Defaults>(32 * MIB);
}

#[test]
fn a_memory_of_40_mib_with_pools_in_a_part() {
    serves_all_of_a_long_memory::<Frugal>(40 * MIB + 1000);
}

#[test]
fn a_memory_of_24_mib_without_pools() {
    serves_all_of_a_long_memory::<Compact>(24 * MIB);
}

/// Pages of the pools are where the tables have entries for them: in the first 16 MiB.
#[test]
fn pages_of_pools_lie_in_the_first_16_mib() {
    let region = region::<Defaults>(32 * MIB);
    // SAFETY: the sizes are not zero.
    unsafe { while !region.alloc(bytes(64)).is_null() {} }
    let (mut start, mut pages) = (None, 0);
    region.walk(|piece| {
        let start = *start.get_or_insert(piece.start.addr());
        if let Holds::Page { .. } = piece.holds {
            pages += 1;
            assert!(piece.start.addr() + 256 <= start + 16 * MIB);
        }
    });
    assert_eq!(pages, 65_535);
}

#[cfg(feature = "linked-list")]
#[test]
fn a_tier_that_puts_pages_anywhere_has_16_mib() {
    let region: Region<Defaults, Try, larder::large::LinkedList> = Region::new();
    let start = memory(32 * MIB);
    // SAFETY: the memory is nobody else's, for ever; a claim that fails touches nothing.
    unsafe {
        assert_eq!(region.claim(start, 32 * MIB), Err(larder::ClaimError::TooLarge));
        region.claim(start, 16 * MIB).unwrap();
        region.claim(start.add(16 * MIB), 16 * MIB).unwrap();
    }
}

/// There can be any number of memories, and each is used.
#[test]
fn a_region_of_twelve_memories() {
    let region: Region<Defaults, Try, Segregated> = Region::new();
    let parts = memory(12 * 4096);
    for part in 0..12 {
        // SAFETY: the memory is nobody else's, for ever.
        unsafe { region.claim(parts.add(part * 4096), 4096) }.unwrap();
    }
    // SAFETY: no size is zero, and each block is freed once with its layout.
    unsafe {
        let blocks: Vec<*mut u8> =
            std::iter::repeat_with(|| region.alloc(bytes(3000))).take_while(|block| !block.is_null()).collect();
        assert_eq!(blocks.len(), 12);
        assert!(blocks.iter().all(|&block| region.contains(block) && region.usable_size(block) >= 3000));
        blocks.into_iter().for_each(|block| region.dealloc(block, bytes(3000)));
    }
    assert_eq!((region.stats().live_bytes, region.stats().free_runs), (0, 12));
    region.check().unwrap();
}
