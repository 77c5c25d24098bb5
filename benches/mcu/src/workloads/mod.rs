//! What the allocators are put through. Every workload starts with a heap that is as at boot but for one block of
//! 8 bytes, allocated and freed: what a first call sets up is measured by a workload of its own.

mod checker;
mod churn;
mod collections;
mod fixed;
mod resize;

pub use collections::Counted;

use crate::heap::{self, ARENA_BYTES, HEAP};
use crate::mask;
use crate::record::Record;
use crate::replay::{BLOCKS_MAX, Block, Replay};
use crate::report;
use crate::rng::Rng;
use core::cell::UnsafeCell;
use core::mem;
use core::ptr;

/// Runs everything there is, a line of results each.
///
/// # Safety
/// Called once, before anything has been allocated.
pub unsafe fn run_all() {
    let mut bench = Bench {
        // SAFETY: once, as this function.
        replay: Replay::new(unsafe { Record::take() }),
        live: unsafe { &mut *LIVE.0.get() },
        count: 0,
        at_boot: AtBoot::take(),
    };
    first_call(&mut bench);
    fixed::run(&mut bench);
    churn::run(&mut bench);
    resize::run(&mut bench);
    collections::run(&mut bench);
    if !heap::IS_FLOOR {
        checker::run(&mut bench);
    }
}

/// What the heap's own statics hold before its first use: restored before every workload.
struct AtBoot(&'static [u8]);

const STATICS_MAX: usize = ARENA_BYTES + 8 * 1024;

struct Copy(UnsafeCell<[u8; STATICS_MAX]>);

// SAFETY: one thread.
unsafe impl Sync for Copy {}

static COPY: Copy = Copy(UnsafeCell::new([0; STATICS_MAX]));

impl AtBoot {
    fn take() -> Self {
        let bytes = mem::size_of_val(&HEAP);
        assert!(bytes <= STATICS_MAX, "the heap's static takes {bytes} bytes");
        // SAFETY: both are `bytes` long, and nobody else uses either.
        unsafe {
            let copy = COPY.0.get().cast::<u8>();
            ptr::copy_nonoverlapping((&raw const HEAP).cast(), copy, bytes);
            Self(core::slice::from_raw_parts(copy, bytes))
        }
    }

    fn restore(&self) {
        // SAFETY: the heap has no live blocks; what changes lies in cells, since it has changed through `&HEAP`.
        unsafe { ptr::copy_nonoverlapping(self.0.as_ptr(), (&raw const HEAP).cast_mut().cast(), self.0.len()) }
    }
}

struct Live(UnsafeCell<[Block; BLOCKS_MAX]>);

// SAFETY: one thread.
unsafe impl Sync for Live {}

static LIVE: Live = Live(UnsafeCell::new([Block::NONE; BLOCKS_MAX]));

/// The allocator under test and a table of its live blocks.
pub struct Bench {
    pub replay: Replay,
    live: &'static mut [Block; BLOCKS_MAX],
    count: usize,
    at_boot: AtBoot,
}

impl Bench {
    /// As at boot.
    fn restore(&mut self) {
        assert_eq!(self.count, 0, "the workload before left blocks behind");
        self.at_boot.restore();
        heap::init();
        self.replay.clear();
    }

    /// As after the first call.
    pub fn begin(&mut self) {
        self.restore();
        let block = self.replay.alloc(8, 4).expect("a first block");
        self.replay.dealloc(block);
        self.replay.clear();
    }

    /// Reports what happened since [`begin`](Self::begin).
    pub fn end(&mut self, name: &str, group: &str, extra: &[(&str, u64)]) {
        self.free_all();
        report::workload(name, group, &self.replay.record, extra);
    }

    pub fn live(&self) -> usize {
        self.count
    }

    fn keep(&mut self, block: Option<Block>) -> bool {
        if let Some(block) = block {
            self.live[self.count] = block;
            self.count += 1;
        }
        block.is_some()
    }

    /// Whether the request was served.
    pub fn alloc(&mut self, size: usize, align: usize) -> bool {
        let block = self.replay.alloc(size, align);
        self.keep(block)
    }

    pub fn alloc_zeroed(&mut self, size: usize, align: usize) -> bool {
        let block = self.replay.alloc_zeroed(size, align);
        self.keep(block)
    }

    pub fn is_table_full(&self) -> bool {
        self.count == BLOCKS_MAX
    }

    /// Frees a block; the last one takes its place in the table.
    pub fn free(&mut self, index: usize) {
        self.count -= 1;
        self.live.swap(index, self.count);
        self.replay.dealloc(self.live[self.count]);
    }

    pub fn free_random(&mut self, rng: &mut Rng) {
        self.free(rng.below(self.count));
    }

    pub fn free_all_random(&mut self, rng: &mut Rng) {
        while self.count > 0 {
            self.free_random(rng);
        }
    }

    /// Frees what a predicate on the index selects, from the end: only places that have been looked at change hands.
    pub fn free_where(&mut self, selects: impl Fn(usize) -> bool) {
        for index in (0..self.count).rev() {
            if selects(index) {
                self.free(index);
            }
        }
    }

    pub fn free_all(&mut self) {
        self.free_where(|_| true);
    }

    /// Whether the block could be resized.
    pub fn realloc(&mut self, index: usize, new_size: usize) -> bool {
        self.replay.realloc(&mut self.live[index], new_size)
    }

    pub fn size(&self, index: usize) -> usize {
        self.live[index].size()
    }
}

/// What a heap sets up when it is first asked.
fn first_call(bench: &mut Bench) {
    mask::calibrate();
    bench.restore();
    bench.alloc(8, 4);
    bench.end("first-call", "first", &[]);
}

/// A share of the arena in hundredths of a percent.
fn share(bytes: usize) -> u64 {
    bytes as u64 * 10_000 / ARENA_BYTES as u64
}
