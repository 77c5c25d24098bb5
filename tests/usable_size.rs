//! What blocks occupy, asked without their layouts; and frees that know no more than that: C's.

#![cfg(not(loom))]

use core::alloc::{GlobalAlloc, Layout};
use core::ffi::c_void;
use larder::policy::{Policy, Spin, Try};
use larder::{Compact, Defaults, Frugal, Heap, Inspect, Region, Small};
use std::cell::Cell;

#[path = "../examples/c_malloc.rs"]
mod c_malloc;

const BYTES: usize = 64 * 1024;

thread_local! {
    /// The large tier is held.
    static HELD: Cell<bool> = const { Cell::new(false) };
}

struct Holdable;

// SAFETY: `Try` keeps its callers apart; others are only kept out.
unsafe impl Policy for Holdable {
    type Lock = <Try as Policy>::Lock;

    fn enter<R>(lock: &Self::Lock, f: impl FnOnce() -> R) -> Option<R> {
        if HELD.get() { None } else { Try::enter(lock, f) }
    }
}

/// Blocks of all sizes and alignments, moved, grown, shrunk, some of it while the large tier is held: each is freed, or
/// resized, with a layout of what it is said to occupy, and never found wrong. Nothing is lost.
fn frees_by_what_is_occupied(heap: &impl Inspect, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut live: Vec<(*mut u8, usize)> = Vec::new();
    for step in 0..20_000 {
        HELD.set(random.u8(..) < 40);
        let size = if random.bool() { random.usize(1..=80) } else { random.usize(1..=3000) };
        if random.u8(..) < 120 && live.len() < 60 {
            let layout = Layout::from_size_align(size, 1 << random.u32(..10)).unwrap();
            // SAFETY: the size is not zero.
            let block = unsafe { heap.alloc(layout) };
            if !block.is_null() {
                assert!(heap.usable_size(block) >= size, "step {step}: {layout:?}");
                // SAFETY: so many bytes are ours: the layout's.
                unsafe { block.write_bytes(step as u8, size) };
                live.push((block, size));
            }
            continue;
        }
        if live.is_empty() {
            continue;
        }
        let at = random.usize(..live.len());
        let (block, size) = live[at];
        let layout = Layout::from_size_align(heap.usable_size(block), 8).unwrap();
        // SAFETY: so many bytes are ours.
        let bytes = unsafe { core::slice::from_raw_parts(block, size) };
        assert!(bytes.iter().all(|&byte| byte == bytes[0]), "step {step}: somebody else wrote into the block");
        let filled = bytes[0];
        if random.bool() {
            // SAFETY: the block is live, and freed once; the heap takes this layout for it.
            unsafe { heap.dealloc(block, layout) };
            live.swap_remove(at);
        } else {
            let new_size = random.usize(1..=2 * size + 8);
            // SAFETY: as above.
            let new = unsafe { heap.realloc(block, layout, new_size) };
            if !new.is_null() {
                assert!(heap.usable_size(new) >= new_size, "step {step}: {layout:?} to {new_size}");
                // SAFETY: so many bytes are ours, and so many were moved.
                unsafe {
                    let kept = core::slice::from_raw_parts(new, size.min(new_size));
                    assert!(kept.iter().all(|&byte| byte == filled), "step {step}: contents were lost");
                    new.write_bytes(step as u8, new_size);
                }
                live[at] = (new, new_size);
            }
        }
        assert_eq!(heap.stats().wrong_frees, 0, "step {step}: {layout:?}");
    }
    HELD.set(false);
    for (block, _) in live {
        let layout = Layout::from_size_align(heap.usable_size(block), 8).unwrap();
        // SAFETY: as above.
        unsafe { heap.dealloc(block, layout) };
        assert_eq!(heap.usable_size(block), 0);
    }
    heap.trim();
    heap.check().unwrap();
    let stats = heap.stats();
    assert_eq!((stats.live_bytes, stats.wrong_frees, stats.deferred_bytes), (0, 0, 0), "{stats}");
    assert!(stats.free_runs == 1, "{stats}");
}

#[test]
fn a_free_needs_no_layout() {
    frees_by_what_is_occupied(&*Box::new(Heap::<BYTES, Defaults, Holdable>::new()), 1);
    frees_by_what_is_occupied(&*Box::new(Heap::<BYTES, Compact, Holdable>::new()), 2);
    frees_by_what_is_occupied(&*Box::new(Heap::<BYTES, Frugal, Spin>::new()), 3);
    frees_by_what_is_occupied(&*Box::new(Small::<BYTES>::new()), 4);
    let region = Region::<Defaults, Holdable>::new();
    let mut memory = vec![0u64; BYTES / 8];
    // SAFETY: the memory outlives the region, and is nobody else's.
    unsafe { region.claim(memory.as_mut_ptr().cast(), BYTES) }.unwrap();
    frees_by_what_is_occupied(&region, 5);
}

/// Two bits, for a block's start and its end, say how long it is.
#[cfg(feature = "linked-list")]
#[test]
fn a_free_needs_no_layout_with_a_linked_list() {
    use larder::large::LinkedList;
    frees_by_what_is_occupied(&*Box::new(Heap::<BYTES, Defaults, Holdable, LinkedList>::new()), 6);
    frees_by_what_is_occupied(&*Box::new(Heap::<BYTES, Compact, Spin, LinkedList>::new()), 7);
}

/// Every address of an arena: 0 but for the starts of live blocks, as a walk shows them.
#[test]
fn what_is_no_live_block_occupies_nothing() {
    let heap = Box::new(Heap::<BYTES, Defaults, Try>::new());
    let sizes = [8, 24, 64, 100, 16, 17, 256, 1000, 64, 3000, 40];
    let blocks: Vec<_> = sizes
        .iter()
        .map(|&size| (size, Layout::from_size_align(size, 8).unwrap()))
        // SAFETY: no size is zero.
        .map(|(size, layout)| (size, layout, unsafe { heap.alloc(layout) }))
        .collect();
    for &(_, layout, block) in blocks.iter().step_by(2) {
        // SAFETY: the block is live, and this is its layout.
        unsafe { heap.dealloc(block, layout) };
    }
    let live: Vec<_> = blocks.iter().skip(1).step_by(2).collect();
    let start = core::ptr::from_ref(&*heap).cast::<u8>();
    for offset in 0..BYTES + 16 {
        let address = start.wrapping_add(offset);
        let usable = heap.usable_size(address);
        match live.iter().find(|(.., block)| block.addr() == address.addr()) {
            Some((size, ..)) => assert!((*size..size + 16).contains(&usable), "{usable} of {size}"),
            None => assert_eq!(usable, 0, "at {offset}"),
        }
    }
}

/// C functions over one heap, from several threads.
#[test]
fn threads_use_it_as_c_does() {
    use c_malloc::*;
    let work = |seed| {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut live: Vec<(*mut u8, usize)> = Vec::new();
        for step in 0..20_000 {
            let size = random.usize(0..600);
            let block = match step % 4 {
                0 => larder_malloc(size),
                1 => larder_calloc(size.div_ceil(8), 8),
                2 => larder_aligned_alloc(1 << random.u32(..9), size),
                _ => match live.pop() {
                    // SAFETY: the block is live and this thread's.
                    Some((block, _)) => unsafe { larder_realloc(block.cast(), size) },
                    None => larder_malloc(size),
                },
            };
            assert!(!block.is_null() && block.addr() % MAX_ALIGN == 0);
            let usable = larder_malloc_usable_size(block);
            assert!(usable >= size);
            // SAFETY: all of these bytes are this thread's, by what C says of them.
            unsafe { block.cast::<u8>().write_bytes(seed as u8, usable) };
            live.push((block.cast(), usable));
            if live.len() > 40 {
                let (block, usable) = live.swap_remove(random.usize(..40));
                // SAFETY: as above; it is freed once.
                unsafe {
                    assert!((0..usable).all(|at| block.add(at).read() == seed as u8));
                    larder_free(block.cast());
                }
            }
        }
        // SAFETY: as above.
        live.into_iter().for_each(|(block, _)| unsafe { larder_free(block.cast()) });
    };
    std::thread::scope(|scope| {
        for seed in 1..4 {
            scope.spawn(move || work(seed));
        }
    });
    // A second free, and what is no block: counted, and nothing else.
    let block = larder_malloc(2000);
    // SAFETY: the first is right. The heap finds the others, which change nothing.
    unsafe {
        larder_free(block);
        larder_free(block);
        larder_free(block.cast::<u8>().wrapping_add(3).cast::<c_void>());
    }
    HEAP.trim();
    HEAP.check().unwrap();
    let stats = HEAP.stats();
    assert_eq!((stats.live_bytes, stats.wrong_frees), (0, 2), "{stats}");
}
