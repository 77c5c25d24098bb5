//! Two tasks in one heap, under the policy `Spin`.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use larder::policy::Spin;
use larder::{Defaults, Heap};
use larder_interrupts::masking::Primask;
use larder_interrupts::subject::Marked;
use larder_interrupts::tasks::{self, ARENA_BYTES, Promise};

critical_section::set_impl!(Primask);

#[global_allocator]
static HEAP: Heap<ARENA_BYTES, Defaults, Marked<Spin>> = Heap::new();

#[entry]
fn main() -> ! {
    tasks::main(&HEAP, Promise::Waits)
}
