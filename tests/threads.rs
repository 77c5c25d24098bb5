//! Threads that share one heap with little room: every block is stamped and verified, many are freed by another
//! thread than the one that asked for them, and the heap is full most of the time.
//!
//! The same under ThreadSanitizer, as a program of its own, because the test harness itself is reported:
//!
//! ```text
//! cp tests/threads.rs examples/threads_tsan.rs
//! RUSTFLAGS="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer" cargo +nightly run --release --all-features \
//!     --target x86_64-unknown-linux-gnu --target-dir target/tsan --example threads_tsan
//! ```
#![cfg(feature = "spin")]

use larder::large::Large;
use larder::policy::{Patient, Policy, Spin, Try};
use larder::{CheckError, Config, Defaults, Heap, Inspect, Piece, Region, Small, Stats};
use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Barrier, Once};

const THREADS: usize = 4;
/// Miri, which `cargo xtask miri` runs, takes seconds for so few, which fill no heap: there it is about what is undefined.
const STEPS: usize = if cfg!(miri) { 60 } else { 150_000 };

/// What is asked of a heap.
trait Subject: Inspect + Sync {
    /// How many memories it has.
    const MEMORIES: usize = 1;
}

impl<const BYTES: usize, P: Policy, L: Large, C: Config> Subject for Heap<BYTES, C, P, L> {}

impl<const BYTES: usize> Subject for Small<BYTES> {}

/// A live block, whose bytes all hold the stamp.
struct Block {
    ptr: *mut u8,
    layout: Layout,
    stamp: u8,
}

// SAFETY: a block belongs to its holder.
unsafe impl Send for Block {}

impl Block {
    fn fill(&self) {
        // SAFETY: the block is ours and has so many bytes.
        unsafe { self.ptr.write_bytes(self.stamp, self.layout.size()) };
    }

    fn verify(&self, len: usize) {
        // SAFETY: the block is ours, has so many bytes, and `fill` has written them.
        let bytes = unsafe { core::slice::from_raw_parts(self.ptr, len) };
        assert!(bytes.iter().all(|&byte| byte == self.stamp), "somebody wrote into {:p} {:?}", self.ptr, self.layout);
    }
}

/// What one thread does.
struct Worker<'a, H> {
    heap: &'a H,
    random: fastrand::Rng,
    held: Vec<Block>,
    next: Sender<Block>,
    mail: Receiver<Block>,
    refused: &'a AtomicU32,
}

impl<H: GlobalAlloc> Worker<'_, H> {
    /// More is allocated than freed, until the heap is full.
    fn step(&mut self) {
        match self.random.u32(0..100) {
            0..45 => self.alloc(),
            45..70 => self.free(),
            70..80 => self.realloc(),
            80..90 => self.send(),
            _ => self.receive(),
        }
    }

    fn size(&mut self) -> usize {
        match self.random.u32(0..16) {
            0 => self.random.usize(1..2000),
            1..4 => self.random.usize(65..300),
            _ => self.random.usize(1..=64),
        }
    }

    fn alloc(&mut self) {
        let align = if self.random.u32(0..8) == 0 { 1 << self.random.u32(0..9) } else { 8 };
        let layout = Layout::from_size_align(self.size(), align).unwrap();
        // SAFETY: the layout's size is not zero.
        let ptr = unsafe { self.heap.alloc(layout) };
        if ptr.is_null() {
            self.refused.fetch_add(1, Relaxed);
            return self.free();
        }
        assert_eq!(ptr.addr() % align, 0);
        self.hold(ptr, layout);
    }

    fn hold(&mut self, ptr: *mut u8, layout: Layout) {
        let block = Block { ptr, layout, stamp: self.random.u8(..) };
        block.fill();
        self.held.push(block);
    }

    fn take(&mut self) -> Option<Block> {
        (!self.held.is_empty()).then(|| self.held.swap_remove(self.random.usize(..self.held.len())))
    }

    fn free(&mut self) {
        if let Some(block) = self.take() {
            self.release(block);
        }
    }

    fn release(&self, block: Block) {
        block.verify(block.layout.size());
        // SAFETY: the block is ours, and this is its layout.
        unsafe { self.heap.dealloc(block.ptr, block.layout) };
    }

    fn realloc(&mut self) {
        let Some(block) = self.take() else { return };
        // Half of them a little longer, into what lies behind them.
        let size = if self.random.bool() { block.layout.size() + self.random.usize(1..=64) } else { self.size() };
        // SAFETY: the block is ours, this is its layout, and the size is not zero.
        let ptr = unsafe { self.heap.realloc(block.ptr, block.layout, size) };
        if ptr.is_null() {
            block.verify(block.layout.size());
            return self.held.push(block);
        }
        let (stamp, len) = (block.stamp, size.min(block.layout.size()));
        let layout = Layout::from_size_align(size, block.layout.align()).unwrap();
        Block { ptr, layout, stamp }.verify(len);
        self.hold(ptr, layout);
    }

    fn send(&mut self) {
        if let Some(block) = self.take() {
            self.next.send(block).unwrap();
        }
    }

    fn receive(&mut self) {
        while let Ok(block) = self.mail.try_recv() {
            self.release(block);
        }
    }

    /// Frees everything; the mail may hold more until all threads have come here.
    fn finish(mut self) -> Receiver<Block> {
        while let Some(block) = self.take() {
            self.release(block);
        }
        self.mail
    }
}

fn hammer<H: Subject>(heap: &H) {
    let refused = AtomicU32::new(0);
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| channel()).unzip();
    std::thread::scope(|scope| {
        let threads: Vec<_> = receivers
            .into_iter()
            .enumerate()
            .map(|(at, mail)| {
                let (next, refused) = (senders[(at + 1) % THREADS].clone(), &refused);
                scope.spawn(move || {
                    let random = fastrand::Rng::with_seed(at as u64);
                    let mut worker = Worker { heap, random, held: Vec::new(), next, mail, refused };
                    for step in 0..STEPS {
                        worker.step();
                        // Now and then somebody looks at the heap, or tidies it.
                        match step % 4096 {
                            1000 if at == 0 => heap.trim(),
                            2000 => drop(heap.stats()),
                            _ => {}
                        }
                    }
                    worker.finish()
                })
            })
            .collect();
        let mail: Vec<Receiver<Block>> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        for block in mail.iter().flat_map(|mail| mail.try_iter()) {
            block.verify(block.layout.size());
            // SAFETY: the block was given to nobody else, and this is its layout.
            unsafe { heap.dealloc(block.ptr, block.layout) };
        }
    });
    assert!(refused.load(Relaxed) > 1000 || cfg!(miri), "the heap was hardly ever full");
    verify_empty(heap);
}

fn verify_empty<H: Subject>(heap: &H) {
    heap.check().unwrap();
    let stats = heap.stats();
    assert_eq!((stats.live_bytes, stats.wrong_frees), (0, 0), "{stats}");
    heap.trim();
    heap.check().unwrap();
    let stats = heap.stats();
    assert_eq!((stats.live_bytes, stats.deferred_bytes), (0, 0), "{stats}");
    assert_eq!(stats.free_bytes, stats.arena_bytes - stats.metadata_bytes, "{stats}");
    assert_eq!(stats.free_runs, H::MEMORIES, "{stats}");
    assert!(H::MEMORIES > 1 || stats.largest_free_bytes == stats.free_bytes, "{stats}");
}

/// Nothing is kept: pages go from class to class all the time.
struct Restless;
impl Config for Restless {
    const CLASSES: &'static [usize] = &[16, 32, 64, 128];
    const KEPT_PAGES: usize = 0;
    const STASH_PAGES: usize = 1;
}

/// Each thread begins in the next of two memories.
struct Homes;
impl Config for Homes {
    const CLASSES: &'static [usize] = &[16, 32, 64, 128];
    const STASH_PAGES: usize = 2;

    fn home() -> usize {
        static THREADS: AtomicU32 = AtomicU32::new(0);
        thread_local! {
            static HOME: u32 = THREADS.fetch_add(1, Relaxed);
        }
        HOME.with(|home| *home as usize)
    }
}

/// A region of two memories of so many bytes.
struct Two<P, const BYTES: usize>(Region<Homes, P>, [Memory<BYTES>; 2], Once);

#[repr(align(256))]
struct Memory<const BYTES: usize>(UnsafeCell<[u8; BYTES]>);

// SAFETY: the region alone uses it.
unsafe impl<const BYTES: usize> Sync for Memory<BYTES> {}

impl<P: Policy, const BYTES: usize> Two<P, BYTES> {
    const fn new() -> Self {
        Self(Region::new(), [const { Memory(UnsafeCell::new([0; BYTES])) }; 2], Once::new())
    }

    fn region(&self) -> &Region<Homes, P> {
        self.2.call_once(|| {
            for memory in &self.1 {
                // SAFETY: it is a static's, and the region's alone.
                unsafe { self.0.claim(memory.0.get().cast(), BYTES) }.unwrap();
            }
        });
        &self.0
    }
}

// SAFETY: passed on.
unsafe impl<P: Policy, const BYTES: usize> GlobalAlloc for Two<P, BYTES> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.region().alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { self.region().dealloc(ptr, layout) }
    }
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.region().realloc(ptr, layout, new_size) }
    }
}

impl<P: Policy, const BYTES: usize> Inspect for Two<P, BYTES> {
    fn stats(&self) -> Stats {
        self.region().stats()
    }
    fn walk(&self, show: &mut dyn FnMut(Piece)) -> bool {
        self.region().walk(show)
    }
    fn check(&self) -> Result<(), CheckError> {
        self.region().check()
    }
    fn trim(&self) {
        self.region().trim();
    }
    fn contains(&self, ptr: *const u8) -> bool {
        self.region().contains(ptr)
    }
    fn usable_size(&self, ptr: *const u8) -> usize {
        self.region().usable_size(ptr)
    }
    unsafe fn try_dealloc(&self, ptr: *mut u8, layout: Layout) -> bool {
        // SAFETY: passed on.
        unsafe { self.region().try_dealloc(ptr, layout) }
    }
}

impl<P: Policy, const BYTES: usize> Subject for Two<P, BYTES> {
    const MEMORIES: usize = 2;
}

/// Runs something in so many threads, each with its number. They are joined one by one: ThreadSanitizer does not see how a scope waits.
fn in_threads(count: usize, run: impl Fn(usize) + Sync) {
    std::thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = (0..count).map(|thread| scope.spawn(move || run(thread))).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// Two threads free the same blocks at the same time, and nobody asks for any: of each, one free is right and the other is wrong.
fn free_twice_at_once<H: Subject>(heap: &H) {
    const ROUNDS: usize = if cfg!(miri) { 1 } else { 600 };
    let mut random = fastrand::Rng::with_seed(1);
    for round in 0..ROUNDS {
        let sizes = core::iter::repeat_with(|| random.usize(1..=3000));
        let layouts = sizes.map(|size| Layout::from_size_align(size, 8).unwrap());
        // SAFETY: sizes are not zero.
        let blocks = layouts.map(|layout| (AtomicPtr::new(unsafe { heap.alloc(layout) }), layout));
        let blocks: Vec<_> = blocks.take_while(|(block, _)| !block.load(Relaxed).is_null()).collect();
        let (before, arrived) = (heap.stats().wrong_frees, AtomicU32::new(0));
        let free_all = || {
            for ((block, layout), both) in blocks.iter().zip((2..).step_by(2)) {
                arrived.fetch_add(1, Relaxed);
                while arrived.load(Relaxed) < both {
                    std::thread::yield_now();
                }
                // SAFETY: one of the two is right, with this layout. The heap has to find the other.
                unsafe { heap.dealloc(block.load(Relaxed), *layout) };
            }
        };
        in_threads(2, |_| free_all());
        assert!(blocks.len() > 2);
        assert_eq!(heap.stats().wrong_frees - before, blocks.len() as u32, "in round {round}");
        heap.check().unwrap();
        assert_eq!((heap.stats().live_bytes, heap.stats().free_runs), (0, 1));
    }
}

/// Long blocks, which come and go word by word of their table, while other threads take what is free of one and free it again at once:
/// neither is ever taken for a wrong free.
fn long_beside_short<H: Subject>(heap: &H) {
    let (rounds, long) = (STEPS / 15, Layout::from_size_align(6000, 8).unwrap());
    let (begin, served) = (Barrier::new(THREADS), AtomicU32::new(0));
    in_threads(THREADS, |thread| {
        begin.wait();
        for round in 0..rounds {
            if thread % 2 != 0 {
                fill_and_free(heap, Layout::from_size_align(64 << (round % 2), 8).unwrap());
                continue;
            }
            // SAFETY: the size is not zero.
            let block = unsafe { heap.alloc(long) };
            if !block.is_null() {
                served.fetch_add(1, Relaxed);
                // SAFETY: the block is ours, and this is its layout.
                unsafe { heap.dealloc(block, long) };
            }
        }
    });
    assert!(served.load(Relaxed) > 1000 || cfg!(miri), "there was hardly ever room for a long block");
    verify_empty(heap);
}

/// Takes all that is free, up to 100 blocks, and frees it.
fn fill_and_free<H: Subject>(heap: &H, layout: Layout) {
    // SAFETY: the size is not zero.
    let blocks = core::iter::repeat_with(|| unsafe { heap.alloc(layout) });
    let blocks: Vec<_> = blocks.take(100).take_while(|block| !block.is_null()).collect();
    for block in blocks {
        // SAFETY: the block is ours, and this is its layout.
        unsafe { heap.dealloc(block, layout) };
    }
}

macro_rules! heaps {
    ($($(#[$attribute:meta])* $name:ident: $heap:ty, $test:ident;)*) => {
        $(
            $(#[$attribute])*
            #[cfg_attr(test, test)]
            fn $name() {
                static HEAP: $heap = <$heap>::new();
                $test(&HEAP);
            }
        )*

        #[cfg(not(test))]
        fn main() {
            $($(#[$attribute])* { $name(); })*
        }
    };
}

heaps! {
    spin: Heap<{ 32 * 1024 }, Defaults, Spin>, hammer;
    try_: Heap<{ 32 * 1024 }, Defaults, Try>, hammer;
    spin_restless: Heap<{ 12 * 1024 }, Restless, Spin>, hammer;
    try_restless: Heap<{ 12 * 1024 }, Restless, Try>, hammer;
    spin_homes: Two<Spin, { 16 * 1024 }>, hammer;
    try_homes: Two<Try, { 8 * 1024 }>, hammer;
    patient: Heap<{ 32 * 1024 }, Defaults, Patient>, hammer;
    patient_restless: Heap<{ 12 * 1024 }, Restless, Patient>, hammer;
    #[cfg(feature = "critical-section")]
    critical_section: Heap<{ 32 * 1024 }, Defaults, larder::policy::CriticalSection>, hammer;
    #[cfg(feature = "linked-list")]
    spin_linked_list: Heap<{ 32 * 1024 }, Defaults, Spin, larder::large::LinkedList>, hammer;
    #[cfg(feature = "linked-list")]
    try_linked_list: Heap<{ 32 * 1024 }, Restless, Try, larder::large::LinkedList>, hammer;
    small: Small<{ 32 * 1024 }>, hammer;
    small_in_a_few_kib: Small<5000>, hammer;
    small_in_one_kib: Small<1024>, hammer;
    small_long_beside_short: Small<{ 32 * 1024 }>, long_beside_short;
    small_freed_twice_at_once: Small<{ 32 * 1024 }>, free_twice_at_once;
}
