//! buddy_system_allocator behind the spin lock that it brings: not for interrupt handlers.

use super::{ARENA_BYTES, arena};

/// The largest block is the whole arena.
const ORDERS: usize = ARENA_BYTES.ilog2() as usize + 1;

pub const LOCK: &str = "spin";
pub static HEAP: buddy_system_allocator::LockedHeap<ORDERS> = buddy_system_allocator::LockedHeap::empty();

pub fn init() {
    // SAFETY: called once; nobody else uses the arena.
    unsafe { HEAP.lock().init(arena::start() as usize, ARENA_BYTES) }
}
