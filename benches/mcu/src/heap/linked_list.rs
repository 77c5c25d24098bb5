//! linked_list_allocator behind the spin lock that it brings: not for interrupt handlers.

use super::{ARENA_BYTES, arena};

pub const LOCK: &str = "spin";
pub static HEAP: linked_list_allocator::LockedHeap = linked_list_allocator::LockedHeap::empty();

pub fn init() {
    // SAFETY: called once; nobody else uses the arena.
    unsafe { HEAP.lock().init(arena::start(), ARENA_BYTES) }
}
