//! The interrupt storm, with the heap that has no tiers.
#![no_std]
#![no_main]

use larder::Small;
use larder_riscv::board::Virt;
use larder_riscv::storm::{self, Handler};
use larder_riscv::watch::Watched;
use riscv_rt::entry;

#[global_allocator]
static HEAP: Watched<Small<{ 16 * 1024 }>> = Watched(Small::new());

#[entry]
fn main() -> ! {
    storm::main::<Virt>(&HEAP.0, false)
}

larder_riscv::on_tick!(Handler);
larder_riscv::on_summons!(Handler);
