//! Four harts in one heap, with the policy `Try`.
#![no_std]
#![no_main]

use larder::{Defaults, Heap, policy::Try};
use larder_riscv::cores::Handler;
use larder_riscv::harts;
use riscv_rt::entry;

#[global_allocator]
static HEAP: Heap<{ 64 * 1024 }, Defaults, Try> = Heap::new();

#[entry]
fn main(hart: usize) -> ! {
    harts::run(&HEAP, hart, 1_000_000)
}

larder_riscv::on_tick!(Handler);
