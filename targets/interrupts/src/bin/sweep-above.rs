//! The sweep, with the policy `CriticalSection` over one that masks priorities, and an interrupt above them.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use larder::policy::CriticalSection;
use larder_interrupts::masking::{Basepri, PRIORITY_ABOVE};
use larder_interrupts::subject::Heap;
use larder_interrupts::sweep::{self, Plan};
use larder_interrupts::trap::Source;
use larder_suite::Subject;

critical_section::set_impl!(Basepri);

#[global_allocator]
static HEAP: Heap<CriticalSection> = Heap::new();
static SUBJECT: &dyn Subject = &HEAP;

#[entry]
fn main() -> ! {
    sweep::main(&SUBJECT, &Plan { source: Source::SysTick(PRIORITY_ABOVE), is_masked: false, reaches_middle: true })
}
