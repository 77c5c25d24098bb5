//! The table of test cases, with the default policy and large tier.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use larder::{Defaults, Heap, policy};
use larder_cortex_m::board;
use larder_suite::Door;
use panic_semihosting as _;

#[global_allocator]
static HEAP: Heap<{ board::ARENA_BYTES }, Defaults, Door<policy::Default>> = Heap::new();

#[entry]
fn main() -> ! {
    larder_suite::run(&HEAP, &mut board::console()).expect("the host prints");
    board::succeed()
}
