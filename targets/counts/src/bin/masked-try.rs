//! How long each call masks interrupts under the policy `Try`.
#![no_std]
#![no_main]

use larder::policy::Try;
use larder::{Defaults, Heap};
use larder_counts::masks::Measuring;
use larder_counts::{ARENA_BYTES, entry, workloads};

#[global_allocator]
static HEAP: Heap<ARENA_BYTES, Defaults, Try> = Heap::new();

critical_section::set_impl!(Measuring);

#[entry]
fn main() -> ! {
    workloads::measure_masking(&HEAP)
}
