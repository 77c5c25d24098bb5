//! The table of test cases, with the large tier `LinkedList`.
#![no_std]
#![no_main]

use larder::{Defaults, Heap, large, policy};
use larder_programs::Board;
use larder_riscv::board::{self, Virt};
use larder_suite::Door;
use riscv_rt::entry;

#[global_allocator]
static HEAP: Heap<{ board::ARENA_BYTES }, Defaults, Door<policy::Default>, large::LinkedList> = Heap::new();

#[entry]
fn main() -> ! {
    larder_suite::run(&HEAP, &mut Virt::console()).expect("the host prints");
    Virt::succeed()
}
