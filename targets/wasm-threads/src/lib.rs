//! Workers that share one memory and one heap.
//!
//! Every worker holds blocks of its own, and all of them put blocks into shared slots, out of which any may take and free
//! what another allocated. A block's first word says how long it is, the second what all its bytes hold.
#![no_std]

extern crate alloc;

mod block;
mod cases;
mod heap;
mod late;

use block::Block;
use core::fmt::Write;
use core::sync::atomic::{AtomicPtr, Ordering::AcqRel};

#[global_allocator]
static HEAP: heap::Heap = heap::new();

/// Room for each worker's stack; the host sets the stack pointers.
#[repr(align(16))]
#[allow(dead_code, reason = "only the address is used")]
pub struct Stacks([u8; 8 * STACK_BYTES]);
const STACK_BYTES: usize = 64 * 1024;

#[unsafe(no_mangle)]
pub static mut STACKS: Stacks = Stacks([0; 8 * STACK_BYTES]);

const SHARED_SLOTS: usize = 512;
const OWN_SLOTS: usize = 256;

static SLOTS: [AtomicPtr<u32>; SHARED_SLOTS] = [const { AtomicPtr::new(core::ptr::null_mut()) }; SHARED_SLOTS];

#[link(wasm_import_module = "host")]
unsafe extern "C" {
    safe fn report(text: *const u8, len: usize);
}

/// A message of limited length: the heap may be what is broken.
struct Message([u8; 512], usize);

impl Write for Message {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for &byte in text.as_bytes().iter().take(self.0.len() - self.1) {
            self.0[self.1] = byte;
            self.1 += 1;
        }
        Ok(())
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    let mut message = Message([0; 512], 0);
    let _ = write!(message, "{info}");
    report(message.0.as_ptr(), message.1);
    core::arch::wasm32::unreachable()
}

/// What a worker does, as the host chooses.
#[derive(Clone, Copy)]
struct Plan {
    /// Of a hundred steps, how many go to the shared slots.
    shared_percent: u32,
    /// The largest pooled-like size is 64; of a hundred requests, how many are larger.
    large_percent: u32,
    /// Whether blocks are filled and verified.
    verified: bool,
}

struct Worker {
    random: u32,
    plan: Plan,
    own: [Option<Block>; OWN_SLOTS],
    /// Calls of the allocator.
    calls: u32,
    refused: u32,
}

impl Worker {
    fn random(&mut self, below: u32) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        ((u64::from(self.random) * u64::from(below)) >> 32) as u32
    }

    fn size(&mut self) -> usize {
        let size = match self.random(100) {
            roll if roll >= self.plan.large_percent => 8 + self.random(57),
            roll if roll * 8 >= self.plan.large_percent => 65 + self.random(448),
            _ => 513 + self.random(8000),
        };
        size as usize
    }

    fn allocate(&mut self) -> Option<Block> {
        let (size, stamp) = (self.size(), self.random(256) as u8);
        self.calls += 1;
        let block = Block::new(size, stamp, self.plan.verified);
        self.refused += u32::from(block.is_none());
        block
    }

    fn free(&mut self, block: Block) {
        self.calls += 1;
        block.free(self.plan.verified);
    }

    fn step(&mut self) {
        if self.random(100) < self.plan.shared_percent {
            let Some(block) = self.allocate() else { return };
            let slot = self.random(SHARED_SLOTS as u32) as usize;
            if let Some(old) = block.exchange(&SLOTS[slot]) {
                self.free(old);
            }
            return;
        }
        let slot = self.random(OWN_SLOTS as u32) as usize;
        self.own[slot] = match self.own[slot].take() {
            None => self.allocate(),
            Some(block) if self.random(8) == 0 => {
                let size = self.size();
                self.calls += 1;
                Some(block.resized(size, self.plan.verified))
            }
            Some(block) => {
                self.free(block);
                None
            }
        };
    }
}

/// Runs steps until so many calls of the allocator were made; then frees the worker's own blocks. Returns how many calls were refused.
#[unsafe(no_mangle)]
extern "C" fn work(seed: u32, calls: u32, shared_percent: u32, large_percent: u32, verified: bool) -> u32 {
    let plan = Plan { shared_percent, large_percent, verified };
    let own = [const { None }; OWN_SLOTS];
    let mut worker = Worker { random: seed.wrapping_mul(0x9E37_79B9) | 1, plan, own, calls: 0, refused: 0 };
    while worker.calls < calls {
        worker.step();
    }
    for slot in 0..OWN_SLOTS {
        if let Some(block) = worker.own[slot].take() {
            worker.free(block);
        }
    }
    worker.refused
}

/// Frees what is left in the shared slots, when all workers have ended.
#[unsafe(no_mangle)]
extern "C" fn clear(verified: bool) {
    for slot in &SLOTS {
        // AcqRel: pairs with the exchange that put the block there.
        if let Some(block) = Block::from_ptr(slot.swap(core::ptr::null_mut(), AcqRel)) {
            block.free(verified);
        }
    }
}
