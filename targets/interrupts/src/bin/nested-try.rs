//! Handlers that interrupt each other, with the policy `Try`.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use larder::policy::Try;
use larder_interrupts::masking::Primask;
use larder_interrupts::nested::{self, Level, Plan};
use larder_interrupts::subject::{Counted, Heap};
use larder_suite::Subject;

critical_section::set_impl!(Primask);

#[global_allocator]
static HEAP: Counted<Heap<Try>> = Counted(Heap::new());
static SUBJECT: &dyn Subject = &HEAP.0;

#[entry]
fn main() -> ! {
    nested::main(&SUBJECT, &Plan { low: 0xC0, high: 0x80, tick: 0x40, enters_large_tier: Some(Level::Low) })
}
