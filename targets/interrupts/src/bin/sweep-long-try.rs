//! The sweep in an arena of more than 64 KiB, with the policy `Try`.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use larder::policy::Try;
use larder_interrupts::masking::Primask;
use larder_interrupts::subject::{Filled, Long};
use larder_interrupts::sweep::{self, Plan};
use larder_suite::Subject;

critical_section::set_impl!(Primask);

#[global_allocator]
static HEAP: Long<Try> = Filled(larder::Heap::new());
static SUBJECT: &dyn Subject = &HEAP;

#[entry]
fn main() -> ! {
    sweep::main(&SUBJECT, &Plan::NOTHING_MASKS)
}
