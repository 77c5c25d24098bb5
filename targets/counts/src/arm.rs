//! SysTick, which counts down: 24 bits, at the clock of the board.

use core::arch::global_asm;

use cortex_m::peripheral::{SYST, syst::SystClkSource};
use larder_cortex_m::board::CLOCK_KHZ;

/// Ticks of the counter in a second, in thousands.
pub const TICKS_KHZ: u32 = CLOCK_KHZ;
const MASK: u32 = 0x00FF_FFFF;

global_asm!(
    // call_counted(a0, a1, a2, a3, function, readings: &mut [u32; 2]) -> function(a0, a1, a2, a3)
    ".section .text.call_counted,\"ax\"",
    ".global call_counted",
    ".thumb_func",
    "call_counted:",
    "push {{r4, r5, r6, lr}}",
    "ldr r4, [sp, #16]",
    "ldr r5, 1f",
    "ldr r6, [r5]",
    "blx r4",
    "ldr r5, [r5]",
    "ldr r4, [sp, #20]",
    "str r6, [r4]",
    "str r5, [r4, #4]",
    "pop {{r4, r5, r6, pc}}",
    ".balign 4",
    "1:",
    ".word 0xE000E018",
);

/// Starts the counter.
pub fn start() {
    // SAFETY: nobody else uses SysTick in this program, and its interrupt stays off.
    let mut timer = unsafe { cortex_m::Peripherals::steal() }.SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(MASK);
    timer.clear_current();
    timer.enable_counter();
}

#[inline(always)]
pub fn now() -> u32 {
    SYST::get_current()
}

/// Ticks from one reading to a later one.
pub fn between(start: u32, end: u32) -> u32 {
    start.wrapping_sub(end) & MASK
}
