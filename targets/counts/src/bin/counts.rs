//! What each call takes.
#![no_std]
#![no_main]

use larder::Heap;
use larder_counts::{ARENA_BYTES, entry, workloads};

#[global_allocator]
static HEAP: Heap<ARENA_BYTES> = Heap::new();

#[entry]
fn main() -> ! {
    workloads::count(&HEAP)
}
