//! Both cores in one heap, with the policy `Try`.
#![no_std]
#![no_main]

use cortex_m_rt::{entry, exception};
use larder::{Defaults, Heap, policy::Try};
use larder_cortex_m::board::Mcu;
use larder_cortex_m::cores::Handler;
use larder_cortex_m::sse200;
use panic_semihosting as _;

#[global_allocator]
static HEAP: Heap<{ 64 * 1024 }, Defaults, Try> = Heap::new();

#[entry]
fn main() -> ! {
    sse200::run(&HEAP, 1_000_000)
}

#[exception]
fn SysTick() {
    static mut HANDLER: Handler = Handler::new();
    HANDLER.tick::<Mcu>();
}
