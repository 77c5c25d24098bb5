//! embedded-alloc's TLSF heap.

use super::{ARENA_BYTES, arena};

pub const LOCK: &str = "critical-section";
pub static HEAP: embedded_alloc::TlsfHeap = embedded_alloc::TlsfHeap::empty();

pub fn init() {
    // SAFETY: called once; nobody else uses the arena.
    unsafe { HEAP.init(arena::start() as usize, ARENA_BYTES) }
}
