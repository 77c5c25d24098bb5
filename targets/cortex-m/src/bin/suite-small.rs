//! The tables of test cases, with the heap that has no tiers.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use larder::Small;
use larder_cortex_m::board;
use panic_semihosting as _;

#[global_allocator]
static HEAP: Small<{ board::ARENA_BYTES }> = Small::new();

#[entry]
fn main() -> ! {
    larder_suite::run(&HEAP, &mut board::console()).expect("the host prints");
    board::succeed()
}
