//! The interrupt storm, with the policy `Try`.
#![no_std]
#![no_main]
use larder::{Heap, policy::Try};
use larder_riscv::board::{self, Virt};
use larder_riscv::storm::{self, Handler};
use larder_riscv::watch::{Watched, WatchedEvents, WatchedPolicy};
use riscv_rt::entry;

#[global_allocator]
static HEAP: Watched<Heap<{ board::ARENA_BYTES }, WatchedEvents, WatchedPolicy<Try>>> = Watched(Heap::new());

#[entry]
fn main() -> ! {
    storm::main::<Virt>(&HEAP.0, true)
}

larder_riscv::on_tick!(Handler);
larder_riscv::on_summons!(Handler);
