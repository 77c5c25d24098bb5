//! Four harts in one heap, which has no tiers.
#![no_std]
#![no_main]

use larder::Small;
use larder_riscv::board::Virt;
use larder_riscv::cores::Handler;
use larder_riscv::harts;
use riscv::interrupt::Interrupt;
use riscv_rt::{core_interrupt, entry};

#[global_allocator]
static HEAP: Small<{ 16 * 1024 }> = Small::new();

#[entry]
fn main(hart: usize) -> ! {
    harts::run(&HEAP, hart, 4_000_000)
}

#[core_interrupt(Interrupt::MachineTimer)]
fn tick() {
    static mut HANDLER: Handler = Handler::new();
    let handler = &raw mut HANDLER;
    // SAFETY: the interrupt does not nest, comes to hart 0 alone, and nobody else knows the handler.
    unsafe { (*handler).tick::<Virt>() };
}
