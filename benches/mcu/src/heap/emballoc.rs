//! emballoc, whose spin lock is its own: not for interrupt handlers.

use super::ARENA_BYTES;

pub const LOCK: &str = "spin";
pub static HEAP: emballoc::Allocator<ARENA_BYTES> = emballoc::Allocator::new();

pub fn init() {}
