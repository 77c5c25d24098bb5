//! A small program with a `Small` of 56 KiB: only its `.bss` may differ from that of the same program with another arena.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use larder::Small;
use larder_cortex_m::board;
use panic_semihosting as _;

#[global_allocator]
static HEAP: Small<{ 56 * 1024 }> = Small::new();

#[entry]
fn main() -> ! {
    drop(larder_suite::Block::new(100, 8, 1));
    board::succeed()
}
