//! The shadow model: knows every live block, and checks each step of a heap against that.

use core::alloc::{GlobalAlloc, Layout};
use larder::{CheckError, Config, Region, Stats, large::Large, policy::Policy};

/// One call, as a fuzzer or a seed chooses it. Numbers are taken modulo what there is.
#[derive(Debug, Clone, Copy)]
pub enum Action {
    Alloc {
        size: usize,
        align_log2: u32,
        zeroed: bool,
    },
    Free {
        which: usize,
    },
    Realloc {
        which: usize,
        size: usize,
    },
    /// Free what is free already, what is no block's start, or what is not the heap's.
    WrongFree {
        which: usize,
        kind: u8,
    },
    Trim,
}

/// What the model asks of a heap under test.
pub trait Heap: GlobalAlloc {
    fn check(&self) -> Result<(), CheckError>;
    fn stats(&self) -> Stats;
    fn trim(&self);
    fn usable_size(&self, ptr: *const u8, layout: Layout) -> usize;
}

impl<P: Policy, L: Large, C: Config> Heap for Region<P, L, C> {
    fn check(&self) -> Result<(), CheckError> {
        Region::check(self)
    }
    fn stats(&self) -> Stats {
        Region::stats(self)
    }
    fn trim(&self) {
        Region::trim(self);
    }
    fn usable_size(&self, ptr: *const u8, layout: Layout) -> usize {
        Region::usable_size(self, ptr, layout)
    }
}

struct Block {
    ptr: *mut u8,
    layout: Layout,
    stamp: u8,
}

/// The model: live blocks with their contents, and counts of what the heap should count.
pub struct Shadow<'a, H> {
    heap: &'a H,
    live: Vec<Block>,
    freed: Option<Block>,
    stamp: u8,
    wrong_frees: u32,
    pub refused: u32,
    /// The most bytes that were ever live at once, as requested.
    peak: usize,
}

impl<'a, H: Heap> Shadow<'a, H> {
    pub fn new(heap: &'a H) -> Self {
        Self { heap, live: Vec::new(), freed: None, stamp: 0, wrong_frees: 0, refused: 0, peak: 0 }
    }

    /// Does one action and verifies the whole heap after it.
    pub fn step(&mut self, action: Action) {
        self.act(action);
        if let Err(error) = self.heap.check() {
            panic!("after {action:?}: {error}\n{}", self.heap.stats());
        }
        self.compare(action);
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Alloc { size, align_log2, zeroed } => self.alloc(size.max(1), 1 << align_log2.min(16), zeroed),
            Action::Free { which } => self.free(which),
            Action::Realloc { which, size } => self.realloc(which, size.max(1)),
            Action::WrongFree { which, kind } => self.wrong_free(which, kind),
            Action::Trim => self.heap.trim(),
        }
    }

    fn alloc(&mut self, size: usize, align: usize, zeroed: bool) {
        let Ok(layout) = Layout::from_size_align(size, align) else { return };
        // SAFETY: the layout's size is not zero.
        let ptr = unsafe { if zeroed { self.heap.alloc_zeroed(layout) } else { self.heap.alloc(layout) } };
        if ptr.is_null() {
            self.refused += 1;
            return;
        }
        if zeroed {
            // SAFETY: the block is ours and has `size` bytes.
            let bytes = unsafe { core::slice::from_raw_parts(ptr, size) };
            assert!(bytes.iter().all(|&byte| byte == 0), "{layout:?} is not zeroed");
        }
        self.freed = None;
        self.adopt(ptr, layout);
    }

    /// Verifies that a block is new, and stamps it.
    fn adopt(&mut self, ptr: *mut u8, layout: Layout) {
        assert_eq!(ptr as usize % layout.align(), 0, "{ptr:p} for {layout:?}");
        assert!(self.heap.usable_size(ptr, layout) >= layout.size());
        for other in &self.live {
            let (a, b) = (ptr as usize, other.ptr as usize);
            assert!(
                a + layout.size() <= b || b + other.layout.size() <= a,
                "{ptr:p} {layout:?} overlaps {:p} {:?}",
                other.ptr,
                other.layout
            );
        }
        self.stamp = self.stamp.wrapping_add(1);
        let block = Block { ptr, layout, stamp: self.stamp };
        // SAFETY: the block is ours and has so many bytes.
        unsafe { fill(&block) };
        self.live.push(block);
        self.peak = self.peak.max(self.requested());
    }

    fn free(&mut self, which: usize) {
        if self.live.is_empty() {
            return;
        }
        let block = self.live.swap_remove(which % self.live.len());
        verify(&block, block.layout.size());
        // SAFETY: the block is live and ours, and this is its layout.
        unsafe { self.heap.dealloc(block.ptr, block.layout) };
        self.freed = Some(block);
    }

    fn realloc(&mut self, which: usize, size: usize) {
        if self.live.is_empty() {
            return;
        }
        let at = which % self.live.len();
        let block = &self.live[at];
        if Layout::from_size_align(size, block.layout.align()).is_err() {
            return;
        }
        // SAFETY: the block is live and ours, this is its layout, the size is valid and not zero.
        let ptr = unsafe { self.heap.realloc(block.ptr, block.layout, size) };
        if ptr.is_null() {
            self.refused += 1;
            verify(block, block.layout.size());
            return;
        }
        self.freed = None;
        if ptr != self.live[at].ptr {
            // While it moves, both are live.
            self.peak = self.peak.max(self.requested() + size);
        }
        let old = self.live.swap_remove(at);
        let layout = Layout::from_size_align(size, old.layout.align()).unwrap();
        verify(&Block { ptr, layout, stamp: old.stamp }, size.min(old.layout.size()));
        self.adopt(ptr, layout);
    }

    fn wrong_free(&mut self, which: usize, kind: u8) {
        let mut elsewhere = 0u64;
        let (ptr, layout) = match kind % 3 {
            // Free already, and still free: nothing was allocated since.
            0 => match &self.freed {
                Some(block) => (block.ptr, block.layout),
                None => return,
            },
            // In the middle of a live pooled block.
            1 => match self.live.get(which % self.live.len().max(1)) {
                Some(block) if block.layout.size() <= 64 => (block.ptr.wrapping_add(4), block.layout),
                _ => return,
            },
            _ => (core::ptr::from_mut(&mut elsewhere).cast(), Layout::new::<u64>()),
        };
        // SAFETY: none: this breaks the contract on purpose. The heap finds it without touching a block.
        unsafe { self.heap.dealloc(ptr, layout) };
        self.wrong_frees += 1;
    }

    /// Compares the heap's figures with the model's.
    fn compare(&self, action: Action) {
        let stats = self.heap.stats();
        assert_eq!(stats.wrong_frees, self.wrong_frees, "wrong frees after {action:?}");
        let requested = self.requested();
        assert!(stats.live_bytes >= requested, "{requested} requested, but after {action:?}:\n{stats}");
        #[cfg(feature = "live-peak")]
        assert_eq!(stats.live_peak_bytes, self.peak, "after {action:?}");
        if self.live.is_empty() {
            let pooled: usize = stats.classes().iter().map(|row| row.blocks_live).sum();
            assert_eq!(pooled, 0, "after {action:?}:\n{stats}");
            if stats.free_runs.is_some() {
                assert_eq!(stats.live_bytes, 0, "after {action:?}:\n{stats}");
            }
        }
    }

    fn requested(&self) -> usize {
        self.live.iter().map(|block| block.layout.size()).sum()
    }

    /// Frees everything; then all of the heap must be one free run.
    pub fn finish(mut self) {
        while !self.live.is_empty() {
            self.free(0);
        }
        self.heap.trim();
        self.heap.check().unwrap();
        let stats = self.heap.stats();
        assert_eq!(stats.live_bytes, 0, "{stats}");
        assert_eq!(stats.free_bytes, stats.arena_bytes - stats.metadata_bytes - stats.waste_bytes, "{stats}");
        if let Some(runs) = stats.free_runs {
            assert_eq!(runs, 1, "{stats}");
        }
    }

    pub fn verify_all(&self) {
        self.live.iter().for_each(|block| verify(block, block.layout.size()));
    }
}

/// # Safety
///
/// The block is live and the caller's.
unsafe fn fill(block: &Block) {
    for at in 0..block.layout.size() {
        // SAFETY: inside the block.
        unsafe { block.ptr.add(at).write(block.stamp.wrapping_add(at as u8)) };
    }
}

fn verify(block: &Block, len: usize) {
    for at in 0..len {
        // SAFETY: the block is live and has so many bytes.
        let byte = unsafe { block.ptr.add(at).read() };
        assert_eq!(byte, block.stamp.wrapping_add(at as u8), "byte {at} of {:p} {:?}", block.ptr, block.layout);
    }
}

/// What kinds of requests a run makes.
#[derive(Clone, Copy)]
pub struct Mix {
    /// The largest common request.
    pub size: usize,
    /// How full the heap is kept, in percent of allocations among allocations and frees.
    pub alloc_percent: u32,
}

/// A seeded choice of actions.
pub fn action(random: &mut fastrand::Rng, mix: Mix) -> Action {
    let which = random.usize(..);
    let size = match random.u32(..100) {
        0..70 => random.usize(1..=64),
        70..97 => random.usize(1..=mix.size),
        97 => random.usize(1..=mix.size * 16),
        98 => random.usize(1..=256 * 1024),
        _ => isize::MAX as usize - random.usize(..100_000),
    };
    match random.u32(..100) {
        0..80 if random.u32(..100) < mix.alloc_percent => {
            let align_log2 = if random.u32(..10) == 0 { random.u32(..=16) } else { 0 };
            Action::Alloc { size, align_log2, zeroed: random.bool() }
        }
        0..80 => Action::Free { which },
        80..95 => Action::Realloc { which, size },
        95..99 => Action::WrongFree { which, kind: random.u8(..) },
        _ => Action::Trim,
    }
}

/// Memory for a region, aligned to 64 KiB so that every alignment that is served can be.
pub struct Memory(*mut u8, Layout);

impl Memory {
    pub fn new(bytes: usize) -> Self {
        let layout = Layout::from_size_align(bytes, 64 * 1024).unwrap();
        // SAFETY: the size is not zero.
        let ptr = unsafe { std::alloc::alloc(layout) };
        assert!(!ptr.is_null());
        // SAFETY: so many bytes are ours. 0xA5: tables that are not zeroed are found.
        unsafe { ptr.write_bytes(0xA5, bytes) };
        Self(ptr, layout)
    }

    pub fn region<P: Policy, L: Large, C: Config>(&self) -> Region<P, L, C> {
        let region = Region::new();
        // SAFETY: the memory outlives the region in every test, and is nobody else's.
        unsafe { region.claim(self.0, self.1.size()) }.unwrap();
        region
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout.
        unsafe { std::alloc::dealloc(self.0, self.1) };
    }
}
