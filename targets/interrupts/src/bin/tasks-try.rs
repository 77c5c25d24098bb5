//! Two tasks in one heap, under the policy `Try`.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use larder::policy::Try;
use larder::{Defaults, Heap};
use larder_interrupts::masking::Primask;
use larder_interrupts::subject::Marked;
use larder_interrupts::tasks::{self, ARENA_BYTES, Promise};

critical_section::set_impl!(Primask);

#[global_allocator]
static HEAP: Heap<ARENA_BYTES, Defaults, Marked<Try>> = Heap::new();

#[entry]
fn main() -> ! {
    tasks::main(&HEAP, Promise::Refuses)
}
