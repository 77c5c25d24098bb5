//! The interrupt storm, with the policy `CriticalSection`.
#![no_std]
#![no_main]

use larder::large::Segregated;
use larder::{Heap, policy::CriticalSection};
use larder_riscv::board::{self, Virt};
use larder_riscv::storm::{self, Handler};
use larder_riscv::watch::{Watched, WatchedEvents, WatchedPolicy};
use riscv::interrupt::Interrupt;
use riscv_rt::{core_interrupt, entry};

#[global_allocator]
static HEAP: Watched<Heap<{ board::ARENA_BYTES }, WatchedPolicy<CriticalSection>, Segregated, WatchedEvents>> =
    Watched(Heap::new());

#[entry]
fn main() -> ! {
    storm::main::<Virt>(&HEAP.0, false)
}

#[core_interrupt(Interrupt::MachineTimer)]
fn tick() {
    static mut HANDLER: Handler = Handler::new();
    let handler = &raw mut HANDLER;
    // SAFETY: the interrupt does not nest, and nobody else knows the handler.
    unsafe { (*handler).tick::<Virt>() };
}

#[core_interrupt(Interrupt::MachineSoft)]
fn summons() {
    static mut HANDLER: Handler = Handler::new();
    let handler = &raw mut HANDLER;
    // SAFETY: the interrupt does not come while it is answered, and nobody else knows the handler.
    board::while_ticks_come(|| unsafe { (*handler).answer() });
}
