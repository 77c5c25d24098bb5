//! How long interrupts are masked by the heap that has no tiers.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use larder::Small;
use larder_cortex_m::board::ARENA_BYTES;
use larder_interrupts::latency;
use larder_interrupts::masking::Measured;

critical_section::set_impl!(Measured);

#[global_allocator]
static HEAP: Small<ARENA_BYTES> = Small::new();

#[entry]
fn main() -> ! {
    latency::main(&HEAP, false)
}
