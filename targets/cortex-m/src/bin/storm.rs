//! The interrupt storm, with the policy `CriticalSection`.
#![no_std]
#![no_main]

use cortex_m_rt::{entry, exception};
use larder::{Heap, policy::CriticalSection};
use larder_cortex_m::board::{self, Mcu};
use larder_cortex_m::storm::{self, Handler};
use larder_cortex_m::watch::{Watched, WatchedEvents, WatchedPolicy};
use panic_semihosting as _;

#[global_allocator]
static HEAP: Watched<Heap<{ board::ARENA_BYTES }, WatchedEvents, WatchedPolicy<CriticalSection>>> =
    Watched(Heap::new());

#[entry]
fn main() -> ! {
    storm::main::<Mcu>(&HEAP.0, false)
}

#[exception]
fn SysTick() {
    static mut HANDLER: Handler = Handler::new();
    HANDLER.tick::<Mcu>();
}
