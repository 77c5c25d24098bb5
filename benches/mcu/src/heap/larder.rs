//! larder as it comes.

use super::ARENA_BYTES;

pub const LOCK: &str = "critical-section";
pub static HEAP: larder::Heap<ARENA_BYTES> = larder::Heap::new();

pub fn init() {}
