//! The out-of-memory hook: which context asks it, how often, and what the hook may do with the heap.

#![cfg(not(loom))]

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering::*};
use larder::policy::{Policy, Try};
use larder::{Config, Emergency, Event, Heap, OutOfMemory, Region};
use std::cell::{Cell, RefCell};

const BYTES: usize = 8 * 1024;
const RESERVE: Layout = Layout::new::<[u8; 2048]>();

type Hook = Box<dyn FnMut(OutOfMemory) -> Emergency>;

thread_local! {
    /// What a test has its heap's hook do.
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
    static CALLS: Cell<u32> = const { Cell::new(0) };
    static TOLD: Cell<u32> = const { Cell::new(0) };
    /// Run in the middle of the next visit of the large tier, which then finds it held.
    static INTERRUPT: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

struct Prepared;
impl Config for Prepared {
    const ON_OUT_OF_MEMORY: Option<fn(OutOfMemory) -> Emergency> = Some(|request| {
        CALLS.set(CALLS.get() + 1);
        // Borrowed all the time: a hook inside a hook panics.
        HOOK.with_borrow_mut(|hook| hook.as_mut().map_or(Emergency::GiveUp, |hook| hook(request)))
    });

    const ON_EVENT: Option<fn(Event)> = Some(|event| {
        if let Event::Refused { .. } = event {
            TOLD.set(TOLD.get() + 1);
        }
    });
}

struct Interrupted;

// SAFETY: `Try` keeps its callers apart; whoever is interrupted is only kept out.
unsafe impl Policy for Interrupted {
    type Lock = <Try as Policy>::Lock;

    fn enter<R>(lock: &Self::Lock, f: impl FnOnce() -> R) -> Option<R> {
        match INTERRUPT.take() {
            None => Try::enter(lock, f),
            Some(interrupt) => {
                interrupt();
                None
            }
        }
    }
}

type Subject = Heap<BYTES, Prepared, Interrupted>;

/// A full heap for a test, with a reserve for its hook to release.
fn full_heap() -> (&'static Subject, *mut u8) {
    HOOK.set(None);
    let heap: &Subject = Box::leak(Box::new(Heap::new()));
    let reserve = alloc(heap, RESERVE);
    assert!(!reserve.is_null());
    fill(heap);
    CALLS.set(0);
    TOLD.set(0);
    (heap, reserve)
}

/// Allocates until nothing is left, not even a pooled block of 8 bytes.
fn fill(heap: &Subject) {
    for layout in [Layout::new::<[u64; 16]>(), Layout::new::<u64>()] {
        while !alloc(heap, layout).is_null() {}
    }
}

fn alloc(heap: &Subject, layout: Layout) -> *mut u8 {
    // SAFETY: the tests' sizes are not zero.
    unsafe { heap.alloc(layout) }
}

/// Frees the block once, then has nothing more to give.
fn releasing(heap: &'static Subject, mut reserve: *mut u8) -> Hook {
    Box::new(move |_| {
        let block = core::mem::replace(&mut reserve, null_mut());
        if block.is_null() {
            return Emergency::GiveUp;
        }
        // SAFETY: the block is live, and this is its layout.
        unsafe { heap.dealloc(block, RESERVE) };
        Emergency::Retry
    })
}

fn set_hook(hook: impl FnMut(OutOfMemory) -> Emergency + 'static) {
    HOOK.set(Some(Box::new(hook)));
}

#[test]
fn a_retry_succeeds() {
    for layout in [Layout::new::<u8>(), Layout::new::<[u64; 4]>(), Layout::from_size_align(1500, 64).unwrap()] {
        let (heap, reserve) = full_heap();
        let refused = heap.stats().refused;
        HOOK.set(Some(releasing(heap, reserve)));
        // SAFETY: the size is not zero.
        let block = unsafe { heap.alloc_zeroed(layout) };
        assert!(!block.is_null(), "{layout:?}");
        assert_eq!((CALLS.get(), TOLD.get(), heap.stats().refused), (1, 0, refused));
        heap.check().unwrap();
    }
}

/// Where no page can be had, a block of the very class, or of a larger one, is what a hook can give.
#[test]
fn one_pooled_block_is_enough() {
    for (released, wanted) in [(8, 8), (64, 64), (64, 40)] {
        let (heap, reserve) = full_heap();
        let [released, wanted] = [released, wanted].map(|bytes| Layout::from_size_align(bytes, 8).unwrap());
        // SAFETY: the block is live, and this is its layout.
        unsafe { heap.dealloc(reserve, RESERVE) };
        let block = alloc(heap, released);
        fill(heap);
        let (calls, told) = (CALLS.get(), TOLD.get());
        set_hook(move |request| {
            assert_eq!(request.retries, 0);
            // SAFETY: as above; its page has other live blocks.
            unsafe { heap.dealloc(block, released) };
            Emergency::Retry
        });
        assert_eq!(alloc(heap, wanted), block);
        assert_eq!((CALLS.get(), TOLD.get()), (calls + 1, told));
        heap.check().unwrap();
    }
}

#[test]
fn a_block_grows_into_what_the_hook_released() {
    let (heap, reserve) = full_heap();
    let small = Layout::new::<[u8; 1000]>();
    // The reserve becomes a small block and what is left of it, which the hook releases.
    // SAFETY: each block is live and passed with its layout; the sizes are not zero.
    unsafe {
        let block = heap.realloc(reserve, RESERVE, small.size());
        assert_eq!(block, reserve);
        let rest = alloc(heap, small);
        assert!(!rest.is_null());
        block.write_bytes(0x5A, small.size());
        set_hook(move |request| {
            assert_eq!((request.size_bytes, request.align_bytes, request.retries), (1900, 1, 0));
            // The block itself is not the hook's to release: its owner holds it.
            heap.dealloc(rest, small);
            Emergency::Retry
        });
        // There is no room for both: it grows into what the hook has released behind it.
        assert_eq!(heap.realloc(block, small, 1900), block);
        let kept = core::slice::from_raw_parts(block, small.size());
        assert!(kept.iter().all(|&byte| byte == 0x5A));
    }
    assert_eq!((CALLS.get(), TOLD.get()), (1, 0));
    heap.check().unwrap();
}

#[test]
fn the_hook_is_asked_until_it_gives_up() {
    let (heap, _reserve) = full_heap();
    let refused = heap.stats().refused;
    set_hook(|request| {
        assert_eq!((request.size_bytes, request.align_bytes), (100, 4));
        assert_eq!(request.retries + 1, CALLS.get());
        if request.retries < 3 { Emergency::Retry } else { Emergency::GiveUp }
    });
    assert!(alloc(heap, Layout::from_size_align(100, 4).unwrap()).is_null());
    assert_eq!((CALLS.get(), TOLD.get(), heap.stats().refused), (4, 1, refused + 1));
    // The next request is asked about again.
    set_hook(|request| {
        assert_eq!(request.retries, 0);
        Emergency::GiveUp
    });
    assert!(alloc(heap, Layout::new::<u64>()).is_null());
    assert_eq!((CALLS.get(), TOLD.get()), (5, 2));
    heap.check().unwrap();
}

#[test]
fn what_can_never_be_served_is_asked_about_as_well() {
    let (heap, _reserve) = full_heap();
    let sizes = [BYTES + 1, isize::MAX as usize - 4096];
    set_hook(move |request| {
        assert!(sizes.contains(&request.size_bytes));
        Emergency::GiveUp
    });
    for size in sizes {
        assert!(alloc(heap, Layout::from_size_align(size, 1).unwrap()).is_null());
    }
    assert_eq!((CALLS.get(), TOLD.get()), (2, 2));
}

#[test]
fn the_hook_uses_the_heap() {
    let (heap, reserve) = full_heap();
    let mut release = releasing(heap, reserve);
    set_hook(move |request| {
        let answer = release(request);
        // What a hook may want: a line of a log, a picture of the heap.
        let line = Layout::new::<[u8; 100]>();
        let block = alloc(heap, line);
        assert!(!block.is_null());
        // SAFETY: the block is live, and this is its layout.
        unsafe { heap.dealloc(block, line) };
        heap.trim();
        heap.check().unwrap();
        answer
    });
    let most = Layout::new::<[u8; 1800]>();
    assert!(!alloc(heap, most).is_null());
    assert!(alloc(heap, most).is_null());
    assert_eq!((CALLS.get(), TOLD.get()), (2, 1));
    heap.check().unwrap();
}

#[test]
fn a_refusal_inside_the_hook_calls_no_hook() {
    let (heap, reserve) = full_heap();
    let mut release = releasing(heap, reserve);
    set_hook(move |request| {
        assert!(alloc(heap, Layout::new::<u64>()).is_null());
        assert!(alloc(heap, Layout::new::<[u8; 500]>()).is_null());
        release(request)
    });
    assert!(!alloc(heap, Layout::new::<[u8; 500]>()).is_null());
    assert_eq!((CALLS.get(), TOLD.get()), (1, 2));
    heap.check().unwrap();
}

/// Another context's hook has run while this one's attempt failed: there is nothing left to release, but enough is free.
#[test]
fn a_request_that_another_hook_overtook_is_tried_again() {
    let (heap, reserve) = full_heap();
    HOOK.set(Some(releasing(heap, reserve)));
    let layout = Layout::new::<[u8; 500]>();
    INTERRUPT.set(Some(Box::new(move || assert!(!alloc(heap, layout).is_null()))));
    assert!(!alloc(heap, layout).is_null());
    assert_eq!((CALLS.get(), TOLD.get()), (1, 0));
    heap.check().unwrap();
}

/// The class's last free page is in its index alone, where the hook has left it.
#[test]
fn a_page_that_the_hook_left_in_the_index_is_found() {
    let (heap, reserve) = full_heap();
    let layout = Layout::new::<[u64; 8]>();
    // SAFETY: the block is live, and this is its layout.
    unsafe { heap.dealloc(reserve, RESERVE) };
    let blocks: Vec<*mut u8> =
        std::iter::repeat_with(|| alloc(heap, layout)).take_while(|block| !block.is_null()).collect();
    fill(heap);
    // One block of each of five pages: one more than the front can name.
    let released: Vec<*mut u8> = blocks.chunks(4).take(5).map(|page| page[0]).collect();
    assert!(released.windows(2).all(|pair| pair[0].addr() / 256 != pair[1].addr() / 256));
    CALLS.set(0);
    set_hook(move |request| {
        assert_eq!(request.retries, 0, "there was a free block of the class");
        // SAFETY: the blocks are live, and this is their layout.
        released.iter().for_each(|&block| unsafe { heap.dealloc(block, layout) });
        (0..4).for_each(|_| assert!(!alloc(heap, layout).is_null()));
        Emergency::Retry
    });
    assert!(!alloc(heap, layout).is_null());
    assert_eq!(CALLS.get(), 1);
    heap.check().unwrap();
}

/// The same as in `a_request_that_another_hook_overtook_is_tried_again`, in a region: the memory that the hook released is home, which was
/// asked before.
#[test]
fn a_request_of_a_region_that_another_hook_overtook_is_tried_again_at_home() {
    let memories = [BYTES, 2048].map(|bytes| Vec::leak(vec![0u8; bytes]));
    let region: &Region<Prepared, Interrupted> = Box::leak(Box::new(Region::new()));
    for memory in memories {
        // SAFETY: the memory is nobody else's, for ever.
        unsafe { region.claim(memory.as_mut_ptr(), memory.len()) }.unwrap();
    }
    HOOK.set(None);
    // SAFETY: sizes are not zero; the block is live and freed once, with its layout.
    unsafe {
        let mut reserve = region.alloc(RESERVE);
        for bytes in [500, 64, 8] {
            while !region.alloc(Layout::from_size_align(bytes, 8).unwrap()).is_null() {}
        }
        CALLS.set(0);
        TOLD.set(0);
        set_hook(move |_| {
            let block = core::mem::replace(&mut reserve, null_mut());
            if block.is_null() {
                return Emergency::GiveUp;
            }
            region.dealloc(block, RESERVE);
            Emergency::Retry
        });
        let layout = Layout::new::<[u8; 500]>();
        INTERRUPT.set(Some(Box::new(move || assert!(!region.alloc(layout).is_null()))));
        assert!(!region.alloc(layout).is_null());
    }
    assert_eq!((CALLS.get(), TOLD.get()), (1, 0));
    region.check().unwrap();
}

/// A region's hook is asked once, after all of its memories; a block may move to the one in which there is room then.
#[test]
fn a_region_asks_for_all_its_memories() {
    let region: &Region<Prepared, Interrupted> = Box::leak(Box::new(Region::new()));
    for _ in 0..2 {
        let memory = Vec::leak(vec![0u8; BYTES]);
        // SAFETY: the memory is nobody else's, for ever.
        unsafe { region.claim(memory.as_mut_ptr(), BYTES) }.unwrap();
    }
    let part = Layout::new::<[u8; 1500]>();
    // SAFETY: the size is not zero.
    let blocks: Vec<*mut u8> =
        std::iter::repeat_with(|| unsafe { region.alloc(part) }).take_while(|block| !block.is_null()).collect();
    let (first, last) = (blocks[0], blocks[blocks.len() - 2]);
    CALLS.set(0);
    TOLD.set(0);
    let refused = region.stats().refused;
    set_hook(move |request| {
        assert_eq!((request.size_bytes, request.align_bytes, request.retries), (2500, 1, 0));
        // SAFETY: both lie in the second memory, are live, and have this layout.
        blocks[blocks.len() - 2..].iter().for_each(|&block| unsafe { region.dealloc(block, part) });
        Emergency::Retry
    });
    // SAFETY: the block is live, and this is its layout.
    let grown = unsafe {
        first.write_bytes(0x5A, part.size());
        region.realloc(first, part, 2500)
    };
    assert_eq!(grown, last);
    // SAFETY: so many bytes are ours, and were moved.
    assert!(unsafe { core::slice::from_raw_parts(grown, part.size()) }.iter().all(|&byte| byte == 0x5A));
    assert_eq!((CALLS.get(), TOLD.get(), region.stats().refused), (1, 0, refused));
    set_hook(|_| Emergency::GiveUp);
    // SAFETY: the size is not zero.
    assert!(unsafe { region.alloc(Layout::new::<[u8; 4000]>()) }.is_null());
    assert_eq!((CALLS.get(), TOLD.get(), region.stats().refused), (2, 1, refused + 1));
    region.check().unwrap();
}

mod threads {
    use super::*;

    const THREADS: usize = 4;
    const ROUNDS: usize = 3000;
    const CACHED: Layout = Layout::new::<[u8; 700]>();

    static CACHE: [AtomicPtr<u8>; 4] = [const { AtomicPtr::new(null_mut()) }; 4];
    static INSIDE: AtomicU32 = AtomicU32::new(0);
    static RESCUED: AtomicUsize = AtomicUsize::new(0);

    struct Shared;
    impl Config for Shared {
        const ON_OUT_OF_MEMORY: Option<fn(OutOfMemory) -> Emergency> = Some(drop_cache);
    }

    static HEAP: Heap<{ 16 * 1024 }, Shared> = Heap::new();

    /// Drops one entry.
    fn drop_cache(_: OutOfMemory) -> Emergency {
        assert_eq!(INSIDE.fetch_add(1, AcqRel), 0, "two hooks at once");
        let found = CACHE.iter().map(|entry| entry.swap(null_mut(), AcqRel)).find(|entry| !entry.is_null());
        if let Some(entry) = found {
            // SAFETY: whoever swapped it out owns it, and this is its layout.
            unsafe { HEAP.dealloc(entry, CACHED) };
            RESCUED.fetch_add(1, Relaxed);
        }
        INSIDE.fetch_sub(1, AcqRel);
        found.map_or(Emergency::GiveUp, |_| Emergency::Retry)
    }

    /// Puts a block into the cache, if it can be had and there is room.
    fn cache() {
        // SAFETY: the size is not zero.
        let block = unsafe { HEAP.alloc(CACHED) };
        let is_kept = !block.is_null()
            && CACHE.iter().any(|entry| entry.compare_exchange(null_mut(), block, AcqRel, Relaxed).is_ok());
        if !block.is_null() && !is_kept {
            // SAFETY: the block is live and was not given away.
            unsafe { HEAP.dealloc(block, CACHED) };
        }
    }

    fn work(seed: usize) {
        let mut held = Vec::new();
        for round in 0..ROUNDS {
            cache();
            let layout = Layout::from_size_align(1 + (round * 37 + seed * 101) % 900, 8).unwrap();
            // SAFETY: the size is not zero.
            let block = unsafe { HEAP.alloc(layout) };
            if !block.is_null() {
                // SAFETY: so many bytes are ours.
                unsafe { block.write_bytes(seed as u8, layout.size()) };
                held.push((block, layout));
            }
            // More than the arena has: even a thread that happens to run alone gets there.
            if held.len() > 40 {
                free(held.swap_remove(round % held.len()), seed);
            }
        }
        held.into_iter().for_each(|block| free(block, seed));
    }

    fn free((block, layout): (*mut u8, Layout), seed: usize) {
        // SAFETY: the block is live and ours, and this is its layout.
        unsafe {
            let bytes = core::slice::from_raw_parts(block, layout.size());
            assert!(bytes.iter().all(|&byte| byte == seed as u8), "somebody else wrote into the block");
            HEAP.dealloc(block, layout);
        }
    }

    #[test]
    fn several_threads_live_on_one_cache() {
        std::thread::scope(|scope| {
            (0..THREADS).for_each(|seed| {
                scope.spawn(move || work(seed));
            });
        });
        while drop_cache_for_good() {}
        HEAP.trim();
        HEAP.check().unwrap();
        let stats = HEAP.stats();
        assert_eq!((stats.live_bytes, stats.free_runs, stats.wrong_frees), (0, 1, 0), "{stats}");
        let rescued = RESCUED.load(Relaxed);
        assert!(rescued > 100, "the heap was hardly ever full: {rescued} rescues");
    }

    fn drop_cache_for_good() -> bool {
        let entry = CACHE.iter().map(|entry| entry.swap(null_mut(), AcqRel)).find(|entry| !entry.is_null());
        // SAFETY: whoever swapped it out owns it, and this is its layout.
        entry.inspect(|&entry| unsafe { HEAP.dealloc(entry, CACHED) }).is_some()
    }
}
