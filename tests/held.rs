//! What calls do while the large tier is held by somebody they can't wait for. A policy with a door that the test
//! shuts stands for the context that was interrupted inside; one that calls the test from inside, for a context that comes into its middle.

#![cfg(not(loom))]

use core::alloc::{GlobalAlloc, Layout};
use larder::large::Large;
use larder::policy::{Policy, Try};
use larder::{Config, Defaults, Region};
use std::cell::{Cell, RefCell};
use std::marker::PhantomData;

thread_local! {
    static SHUT: Cell<bool> = const { Cell::new(false) };
}

struct Door;

// SAFETY: `Try` keeps its callers apart; the door only keeps more out.
unsafe impl Policy for Door {
    type Lock = <Try as Policy>::Lock;

    fn enter<R>(lock: &Self::Lock, f: impl FnOnce() -> R) -> Option<R> {
        if SHUT.get() { None } else { Try::enter(lock, f) }
    }
}

thread_local! {
    /// What happens in the middle of every visit.
    static MIDDLE: Cell<Option<fn()>> = const { Cell::new(None) };
}

/// A policy in whose visits something comes into the middle.
struct Interrupted<P>(PhantomData<P>);

// SAFETY: the policy keeps its callers apart; what comes in the middle is one of them.
unsafe impl<P: Policy> Policy for Interrupted<P> {
    type Lock = P::Lock;

    fn enter<R>(lock: &Self::Lock, f: impl FnOnce() -> R) -> Option<R> {
        P::enter(lock, || {
            let answer = f();
            if let Some(middle) = MIDDLE.take() {
                middle();
                MIDDLE.set(Some(middle));
            }
            answer
        })
    }
}

type Heap = Region<Defaults, Door>;

fn heap() -> Heap {
    heap_over()
}

fn heap_over<L: Large>() -> Region<Defaults, Door, L> {
    SHUT.set(false);
    let heap = Region::new();
    let memory = Vec::leak(vec![0u8; 32 * 1024]);
    // SAFETY: the memory is nobody else's, for ever.
    unsafe { heap.claim(memory.as_mut_ptr(), memory.len()) }.unwrap();
    heap
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 8).unwrap()
}

fn alloc(heap: &Region<Defaults, Door, impl Large>, bytes: usize) -> *mut u8 {
    // SAFETY: the size is not zero.
    unsafe { heap.alloc(layout(bytes)) }
}

fn free(heap: &Region<Defaults, Door, impl Large>, block: *mut u8, bytes: usize) {
    // SAFETY: a block of this layout, unless the test breaks the contract on purpose.
    unsafe { heap.dealloc(block, layout(bytes)) };
}

/// Opens the door and verifies that nothing has been lost.
fn settle(heap: &Region<Defaults, Door, impl Large>, wrong_frees: u32) {
    SHUT.set(false);
    heap.trim();
    heap.check().unwrap();
    let stats = heap.stats();
    assert_eq!((stats.live_bytes, stats.deferred_bytes), (0, 0), "{stats}");
    assert!(stats.free_runs == 1, "{stats}");
    assert_eq!(stats.wrong_frees, wrong_frees, "{stats}");
}

#[test]
fn a_large_request_is_refused_and_a_small_one_is_served_from_its_page() {
    let heap = heap();
    let small = alloc(&heap, 16);
    SHUT.set(true);
    assert!(alloc(&heap, 1000).is_null());
    let other = alloc(&heap, 16);
    assert!(!other.is_null());
    free(&heap, small, 16);
    free(&heap, other, 16);
    settle(&heap, 0);
}

#[test]
fn releases_are_deferred_and_drained() {
    let heap = heap();
    let blocks: Vec<_> = (0..10).map(|_| alloc(&heap, 500)).collect();
    SHUT.set(true);
    blocks.iter().for_each(|&block| free(&heap, block, 500));
    assert_eq!(heap.stats().deferred_bytes, 10 * 504);
    settle(&heap, 0);
}

#[test]
fn a_second_free_of_a_deferred_block_is_found() {
    let heap = heap();
    let blocks: Vec<_> = (0..3).map(|_| alloc(&heap, 300)).collect();
    SHUT.set(true);
    blocks.iter().for_each(|&block| free(&heap, block, 300));
    blocks.iter().for_each(|&block| free(&heap, block, 300));
    assert_eq!(heap.stats().wrong_frees, 3);
    SHUT.set(false);
    // Still on the list, while the door is open again.
    free(&heap, blocks[1], 300);
    settle(&heap, 4);
}

#[test]
fn a_block_that_shrank_keeps_its_end() {
    for rest in [299, 296, 288, 150, 65, 8] {
        for freed_while_held in [false, true] {
            let heap = heap();
            let (block, right) = (alloc(&heap, 300), alloc(&heap, 80));
            SHUT.set(true);
            // SAFETY: the block is live and has this layout; the new size is not zero.
            assert_eq!(unsafe { heap.realloc(block, layout(300), rest) }, block);
            assert_eq!(heap.usable_size(block), 304);
            SHUT.set(freed_while_held);
            free(&heap, block, rest);
            SHUT.set(false);
            free(&heap, right, 80);
            settle(&heap, 0);
        }
    }
}

#[test]
fn a_block_that_shrank_grows_again() {
    let heap = heap();
    let (block, right) = (alloc(&heap, 300), alloc(&heap, 80));
    SHUT.set(true);
    // SAFETY: the block is live and has this layout; the new size is not zero.
    assert_eq!(unsafe { heap.realloc(block, layout(300), 100) }, block);
    SHUT.set(false);
    // SAFETY: as above.
    assert_eq!(unsafe { heap.realloc(block, layout(100), 304) }, block);
    free(&heap, block, 304);
    free(&heap, right, 80);
    settle(&heap, 0);
}

/// Releases whose layouts are too long lie on the list above one that is right: the request gets what that brings.
#[cfg(feature = "linked-list")]
#[test]
fn wrong_releases_on_the_list_do_not_hide_the_others() {
    let heap = heap_over::<larder::large::LinkedList>();
    let (large, small) = (alloc(&heap, 20_000), [alloc(&heap, 500), alloc(&heap, 500)]);
    SHUT.set(true);
    free(&heap, large, 20_000);
    small.iter().for_each(|&block| free(&heap, block, 600));
    SHUT.set(false);
    let large = alloc(&heap, 20_000);
    assert!(!large.is_null());
    free(&heap, large, 20_000);
    small.iter().for_each(|&block| free(&heap, block, 500));
    settle(&heap, 2);
}

/// Under a policy that does not wait, others can defer as fast as a request drains.
#[test]
fn a_request_does_not_drain_for_ever() {
    static HEAP: larder::Heap<{ 64 * 1024 }, Defaults, Interrupted<Try>> = larder::Heap::new();
    thread_local! {
        static VICTIMS: RefCell<Vec<*mut u8>> = const { RefCell::new(Vec::new()) };
    }
    // SAFETY: the sizes are not zero, each victim is freed once and with its layout.
    let (alloc, free) =
        (|bytes| unsafe { HEAP.alloc(layout(bytes)) }, |block| unsafe { HEAP.dealloc(block, layout(100)) });
    let blocks: Vec<_> = std::iter::repeat_with(|| alloc(100)).take_while(|block| !block.is_null()).collect();
    // No two of them are neighbours, so no run is ever long enough.
    VICTIMS.set(blocks.iter().step_by(2).copied().collect());
    let victims = VICTIMS.with_borrow(Vec::len);
    assert!(victims > 200, "{victims}");
    MIDDLE.set(Some(|| {
        // SAFETY: as above.
        VICTIMS.with_borrow_mut(Vec::pop).into_iter().for_each(|block| unsafe { HEAP.dealloc(block, layout(100)) });
    }));
    assert!(alloc(5000).is_null());
    MIDDLE.set(None);
    let visits = victims - VICTIMS.with_borrow(Vec::len);
    assert!((2..30).contains(&visits), "{visits} visits");
    let left = VICTIMS.take();
    blocks.iter().skip(1).step_by(2).chain(&left).for_each(|&block| free(block));
    HEAP.trim();
    HEAP.check().unwrap();
    assert_eq!((HEAP.stats().live_bytes, HEAP.stats().free_runs), (0, 1));
}

/// Of a page that went back to the large tier, the second granule is the second of a free run, whose bits read like a
/// live block's start.
#[test]
#[cfg_attr(miri, ignore = "the look that finds it is the processor's")]
fn a_second_free_into_a_run_is_found_while_the_tier_is_held() {
    let heap = heap();
    let blocks: Vec<_> = (0..32).map(|_| alloc(&heap, 8)).collect();
    // So that the run is the page alone.
    let rest = heap.stats().largest_free_bytes;
    let below = alloc(&heap, rest);
    assert!(!below.is_null());
    blocks.iter().for_each(|&block| free(&heap, block, 8));
    heap.trim();
    SHUT.set(true);
    blocks.iter().for_each(|&block| free(&heap, block, 8));
    assert_eq!(heap.stats().deferred_bytes, 0);
    SHUT.set(false);
    free(&heap, below, rest);
    settle(&heap, 32);
}

/// As `Interrupted`, but when the visit has ended.
struct Followed;

// SAFETY: `Try` keeps its callers apart.
unsafe impl Policy for Followed {
    type Lock = <Try as Policy>::Lock;

    fn enter<R>(lock: &Self::Lock, f: impl FnOnce() -> R) -> Option<R> {
        let answer = Try::enter(lock, f);
        if let Some(after) = MIDDLE.take() {
            after();
            MIDDLE.set(Some(after));
        }
        answer
    }
}

#[test]
fn figures_of_different_moments_say_so() {
    static HEAP: larder::Heap<8192, Defaults, Followed> = larder::Heap::new();
    HEAP.trim();
    assert!(HEAP.stats().consistent);
    // Visits between those of `stats`.
    MIDDLE.set(Some(|| {
        // SAFETY: the size is not zero.
        let block = unsafe { HEAP.alloc(layout(500)) };
        assert!(!block.is_null());
        // SAFETY: the block is live, and has this layout.
        unsafe { HEAP.dealloc(block, layout(500)) };
    }));
    let figures = HEAP.stats();
    MIDDLE.set(None);
    assert!(!figures.consistent, "{figures}");
    assert!(HEAP.stats().consistent);
}

#[test]
fn each_page_that_a_class_gets_is_a_refill() {
    let heap = heap();
    for pages in 1..4 {
        let blocks: Vec<_> = (0..32 * pages).map(|_| alloc(&heap, 8)).collect();
        assert_eq!(heap.stats().classes()[0].pages, pages);
        blocks.iter().for_each(|&block| free(&heap, block, 8));
        heap.trim();
        // 1, and 2 more, and 3 more: after `trim`, no page is left.
        assert_eq!(heap.stats().refills as usize, pages * (pages + 1) / 2);
    }
    settle(&heap, 0);
}

/// What a page's entry leads to is another owner's by then: the claim goes on, once.
#[test]
fn each_claim_that_goes_on_is_a_retry() {
    let heap = heap();
    for retries in 0..4 {
        let block = alloc(&heap, 8);
        assert_eq!(heap.stats().retries, retries);
        free(&heap, block, 8);
        // Gives the page away, but leaves the class's entry.
        heap.trim();
    }
    settle(&heap, 0);
}

/// The first request sets the heap up, a visit for each part, so that none is longer than others.
#[test]
fn each_reserved_page_is_opened_in_a_visit_of_its_own() {
    thread_local! {
        static VISITS: Cell<usize> = const { Cell::new(0) };
    }
    fn visits<C: Config>() -> usize {
        let heap = larder::Heap::<{ 16 * 1024 }, C, Interrupted<Try>>::new();
        MIDDLE.set(Some(|| VISITS.set(VISITS.get() + 1)));
        // SAFETY: the size is not zero.
        let block = unsafe { heap.alloc(layout(500)) };
        MIDDLE.set(None);
        assert!(!block.is_null());
        heap.check().unwrap();
        let reserved = heap.stats().classes().iter().map(|row| row.pages).sum::<usize>();
        assert_eq!(reserved, C::RESERVED.iter().map(|&(_, pages)| pages).sum());
        VISITS.take()
    }
    struct Reserving;
    impl Config for Reserving {
        const RESERVED: &'static [(usize, usize)] = &[(32, 5), (64, 1)];
    }
    struct Apart;
    impl Config for Apart {
        const RESERVED: &'static [(usize, usize)] = Reserving::RESERVED;
        const POOLED_PERCENT: usize = 50;
    }
    // One for the backend, one for each page, one for what lies before them, and the request's.
    assert_eq!([visits::<Defaults>(), visits::<Reserving>(), visits::<Apart>()], [2, 8, 9]);
}

/// A context that the policy does not keep out comes into the middle of each visit: it is refused, and its releases are deferred.
fn comes_into_the_middle<P: Policy>(heap: &'static larder::Heap<{ 8 * 1024 }, Defaults, Interrupted<P>>, middle: fn()) {
    // SAFETY: the size is not zero.
    let block = || unsafe { heap.alloc(layout(500)) };
    let (first, second) = (block(), block());
    LEFT.set(second);
    MIDDLE.set(Some(middle));
    let third = block();
    MIDDLE.set(None);
    assert!(!third.is_null() && LEFT.get().is_null(), "nobody came, or the visit was not the caller's");
    // SAFETY: blocks of this layout; the second was freed in the middle.
    [first, third].into_iter().for_each(|block| unsafe { heap.dealloc(block, layout(500)) });
    heap.trim();
    heap.check().unwrap();
    let stats = heap.stats();
    assert_eq!((stats.live_bytes, stats.free_runs, stats.refused, stats.wrong_frees), (0, 1, 1, 0), "{stats}");
}

thread_local! {
    /// A block for the middle to free.
    static LEFT: Cell<*mut u8> = const { Cell::new(std::ptr::null_mut()) };
}

macro_rules! comes_into_the_middle {
    ($($(#[$attribute:meta])* $name:ident: $policy:ty;)*) => {
        $(
            #[test]
            $(#[$attribute])*
            fn $name() {
                static HEAP: larder::Heap<{ 8 * 1024 }, Defaults, Interrupted<$policy>> = larder::Heap::new();
                comes_into_the_middle(&HEAP, || {
                    let block = LEFT.replace(std::ptr::null_mut());
                    if block.is_null() {
                        return;
                    }
                    // SAFETY: the size is not zero.
                    assert!(unsafe { HEAP.alloc(layout(1000)) }.is_null(), "served while the large tier is held");
                    // SAFETY: the block has this layout, and is freed once.
                    unsafe { HEAP.dealloc(block, layout(500)) };
                    assert_eq!(HEAP.stats().deferred_bytes, 504);
                });
            }
        )*
    };
}

comes_into_the_middle! {
    under_try: Try;
    #[cfg_attr(miri, ignore = "it waits for four million looks")]
    under_patient: larder::policy::Patient;
    #[cfg(feature = "critical-section")]
    under_a_critical_section_that_does_not_mask_it: larder::policy::CriticalSection;
}

#[test]
fn a_layout_that_is_too_long_is_found_when_the_release_is_drained() {
    let heap = heap();
    let blocks = [alloc(&heap, 300), alloc(&heap, 300)];
    SHUT.set(true);
    free(&heap, blocks[0], 400);
    assert_eq!(heap.stats().deferred_bytes, 400);
    SHUT.set(false);
    heap.trim();
    assert_eq!((heap.stats().wrong_frees, heap.stats().deferred_bytes), (1, 0));
    blocks.iter().for_each(|&block| free(&heap, block, 300));
    settle(&heap, 1);
}

/// Memory that is claimed can hold anything: also what the heap had written into it before a reset.
#[test]
fn what_was_deferred_before_a_reset_is_of_no_consequence() {
    // Carved out of a run, so that the heap writes nothing into them when they are served.
    let aligned = Layout::from_size_align(300, 512).unwrap();
    for is_held in [false, true] {
        SHUT.set(false);
        let memory: *mut [u8] = Vec::leak(vec![0u8; 32 * 1024]);
        let claim = || {
            let heap = Heap::new();
            // SAFETY: the memory is nobody else's: the heap before it is not used any more.
            unsafe { heap.claim(memory.cast(), memory.len()) }.unwrap();
            // SAFETY: the size is not zero.
            let blocks: Vec<_> = (0..8).map(|_| unsafe { heap.alloc(aligned) }).collect();
            (heap, blocks)
        };
        // SAFETY: each block is live, and has this layout.
        let free = |heap: &Heap, block| unsafe { heap.dealloc(block, aligned) };
        let (before, blocks) = claim();
        SHUT.set(true);
        blocks.iter().for_each(|&block| free(&before, block));
        SHUT.set(false);
        let (after, same) = claim();
        assert_eq!(blocks, same);
        SHUT.set(true);
        free(&after, same[0]);
        SHUT.set(is_held);
        same[1..].iter().for_each(|&block| free(&after, block));
        settle(&after, 0);
    }
}

#[test]
fn a_second_free_by_realloc_of_a_deferred_block_is_found() {
    for is_held in [false, true] {
        let heap = heap();
        let blocks: Vec<_> = (0..3).map(|_| alloc(&heap, 300)).collect();
        SHUT.set(true);
        blocks.iter().for_each(|&block| free(&heap, block, 300));
        SHUT.set(is_held);
        for (&block, size) in blocks.iter().zip([200, 300, 400]) {
            // SAFETY: wrong on purpose: the block is freed already.
            assert!(unsafe { heap.realloc(block, layout(300), size) }.is_null());
        }
        settle(&heap, 3);
    }
}

/// A block was on no list between the visit that took it off and the one that gave it back: a second free that was deferred then made the list
/// lose the others.
#[test]
fn a_second_free_in_the_middle_of_the_firsts_drain_is_found() {
    static HEAP: larder::Heap<{ 8 * 1024 }, Defaults, Interrupted<Door>> = larder::Heap::new();
    thread_local! {
        static AGAIN: RefCell<Vec<*mut u8>> = const { RefCell::new(Vec::new()) };
    }
    SHUT.set(false);
    // SAFETY: the sizes are not zero. Frees are wrong on purpose, where there is a second one.
    let (alloc, free) = (|| unsafe { HEAP.alloc(layout(500)) }, |block| unsafe { HEAP.dealloc(block, layout(500)) });
    let blocks: Vec<_> = (0..6).map(|_| alloc()).collect();
    SHUT.set(true);
    blocks.iter().for_each(|&block| free(block));
    SHUT.set(false);
    AGAIN.set(blocks.clone());
    MIDDLE.set(Some(|| {
        // SAFETY: wrong on purpose.
        AGAIN.take().into_iter().for_each(|block| unsafe { HEAP.dealloc(block, layout(500)) });
    }));
    HEAP.trim();
    MIDDLE.set(None);
    HEAP.trim();
    HEAP.check().unwrap();
    let stats = HEAP.stats();
    assert_eq!((stats.wrong_frees, stats.live_bytes, stats.deferred_bytes), (6, 0, 0), "{stats}");
}
