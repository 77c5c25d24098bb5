//! The interrupt storm, with the policy `Try`.
#![no_std]
#![no_main]

use cortex_m_rt::{entry, exception};
use larder::{Heap, policy::Try};
use larder_cortex_m::board::{self, Mcu};
use larder_cortex_m::storm::{self, Handler};
use larder_cortex_m::watch::{Watched, WatchedEvents, WatchedPolicy};
use panic_semihosting as _;

#[global_allocator]
static HEAP: Watched<Heap<{ board::ARENA_BYTES }, WatchedEvents, WatchedPolicy<Try>>> = Watched(Heap::new());

#[entry]
fn main() -> ! {
    storm::main::<Mcu>(&HEAP.0, true)
}

#[exception]
fn SysTick() {
    static mut HANDLER: Handler = Handler::new();
    HANDLER.tick::<Mcu>();
}
