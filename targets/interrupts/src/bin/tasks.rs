//! Two tasks in one heap, under the policy `CriticalSection`.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use larder::policy::CriticalSection;
use larder::{Defaults, Heap};
use larder_interrupts::masking::Primask;
use larder_interrupts::subject::Marked;
use larder_interrupts::tasks::{self, ARENA_BYTES, Promise};

critical_section::set_impl!(Primask);

#[global_allocator]
static HEAP: Heap<ARENA_BYTES, Defaults, Marked<CriticalSection>> = Heap::new();

#[entry]
fn main() -> ! {
    tasks::main(&HEAP, Promise::Masks)
}
