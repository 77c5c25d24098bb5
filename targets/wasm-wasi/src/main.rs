//! A program for WASI with two heaps in one memory: larder, and the C library's malloc. Neither may touch what the other has. The output is
//! libtest's.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::LazyLock;
use std::thread;

#[global_allocator]
static HEAP: larder::wasm::Heap = larder::wasm::Heap::new();

unsafe extern "C" {
    fn malloc(bytes: usize) -> *mut u8;
    fn calloc(count: usize, bytes: usize) -> *mut u8;
    fn realloc(ptr: *mut u8, bytes: usize) -> *mut u8;
    fn free(ptr: *mut u8);
}

/// Whose a block is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Owner {
    Larder,
    Malloc,
}

#[derive(Debug)]
struct Block {
    owner: Owner,
    start: *mut u8,
    bytes: usize,
    /// What every byte of it is.
    filling: u8,
}

// SAFETY: a block belongs to its holder.
unsafe impl Send for Block {}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 8).unwrap()
}

impl Block {
    fn new(owner: Owner, bytes: usize, filling: u8) -> Self {
        // SAFETY: the size is not zero.
        let start = unsafe {
            match owner {
                Owner::Larder => HEAP.alloc_zeroed(layout(bytes)),
                Owner::Malloc => calloc(1, bytes),
            }
        };
        let block = Self { owner, start, bytes, filling: 0 };
        assert!(!start.is_null(), "{block:?}");
        block.verify(bytes);
        block.filled(filling)
    }

    fn filled(mut self, filling: u8) -> Self {
        self.filling = filling;
        // SAFETY: the block is ours, and so long.
        unsafe { self.start.write_bytes(filling, self.bytes) };
        self
    }

    /// The first bytes of it are what they should be.
    fn verify(&self, bytes: usize) {
        // SAFETY: the block is ours, and so long.
        let held = unsafe { std::slice::from_raw_parts(self.start, bytes) };
        assert!(held.iter().all(|&byte| byte == self.filling), "somebody else wrote into {self:?}");
    }

    fn resize(mut self, bytes: usize, filling: u8) -> Self {
        self.verify(self.bytes);
        // SAFETY: the block is ours, of that layout.
        self.start = unsafe {
            match self.owner {
                Owner::Larder => HEAP.realloc(self.start, layout(self.bytes), bytes),
                Owner::Malloc => realloc(self.start, bytes),
            }
        };
        assert!(!self.start.is_null(), "{self:?}");
        let kept = self.bytes.min(bytes);
        self.bytes = bytes;
        self.verify(kept);
        self.filled(filling)
    }

    fn free(self) {
        self.verify(self.bytes);
        // SAFETY: the block is ours, of that layout, and nobody has it from here on.
        unsafe {
            match self.owner {
                Owner::Larder => HEAP.dealloc(self.start, layout(self.bytes)),
                Owner::Malloc => free(self.start),
            }
        }
    }
}

/// Random calls of both heaps.
fn mix(seed: u64, steps: usize) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut blocks: Vec<Block> = Vec::new();
    for _ in 0..steps {
        let owner = if random.bool() { Owner::Larder } else { Owner::Malloc };
        // Now and then one that takes more memory than there is.
        let most = *random.choice([64, 64, 4096, 300_000].iter()).unwrap();
        let (bytes, filling) = (random.usize(1..=most), random.u8(..));
        match random.u8(..10) {
            0..5 => blocks.push(Block::new(owner, bytes, filling)),
            5 | 6 if !blocks.is_empty() => {
                let block = blocks.swap_remove(random.usize(..blocks.len()));
                blocks.push(block.resize(bytes, filling));
            }
            _ if !blocks.is_empty() => blocks.swap_remove(random.usize(..blocks.len())).free(),
            _ => {}
        }
    }
    assert!(!blocks.is_empty());
    blocks.into_iter().for_each(Block::free);
}

fn blocks_of_malloc_are_not_the_heaps() {
    // SAFETY: the size is not zero.
    let (ours, theirs) = unsafe { (HEAP.alloc(layout(8)), malloc(8)) };
    assert!(HEAP.contains(ours) && !HEAP.contains(theirs));
}

/// Each gets memory once.
static HEAPS: [larder::wasm::Heap; 2000] = [const { larder::wasm::Heap::new() }; 2000];

/// Where a thread gets memory while another is in malloc, which may need it in two pieces that touch.
fn memory_that_two_threads_get_at_once_is_not_the_same() {
    let ours = |heaps: &'static [larder::wasm::Heap]| {
        move || {
            for heap in heaps {
                // SAFETY: the size is not zero.
                assert!(!unsafe { heap.alloc(layout(8)) }.is_null());
            }
            Vec::new()
        }
    };
    let theirs = || {
        let sizes = [60_000, 130_000, 20_000, 190_000, 70_000].into_iter().cycle().take(3000);
        // SAFETY: that it takes any size.
        sizes.map(|bytes| (unsafe { malloc(bytes) }.addr(), bytes)).collect()
    };
    let (some, others) = HEAPS.split_at(HEAPS.len() / 2);
    let blocks = at_once(vec![Box::new(ours(some)), Box::new(ours(others)), Box::new(theirs)]);
    let mut all: Vec<(usize, usize)> = blocks.concat();
    for heap in &HEAPS {
        heap.walk(|piece| all.push((piece.start.addr(), piece.bytes)));
    }
    all.sort_unstable();
    assert_ne!(all[0].0, 0, "there was not memory enough");
    let twice = all.windows(2).filter(|pair| pair[0].0 + pair[0].1 > pair[1].0).count();
    assert_eq!(twice, 0, "of {} ranges", all.len());
}

/// What each returns. Where there are no threads, they run one after the other.
fn at_once<R: Send + 'static>(jobs: Vec<Box<dyn FnOnce() -> R + Send>>) -> Vec<R> {
    static HAS_THREADS: LazyLock<bool> = LazyLock::new(|| thread::Builder::new().spawn(|| ()).is_ok());
    if !*HAS_THREADS {
        return jobs.into_iter().map(|job| job()).collect();
    }
    let threads: Vec<_> = jobs.into_iter().map(thread::spawn).collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

fn two_heaps_in_turns() {
    for seed in 1..=3 {
        mix(seed, 6000);
    }
    HEAP.check().unwrap();
}

fn threads_use_both() {
    at_once((11..15).map(|seed| Box::new(move || mix(seed, 4000)) as Box<dyn FnOnce() + Send>).collect());
    HEAP.check().unwrap();
    assert_eq!(HEAP.stats().wrong_frees, 0);
}

fn a_long_block_of_each_grows() {
    let ours = Block::new(Owner::Larder, 3 << 20, 1);
    let theirs = Block::new(Owner::Malloc, 3 << 20, 2);
    let again = Block::new(Owner::Larder, 5 << 20, 3);
    let theirs = theirs.resize(9 << 20, 4);
    [ours, theirs, again].into_iter().for_each(Block::free);
}

fn main() {
    // The first that fails ends the program: WASI's panics are aborts.
    let tests: [(&str, fn()); 5] = [
        ("blocks_of_malloc_are_not_the_heaps", blocks_of_malloc_are_not_the_heaps),
        ("two_heaps_in_turns", two_heaps_in_turns),
        ("threads_use_both", threads_use_both),
        ("memory_that_two_threads_get_at_once_is_not_the_same", memory_that_two_threads_get_at_once_is_not_the_same),
        ("a_long_block_of_each_grows", a_long_block_of_each_grows),
    ];
    println!("running {} tests", tests.len());
    for (name, test) in tests {
        test();
        println!("test {name} ... ok");
    }
    println!("test result: ok. {} passed; 0 failed;", tests.len());
}
