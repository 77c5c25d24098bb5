//! The interrupt storm, with the heap that has no tiers.
#![no_std]
#![no_main]

use cortex_m_rt::{entry, exception};
use larder::Small;
use larder_cortex_m::board::{self, Mcu};
use larder_cortex_m::storm::{self, Handler};
use larder_cortex_m::watch::Watched;
use panic_semihosting as _;

#[global_allocator]
static HEAP: Watched<Small<{ board::ARENA_BYTES }>> = Watched(Small::new());

#[entry]
fn main() -> ! {
    storm::main::<Mcu>(&HEAP.0, false)
}

#[exception]
fn SysTick() {
    static mut HANDLER: Handler = Handler::new();
    HANDLER.tick::<Mcu>();
}
