//! The tables of test cases, with the heap that has no tiers.
#![no_std]
#![no_main]

use larder::Small;
use larder_programs::Board;
use larder_riscv::board::{self, Virt};
use riscv_rt::entry;

#[global_allocator]
static HEAP: Small<{ board::ARENA_BYTES }> = Small::new();

#[entry]
fn main() -> ! {
    larder_suite::run(&HEAP, &mut Virt::console()).expect("the host prints");
    Virt::succeed()
}
