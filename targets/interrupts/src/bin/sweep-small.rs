//! The sweep, with the heap that has no tiers.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use larder::Small;
use larder_interrupts::masking::Primask;
use larder_interrupts::subject::ARENA_BYTES;
use larder_interrupts::sweep::{self, Plan};
use larder_suite::Subject;

critical_section::set_impl!(Primask);

#[global_allocator]
static HEAP: Small<{ ARENA_BYTES / 2 }> = Small::new();
static SUBJECT: &dyn Subject = &HEAP;

#[entry]
fn main() -> ! {
    sweep::main(&SUBJECT, &Plan::NOTHING_MASKS)
}
