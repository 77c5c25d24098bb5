//! How long interrupts are masked under the policy `Try`.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use larder::Heap;
use larder::policy::Try;
use larder_cortex_m::board::ARENA_BYTES;
use larder_interrupts::latency::{self, Noted};
use larder_interrupts::masking::Measured;

critical_section::set_impl!(Measured);

#[global_allocator]
static HEAP: Heap<ARENA_BYTES, Noted, Try> = Heap::new();

#[entry]
fn main() -> ! {
    latency::main(&HEAP, false)
}
