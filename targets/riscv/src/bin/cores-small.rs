//! Four harts in one heap, which has no tiers.
#![no_std]
#![no_main]

use larder::Small;
use larder_riscv::cores::Handler;
use larder_riscv::harts;
use riscv_rt::entry;

#[global_allocator]
static HEAP: Small<{ 16 * 1024 }> = Small::new();

#[entry]
fn main(hart: usize) -> ! {
    harts::run(&HEAP, hart, 4_000_000)
}

larder_riscv::on_tick!(Handler);
