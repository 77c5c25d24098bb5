//! The shadow model: knows every live block, and checks each step of a heap against that.
//!
//! `tests/differential.rs` drives it by seeds, and the fuzzers of `fuzz/` by what they find.
//!
//! | file | what it holds |
//! |---|---|
//! | `action` | what is done to a heap, and how a fuzzer chooses |
//! | `exact` | what follows for a heap whose blocks are exactly as long as they were asked for |
//! | `seeded` | how a seed chooses |
//! | `configs` | configurations under test |
//! | `door` | a policy that makes the large tier look held |
//! | `memory` | memory for a heap under test |

mod action;
#[cfg(not(target_arch = "wasm32"))]
pub mod configs;
#[cfg(not(target_arch = "wasm32"))]
mod door;
mod exact;
mod memory;
#[cfg(not(fuzzing))]
pub mod seeded;

pub use action::{Action, Wrong};
#[cfg(not(target_arch = "wasm32"))]
pub use door::Door;
pub use memory::Memory;

use core::alloc::Layout;
use core::ops::Range;
use larder::{Config, Inspect, Region, Small, large::Large, policy::Policy};
// Not in the prelude of a module without `std`.
use std::vec::Vec;

/// A heap under test.
pub trait Heap: Inspect {
    /// How many free runs an empty heap has after `trim`.
    fn runs_at_rest(&self) -> usize {
        1
    }

    /// Where blocks lie, if the heap is exact: see `exact`.
    fn exact_ground(&self) -> Option<Range<usize>> {
        None
    }
}

impl<P: Policy, L: Large, C: Config> Heap for Region<C, P, L> {
    fn runs_at_rest(&self) -> usize {
        runs_at_rest::<C>()
    }
}

/// One, unless reserved pages lie behind what the pools may not have.
pub fn runs_at_rest<C: Config>() -> usize {
    if C::POOLED_PERCENT < 100 && !C::RESERVED.is_empty() { 2 } else { 1 }
}

impl<const BYTES: usize, C: Config> Heap for Small<BYTES, C> {
    fn exact_ground(&self) -> Option<Range<usize>> {
        let start = core::ptr::from_ref(self).addr();
        Some(start..start + BYTES - self.stats().metadata_bytes)
    }
}

/// A page of a pool, and by how much it can be longer, where the rest would have been too short for a run.
const PAGE_BYTES: usize = 256;
const PAGE_TAIL_BYTES: usize = 8;

struct Block {
    ptr: *mut u8,
    layout: Layout,
    stamp: u8,
}

/// The model: live blocks with their contents, and counts of what the heap should count.
pub struct Shadow<'a, H: ?Sized> {
    heap: &'a H,
    memory: &'a Memory,
    live: Vec<Block>,
    freed: Option<Block>,
    stamp: u8,
    wrong_frees: u32,
    pub refused: u32,
    /// Of these, requests that an empty heap would have served.
    pub exhausted: u32,
    /// By how much blocks may have been longer than their layouts, of those freed since nothing was deferred: what
    /// is deferred counts by its layout, and the rest of it as live.
    tails: usize,
    /// Where blocks lie, if the heap is exact.
    ground: Option<Range<usize>>,
}

impl<'a, H: Heap + ?Sized> Shadow<'a, H> {
    /// A model of a heap in that memory, which is empty.
    pub fn new(heap: &'a H, memory: &'a Memory) -> Self {
        let ground = heap.exact_ground();
        Self {
            heap,
            memory,
            live: Vec::new(),
            freed: None,
            stamp: 0,
            wrong_frees: 0,
            refused: 0,
            exhausted: 0,
            tails: 0,
            ground,
        }
    }

    /// Does one action and verifies the whole heap after it.
    pub fn step(&mut self, action: Action) {
        self.act(action);
        self.verify_heap(action);
    }

    #[cfg(not(target_arch = "wasm32"))]
    /// The same, while the large tier looks held to a heap whose policy is a [`Door`].
    pub fn step_while_held(&mut self, action: Action) {
        door::while_shut(|| self.act(action));
        self.verify_heap(action);
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Alloc { size, align_log2 } => self.alloc(size.max(1), 1 << align_log2.min(16), false),
            Action::AllocZeroed { size, align_log2 } => self.alloc(size.max(1), 1 << align_log2.min(16), true),
            Action::Dealloc { which } => self.free(which),
            Action::Realloc { which, size } => self.realloc(which, size.max(1)),
            Action::WrongFree(wrong) => self.wrong_free(wrong),
            Action::WrongRealloc { wrong, size } => self.wrong_realloc(wrong, size.max(1)),
            Action::Trim => self.heap.trim(),
        }
    }

    fn alloc(&mut self, size: usize, align: usize, zeroed: bool) {
        let Ok(layout) = Layout::from_size_align(size, align) else { return };
        let free = self.free_runs();
        // SAFETY: the layout's size is not zero.
        let ptr = unsafe { if zeroed { self.heap.alloc_zeroed(layout) } else { self.heap.alloc(layout) } };
        if let Some(free) = free {
            free.verify_alloc(layout, ptr);
        }
        if ptr.is_null() {
            return self.count_refused(size);
        }
        if zeroed {
            // SAFETY: the block is ours and has `size` bytes.
            let bytes = unsafe { core::slice::from_raw_parts(ptr, size) };
            assert!(bytes.iter().all(|&byte| byte == 0), "{layout:?} is not zeroed");
        }
        self.freed = None;
        self.adopt(ptr, layout);
    }

    fn count_refused(&mut self, size: usize) {
        self.refused += 1;
        self.exhausted += u32::from(size < self.memory.len() / 2);
    }

    /// Verifies that a block is new, and stamps it.
    fn adopt(&mut self, ptr: *mut u8, layout: Layout) {
        assert_eq!(ptr as usize % layout.align(), 0, "{ptr:p} for {layout:?}");
        assert!(self.heap.usable_size(ptr) >= layout.size());
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
    }

    fn free(&mut self, which: usize) {
        if self.live.is_empty() {
            return;
        }
        let block = self.live.swap_remove(which % self.live.len());
        verify(&block, block.layout.size());
        self.tails += self.heap.usable_size(block.ptr).saturating_sub(block.layout.size());
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
        let Ok(layout) = Layout::from_size_align(size, block.layout.align()) else { return };
        let free = self.free_runs();
        // SAFETY: the block is live and ours, this is its layout, the size is valid and not zero.
        let ptr = unsafe { self.heap.realloc(block.ptr, block.layout, size) };
        if let Some(free) = free {
            free.verify_realloc(block, layout, ptr);
        }
        if ptr.is_null() {
            verify(block, block.layout.size());
            return self.count_refused(size);
        }
        self.freed = None;
        let old = self.live.swap_remove(at);
        verify(&Block { ptr, layout, stamp: old.stamp }, size.min(old.layout.size()));
        self.adopt(ptr, layout);
    }

    fn wrong_free(&mut self, wrong: Wrong) {
        let Some((ptr, layout)) = self.wrong_block(wrong) else { return };
        if self.is_exact() && self.live.iter().all(|block| block.ptr != ptr) {
            assert_eq!(self.heap.usable_size(ptr), 0, "{ptr:p}");
        }
        // SAFETY: none: this breaks the contract on purpose. The heap finds it without touching a block.
        unsafe { self.heap.dealloc(ptr, layout) };
        self.wrong_frees += 1;
    }

    fn wrong_realloc(&mut self, wrong: Wrong, size: usize) {
        let Some((ptr, layout)) = self.wrong_block(wrong) else { return };
        if !self.is_exact() || Layout::from_size_align(size, layout.align()).is_err() {
            return;
        }
        // SAFETY: none: this breaks the contract on purpose, likewise.
        let moved = unsafe { self.heap.realloc(ptr, layout, size) };
        assert!(moved.is_null(), "{ptr:p} is no block of {layout:?}, but was resized");
        self.wrong_frees += 1;
    }

    /// What is to be freed wrongly; `None` where the model has nothing of that kind.
    fn wrong_block(&self, wrong: Wrong) -> Option<(*mut u8, Layout)> {
        match wrong {
            Wrong::Again => self.freed.as_ref().map(|block| (block.ptr, block.layout)),
            Wrong::Inside { which, offset } => {
                let block = self.live.get(which % self.live.len().max(1))?;
                let offset = offset % block.layout.size();
                (offset != 0).then(|| (block.ptr.wrapping_add(offset), block.layout))
            }
            Wrong::Anywhere { offset, size } => {
                let ptr = self.memory.address(offset);
                let is_live = self.live.iter().any(|block| block.ptr == ptr);
                Some((ptr, Layout::from_size_align(size, 1).ok()?)).filter(|_| !is_live)
            }
            Wrong::Elsewhere => Some((core::ptr::from_mut(&mut 0u64).cast(), Layout::new::<u64>())),
            Wrong::OtherSize { which, number } => self.another_size(which, number),
        }
    }

    fn verify_heap(&mut self, action: Action) {
        if let Err(error) = self.heap.check() {
            panic!("after {action:?}: {error}\n{}", self.heap.stats());
        }
        self.compare(action);
        self.verify_exact(action);
    }

    /// Compares the heap's figures with the model's.
    fn compare(&mut self, action: Action) {
        let stats = self.heap.stats();
        if stats.deferred_bytes == 0 {
            self.tails = 0;
        }
        assert_eq!(stats.wrong_frees, self.wrong_frees, "wrong frees after {action:?}");
        assert_eq!(stats.refused, self.refused, "refused requests after {action:?}");
        let requested = self.requested();
        assert!(stats.live_bytes >= requested, "{requested} requested, but after {action:?}:\n{stats}");
        if self.live.is_empty() {
            let pooled: usize = stats.classes().iter().map(|row| row.blocks_live).sum();
            assert_eq!(pooled, 0, "after {action:?}:\n{stats}");
            // The release of a page may be deferred as well.
            let tails = self.tails + stats.deferred_bytes / PAGE_BYTES * PAGE_TAIL_BYTES;
            assert!(stats.live_bytes <= tails, "after {action:?}:\n{stats}");
        }
    }

    fn requested(&self) -> usize {
        self.live.iter().map(|block| block.layout.size()).sum()
    }

    /// Frees everything.
    pub fn free_all(&mut self) {
        while !self.live.is_empty() {
            self.free(0);
        }
    }

    /// Frees everything; then all of the heap must be free, in one run but for what stays where it is.
    pub fn finish(mut self) {
        self.free_all();
        self.heap.trim();
        self.heap.check().unwrap();
        let stats = self.heap.stats();
        assert_eq!(stats.live_bytes, 0, "{stats}");
        assert_eq!(stats.free_bytes, stats.arena_bytes - stats.metadata_bytes - stats.waste_bytes, "{stats}");
        assert_eq!(stats.free_runs, self.heap.runs_at_rest(), "{stats}");
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
