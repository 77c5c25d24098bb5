//! Random actions: each thread fills and empties a table of blocks, and may give some of them to whoever comes by.

use std::alloc::Layout;
use std::ptr::{NonNull, null_mut};
use std::time::Duration;

use fastrand::Rng;

use crate::exchange::{Exchange, Tag, free_tagged};
use crate::shared::Shared;
use crate::threads::{self, Arena};

/// Blocks that a thread has at most; half of them live.
const BLOCKS: usize = 512;

/// Every so many releases, where releases are exchanged.
const EXCHANGED: usize = 8;

/// Which sizes are asked for.
#[derive(Clone, Copy)]
pub enum Sizes {
    /// 8 to 64 bytes.
    Pooled,
    /// As the mix of `benches/mcu`: 70 % up to 64 bytes, 20 % up to 256, 8 % up to 1 KiB, 2 % up to 4 KiB.
    Mixed,
}

impl Sizes {
    fn layout(self, rng: &mut Rng) -> Layout {
        let bytes = match self {
            Self::Mixed => match rng.u32(..100) {
                0..70 => rng.usize(8..=64),
                70..90 => rng.usize(65..=256),
                90..98 => rng.usize(257..=1024),
                _ => rng.usize(1025..=4096),
            },
            Self::Pooled => rng.usize(8..=64),
        };
        // SAFETY: 8 is a power of two, and the size a multiple of it far below the limit.
        unsafe { Layout::from_size_align_unchecked(bytes.next_multiple_of(8), 8) }
    }
}

/// Which thread frees what another allocated.
#[derive(Clone, Copy, PartialEq)]
pub enum Releases {
    /// That thread.
    Own,
    /// Of an eighth, whoever comes by next.
    Exchanged,
}

/// What the threads do.
#[derive(Clone, Copy)]
pub struct Actions {
    pub sizes: Sizes,
    pub releases: Releases,
}

/// Every workload of random actions, by name.
pub const ALL: [(&str, Actions); 4] = [
    ("actions-pooled-own", Actions { sizes: Sizes::Pooled, releases: Releases::Own }),
    ("actions-mixed-own", Actions { sizes: Sizes::Mixed, releases: Releases::Own }),
    ("actions-pooled", Actions { sizes: Sizes::Pooled, releases: Releases::Exchanged }),
    ("actions-mixed", Actions { sizes: Sizes::Mixed, releases: Releases::Exchanged }),
];

/// Time for so many of these actions by each of so many threads on one heap.
pub type Run = fn(&Arena, Actions, usize, usize) -> Duration;

pub fn run<H: Shared>(arena: &Arena, actions: Actions, threads: usize, count: usize) -> Duration {
    // SAFETY: this heap is gone at the end of this function.
    let heap = unsafe { H::start(arena.lend()) };
    let exchange = Exchange::default();
    let time = threads::together(threads, |number| {
        let mut thread =
            Thread { heap: &*heap, exchange: &exchange, actions, turn: number, blocks: [null_mut(); BLOCKS] };
        thread.act(&mut Rng::with_seed(number as u64 + 1), count);
        thread.end();
    });
    // SAFETY: only blocks of this heap were left.
    unsafe { exchange.clear(&*heap) };
    time
}

struct Thread<'a, H> {
    heap: &'a H,
    exchange: &'a Exchange,
    actions: Actions,
    turn: usize,
    /// Null, or a tagged block of this thread's.
    blocks: [*mut u8; BLOCKS],
}

impl<H: Shared> Thread<'_, H> {
    fn act(&mut self, rng: &mut Rng, count: usize) {
        for _ in 0..count {
            let index = rng.usize(..BLOCKS);
            match NonNull::new(self.blocks[index]) {
                None => self.blocks[index] = self.alloc(rng),
                Some(block) => {
                    self.blocks[index] = null_mut();
                    self.release(block.as_ptr());
                }
            }
        }
    }

    fn alloc(&self, rng: &mut Rng) -> *mut u8 {
        let layout = self.actions.sizes.layout(rng);
        // SAFETY: the layout is not empty, and no block is smaller than a tag.
        unsafe {
            let block = self.heap.alloc(layout);
            assert!(!block.is_null(), "{} refuses {layout:?}", H::NAME);
            Tag::write(block, layout);
            block
        }
    }

    fn release(&mut self, block: *mut u8) {
        self.turn += 1;
        let block = if self.actions.releases == Releases::Exchanged && self.turn.is_multiple_of(EXCHANGED) {
            self.exchange.swap(self.turn / EXCHANGED, block).map_or(null_mut(), NonNull::as_ptr)
        } else {
            block
        };
        if !block.is_null() {
            // SAFETY: out of this thread's table or out of the exchange, which holds tagged blocks of this heap.
            unsafe { free_tagged(self.heap, block) }
        }
    }

    fn end(&mut self) {
        for block in std::mem::replace(&mut self.blocks, [null_mut(); BLOCKS]) {
            if !block.is_null() {
                // SAFETY: this thread's.
                unsafe { free_tagged(self.heap, block) }
            }
        }
    }
}
