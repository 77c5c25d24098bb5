//! A trace, replayed by each thread for itself on one heap; some of its releases are done by whoever comes by.

use std::ptr::{NonNull, null_mut};
use std::time::Duration;

use memory::op::{Kind, Op};

use crate::exchange::{Exchange, Tag, free_tagged};
use crate::shared::Shared;
use crate::threads::{self, Arena};
use crate::traces::Ops;

/// Every so many ops, a release is left for others.
const EXCHANGED: usize = 8;

/// Time for so many replays by each of so many threads.
pub type Run = fn(&Arena, &Ops, usize, usize) -> Duration;

pub fn run<H: Shared>(arena: &Arena, trace: &Ops, threads: usize, rounds: usize) -> Duration {
    // SAFETY: this heap is gone at the end of this function.
    let heap = unsafe { H::start(arena.lend()) };
    let exchange = Exchange::default();
    let time = threads::together(threads, |_| {
        let mut slots = vec![Slot::EMPTY; trace.slots];
        for _ in 0..rounds {
            // SAFETY: the trace is valid, and every slot is empty.
            unsafe { replay(&*heap, &trace.ops, &mut slots, Some(&exchange)) };
        }
    });
    // SAFETY: only blocks of this heap were left.
    unsafe { exchange.clear(&*heap) };
    time
}

/// A block of the trace, and the op that made it what it is.
#[derive(Clone, Copy)]
pub struct Slot(*mut u8);

impl Slot {
    pub const EMPTY: Self = Self(null_mut());
}

/// One replay, at whose end every slot is empty again.
///
/// # Panics
/// If a request is refused.
///
/// # Safety
/// The trace is valid, and every slot is empty.
#[inline(never)]
pub unsafe fn replay<H: Shared>(heap: &H, ops: &[Op], slots: &mut [Slot], exchange: Option<&Exchange>) {
    for (index, op) in ops.iter().enumerate() {
        // SAFETY: the trace is valid: the slot is in range, and live where it has to be.
        unsafe {
            let slot = &mut slots.get_unchecked_mut(op.slot as usize).0;
            match op.kind() {
                Kind::Alloc => *slot = heap.alloc(op.layout()),
                Kind::AllocZeroed => *slot = heap.alloc_zeroed(op.layout()),
                Kind::Realloc => *slot = heap.realloc(*slot, op.layout(), op.new_size as usize),
                Kind::Dealloc => {
                    let block = std::mem::replace(slot, null_mut());
                    match exchange.filter(|_| index % EXCHANGED == 0 && op.layout().size() >= Tag::BYTES) {
                        Some(exchange) => swap_and_free(heap, exchange, index, block, op),
                        None => heap.dealloc(block, op.layout()),
                    }
                    continue;
                }
            }
            assert!(!slot.is_null(), "{} refuses {op:?}", H::NAME);
        }
    }
    // SAFETY: as above.
    unsafe { release_rest(heap, ops, slots) };
}

/// # Safety
/// The block is the caller's, and of the op's layout.
unsafe fn swap_and_free<H: Shared>(heap: &H, exchange: &Exchange, index: usize, block: *mut u8, op: &Op) {
    // SAFETY: the caller's contract; the exchange holds tagged blocks of this heap.
    unsafe {
        Tag::write(block, op.layout());
        if let Some(other) = exchange.swap(index / EXCHANGED, block).map(NonNull::as_ptr) {
            free_tagged(heap, other);
        }
    }
}

/// Frees what the program never freed: a live block's layout is that of its slot's last op.
///
/// # Safety
/// The slots are as the ops left them.
unsafe fn release_rest<H: Shared>(heap: &H, ops: &[Op], slots: &mut [Slot]) {
    for op in ops.iter().rev() {
        let block = std::mem::replace(&mut slots[op.slot as usize].0, null_mut());
        if !block.is_null() {
            // SAFETY: the block is live and of that layout.
            unsafe { heap.dealloc(block, op.layout_after()) };
        }
    }
}
