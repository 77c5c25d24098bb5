//! A heap that is moved by value between two uses. Blocks can hold uninitialised bytes, which a move may copy but not look at: what
//! breaks that, Miri reports (`cargo xtask miri`).

#![cfg(not(loom))]

use core::alloc::{GlobalAlloc, Layout};
use core::mem::MaybeUninit;
use larder::policy::{Policy, Spin, Try};
use larder::{Compact, Config, Defaults, Frugal, Heap, Small};

const SIZES: [usize; 5] = [8, 24, 64, 200, 1000];

/// Blocks of several sizes, filled with bytes that are not initialised, and freed; every other one without having been written to.
fn use_it(heap: &impl GlobalAlloc) {
    let layouts = SIZES.map(|bytes| Layout::from_size_align(bytes, 8).unwrap());
    for _ in 0..2 {
        // SAFETY: the sizes are not zero.
        let blocks = layouts.map(|layout| unsafe { heap.alloc(layout) });
        for (at, (block, layout)) in blocks.into_iter().zip(layouts).enumerate() {
            assert!(!block.is_null());
            // SAFETY: the block is live and so long, and is freed once.
            unsafe {
                if at % 2 == 0 {
                    block.cast::<MaybeUninit<[u8; 8]>>().write(MaybeUninit::uninit());
                    block.add(layout.size() - 8).cast::<MaybeUninit<[u8; 8]>>().write(MaybeUninit::uninit());
                }
                heap.dealloc(block, layout);
            }
        }
    }
}

/// Passes a value through a function that gets and returns it by value.
#[inline(never)]
fn moved<T>(value: T) -> T {
    std::hint::black_box(value)
}

fn a_heap<P: Policy, C: Config>() {
    let heap = Heap::<4096, C, P>::new();
    use_it(&heap);
    let heap = moved(heap);
    heap.check().unwrap();
    use_it(&heap);
    let mut heaps = [heap, Heap::new()];
    heaps.swap(0, 1);
    heaps.iter().for_each(use_it);
    for heap in heaps {
        heap.trim();
        heap.check().unwrap();
        assert_eq!((heap.stats().live_bytes, heap.stats().free_runs), (0, 1));
    }
}

#[test]
fn a_heap_with_pools() {
    a_heap::<Spin, Defaults>();
    a_heap::<Try, Frugal>();
}

#[test]
fn a_heap_without_pools() {
    a_heap::<Try, Compact>();
}

#[test]
fn a_small_heap() {
    let heap = Small::<4096>::new();
    use_it(&heap);
    let heap = moved(heap);
    heap.check().unwrap();
    use_it(&heap);
    heap.check().unwrap();
    assert_eq!(heap.stats().free_runs, 1);
}
