//! `mcycle`, which under the emulator's instruction clock counts nanoseconds of its time.

use core::arch::global_asm;

/// Ticks of the counter in a second, in thousands.
pub const TICKS_KHZ: u32 = 1_000_000;

global_asm!(
    // call_counted(a0, a1, a2, a3, function, readings: &mut [u32; 2]) -> function(a0, a1, a2, a3)
    ".section .text.call_counted,\"ax\"",
    ".global call_counted",
    "call_counted:",
    "addi sp, sp, -16",
    "sw ra, 12(sp)",
    "sw s0, 8(sp)",
    "sw s1, 4(sp)",
    "mv s0, a5",
    "csrr s1, mcycle",
    "jalr a4",
    "csrr a1, mcycle",
    "sw s1, 0(s0)",
    "sw a1, 4(s0)",
    "lw ra, 12(sp)",
    "lw s0, 8(sp)",
    "lw s1, 4(sp)",
    "addi sp, sp, 16",
    "ret",
);

/// The counter runs from the beginning.
pub fn start() {}

#[inline(always)]
pub fn now() -> u32 {
    riscv::register::mcycle::read() as u32
}

/// Ticks from one reading to a later one.
pub fn between(start: u32, end: u32) -> u32 {
    end.wrapping_sub(start)
}
