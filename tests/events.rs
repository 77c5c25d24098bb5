//! The hook for events: what it may do with the heap in the middle of the call that it is told of.

#![cfg(not(loom))]

use core::alloc::{GlobalAlloc, Layout};
use core::sync::atomic::{AtomicU32, Ordering::*};
use larder::policy::Try;
use larder::{Config, Emergency, Event, Heap, OutOfMemory, Region, Small};
use std::cell::{Cell, RefCell};
use std::sync::Barrier;

const BYTES: usize = 8 * 1024;

type Hook = Box<dyn FnMut(Event)>;

thread_local! {
    /// What a test has its heap's hook do.
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
    static TOLD: Cell<u32> = const { Cell::new(0) };
    static RESCUES: Cell<u32> = const { Cell::new(0) };
}

struct Told;
impl Config for Told {
    // Borrowed all the time: a hook inside a hook panics.
    const ON_EVENT: Option<fn(Event)> = Some(|event| {
        HOOK.with_borrow_mut(|hook| {
            TOLD.set(TOLD.get() + 1);
            if let Some(hook) = hook {
                hook(event);
            }
        });
    });
}

trait Subject: GlobalAlloc + 'static {
    fn stats(&self) -> larder::Stats;
    fn verify(&self);
}

impl<C: Config> Subject for Heap<BYTES, C, Try> {
    fn stats(&self) -> larder::Stats {
        self.stats()
    }
    fn verify(&self) {
        self.check().unwrap();
    }
}

impl<C: Config> Subject for Region<C, Try> {
    fn stats(&self) -> larder::Stats {
        self.stats()
    }
    fn verify(&self) {
        self.check().unwrap();
    }
}

impl<C: Config> Subject for Small<BYTES, C> {
    fn stats(&self) -> larder::Stats {
        self.stats()
    }
    fn verify(&self) {
        self.check().unwrap();
    }
}

fn heap<C: Config>() -> &'static Heap<BYTES, C, Try> {
    Box::leak(Box::new(Heap::new()))
}

/// One of three memories.
fn region<C: Config>() -> &'static Region<C, Try> {
    let region: &Region<C, Try> = Box::leak(Box::new(Region::new()));
    for _ in 0..3 {
        let memory = Vec::leak(vec![0u8; BYTES]);
        // SAFETY: the memory is nobody else's, for ever.
        unsafe { region.claim(memory.as_mut_ptr(), BYTES) }.unwrap();
    }
    region
}

fn small<C: Config>() -> &'static Small<BYTES, C> {
    Box::leak(Box::new(Small::new()))
}

fn set_hook(hook: impl FnMut(Event) + 'static) {
    TOLD.set(0);
    HOOK.set(Some(Box::new(hook)));
}

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

fn alloc(heap: &impl GlobalAlloc, size: usize) -> *mut u8 {
    // SAFETY: no size here is zero.
    unsafe { heap.alloc(bytes(size)) }
}

fn free(heap: &impl GlobalAlloc, block: *mut u8, size: usize) {
    // SAFETY: so tests free their blocks; what is wrong on purpose changes nothing.
    unsafe { heap.dealloc(block, bytes(size)) };
}

/// Allocates until nothing is left.
fn fill(heap: &impl GlobalAlloc) {
    for size in [128, 64, 8] {
        while !alloc(heap, size).is_null() {}
    }
}

/// A log that wants a line for each refusal, and is refused that too.
fn allocates_when_it_is_told_of_a_refusal(heap: &'static impl Subject) {
    HOOK.set(None);
    fill(heap);
    let before = heap.stats();
    set_hook(move |event| {
        assert_eq!(event, Event::Refused { size_bytes: 500, align_bytes: 8 });
        assert!(alloc(heap, 100).is_null());
        assert!(alloc(heap, 8).is_null());
        free(heap, core::ptr::without_provenance_mut(8), 8);
    });
    for told in 1..4 {
        assert!(alloc(heap, 500).is_null());
        let stats = heap.stats();
        assert_eq!((TOLD.get(), stats.refused), (told, before.refused + 3 * told), "{stats}");
        assert_eq!(stats.wrong_frees, before.wrong_frees + told);
        // Each of its own events was counted; refills that find nothing are events too.
        assert!(stats.events_untold >= before.events_untold + 3 * told, "{stats}");
    }
    heap.verify();
}

#[test]
fn a_hook_allocates_when_it_is_told_of_a_refusal() {
    allocates_when_it_is_told_of_a_refusal(heap::<Told>());
    allocates_when_it_is_told_of_a_refusal(region::<Told>());
    allocates_when_it_is_told_of_a_refusal(small::<Told>());
}

/// It takes and frees blocks of all kinds, as many as there are, and frees some a second time, whatever it is told.
fn uses_the_heap_at_every_event(heap: &'static impl Subject) {
    HOOK.set(None);
    while heap.stats().free_bytes > 7000 {
        assert!(!alloc(heap, 500).is_null());
    }
    let mut kinds = [0; 6];
    let mut held: Vec<(*mut u8, usize)> = Vec::new();
    let mut step = 0;
    set_hook(move |event| {
        let kind = match event {
            Event::RefillBegins { .. } => 0,
            Event::RefillEnds { .. } => 1,
            Event::RetireBegins => 2,
            Event::RetireEnds => 3,
            Event::Refused { .. } => 4,
            _ => 5,
        };
        kinds[kind] += 1;
        KINDS.set(kinds);
        step += 1;
        for size in [8, 24, 64, 100, 700] {
            let block = alloc(heap, size);
            if !block.is_null() {
                held.push((block, size));
            }
        }
        // What needs the same refill, and one more.
        if let Event::RefillBegins { block_bytes } = event {
            for _ in 0..40 {
                let block = alloc(heap, block_bytes);
                if !block.is_null() {
                    held.push((block, block_bytes));
                }
            }
        }
        let kept = step % 50;
        while held.len() > kept {
            let (block, size) = held.swap_remove(step * 7 % held.len());
            free(heap, block, size);
            free(heap, block, size);
        }
    });
    let mut mine: Vec<(*mut u8, usize)> = Vec::new();
    for step in 0..3000 {
        let size = 1 + step * 37 % 90 + step % 7 / 6 * 600;
        let block = alloc(heap, size);
        if !block.is_null() {
            // SAFETY: so many bytes are ours.
            unsafe { block.write_bytes(step as u8, size) };
            mine.push((block, size));
        }
        if step % 100 > 60 || block.is_null() {
            for _ in 0..3.min(mine.len()) {
                let (block, size) = mine.swap_remove(step % mine.len());
                // SAFETY: so many bytes are ours.
                let bytes = unsafe { core::slice::from_raw_parts(block, size) };
                assert!(bytes.iter().all(|&byte| byte == bytes[0]), "somebody else wrote into the block");
                free(heap, block, size);
                if step % 9 == 0 {
                    free(heap, block.wrapping_add(1), size);
                }
            }
        }
        heap.verify();
    }
}

thread_local!(static KINDS: Cell<[u32; 6]> = const { Cell::new([0; 6]) });

#[test]
fn a_hook_uses_the_heap_at_every_event() {
    uses_the_heap_at_every_event(heap::<Told>());
    assert!(KINDS.get().iter().all(|&told| told > 5), "{:?}", KINDS.get());
    uses_the_heap_at_every_event(region::<Told>());
    assert!(KINDS.get().iter().all(|&told| told > 5), "{:?}", KINDS.get());
    uses_the_heap_at_every_event(small::<Told>());
    assert!(KINDS.get()[4..].iter().all(|&told| told > 5), "{:?}", KINDS.get());
}

/// The two hooks: one for events asks for memory, which the other one has; what that one does is told, but not to itself.
#[test]
fn each_hook_may_need_the_other() {
    struct Both;
    impl Config for Both {
        const ON_EVENT: Option<fn(Event)> = Told::ON_EVENT;
        const ON_OUT_OF_MEMORY: Option<fn(OutOfMemory) -> Emergency> = Some(|_| {
            RESCUES.set(RESCUES.get() + 1);
            let heap = HEAP.get().unwrap();
            // Refused, and told if the hook for events does not run: that allocates as well.
            assert!(alloc(heap, 1000).is_null());
            Emergency::GiveUp
        });
    }
    thread_local!(static HEAP: Cell<Option<&'static Small<BYTES, Both>>> = const { Cell::new(None) });
    let heap = small::<Both>();
    HOOK.set(None);
    HEAP.set(Some(heap));
    fill(heap);
    let before = heap.stats();
    RESCUES.set(0);
    set_hook(move |_| assert!(alloc(heap, 200).is_null()));
    assert!(alloc(heap, 500).is_null());
    // The request asks one hook, whose request is refused and told; the line for that finds that hook running. Then the request is refused and
    // told, the line for that asks the hook, whose request is not told, as the line itself is not.
    let stats = heap.stats();
    assert_eq!((TOLD.get(), RESCUES.get()), (2, 2));
    assert_eq!((stats.refused - before.refused, stats.events_untold - before.events_untold), (5, 3));
}

/// While one thread is in the hook, another's refusal is counted and not told, and it does not wait.
#[test]
fn another_threads_event_is_counted_while_the_hook_runs() {
    struct Slow;
    static BARRIER: Barrier = Barrier::new(2);
    static CALLS: AtomicU32 = AtomicU32::new(0);
    impl Config for Slow {
        const ON_EVENT: Option<fn(Event)> = Some(|event| {
            if let Event::Refused { size_bytes: 1_000_000, .. } = event {
                CALLS.fetch_add(1, Relaxed);
                BARRIER.wait();
                BARRIER.wait();
            } else if let Event::Refused { .. } = event {
                CALLS.fetch_add(100, Relaxed);
            }
        });
    }
    static HEAP: Heap<BYTES, Slow, Try> = Heap::new();
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(alloc(&HEAP, 1_000_000).is_null()));
        BARRIER.wait();
        // The other thread is in the hook.
        assert!(alloc(&HEAP, 2_000_000).is_null());
        assert_eq!((CALLS.load(Relaxed), HEAP.stats().events_untold), (1, 1));
        BARRIER.wait();
    });
    assert!(alloc(&HEAP, 2_000_000).is_null());
    assert_eq!((CALLS.load(Relaxed), HEAP.stats().events_untold, HEAP.stats().refused), (101, 1, 3));
}

/// Without a hook there is no word for it: all that has one is longer by that.
#[test]
fn a_hook_that_there_is_not_takes_no_memory() {
    struct Plain;
    impl Config for Plain {}
    assert!(heap::<Told>().stats().metadata_bytes > heap::<Plain>().stats().metadata_bytes);
    assert!(small::<Told>().stats().metadata_bytes >= small::<Plain>().stats().metadata_bytes);
}
