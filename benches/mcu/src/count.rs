//! Exact instruction counts.
//!
//! QEMU runs with `-icount shift=7`: every instruction takes 128 ns of virtual time, which is 3.2 ticks of TIMER0's
//! 25 MHz. A difference of two readings is off by at most one tick, so rounding to whole instructions is exact, which
//! [`calibrate`] proves at each start with functions of known length. The same binary gives the same counts every time.
//!
//! What is counted is the call: from the branch to the function up to and including its return. A function that only
//! returns counts 2.

use core::arch::global_asm;

const TIMER0_CTRL: *mut u32 = 0x4000_0000 as *mut u32;
const TIMER0_VALUE: *const u32 = 0x4000_0004 as *const u32;
const TIMER0_RELOAD: *mut u32 = 0x4000_0008 as *mut u32;
const TIMER0_ENABLE: u32 = 1;

/// Between two readings with nothing between them lies the second reading itself.
const READING: u32 = 1;

global_asm!(
    // call_counted(a0, a1, a2, a3, function, &mut ticks) -> function(a0, a1, a2, a3)
    ".section .text.call_counted,\"ax\"",
    ".global call_counted",
    ".thumb_func",
    "call_counted:",
    "push {{r4, r5, r6, lr}}",
    "ldr r4, [sp, #16]",
    "movw r5, #0x0004",
    "movt r5, #0x4000",
    "ldr r6, [r5]",
    "blx r4",
    "ldr r5, [r5]",
    "subs r6, r6, r5",
    "ldr r4, [sp, #20]",
    "str r6, [r4]",
    "pop {{r4, r5, r6, pc}}",
);

macro_rules! sleds {
    ($($name:ident $nops:literal)*) => {
        $(global_asm!(
            concat!(".section .text.", stringify!($name), ",\"ax\""),
            concat!(".global ", stringify!($name)),
            ".thumb_func",
            concat!(stringify!($name), ":"),
            concat!(".rept ", $nops),
            "nop",
            ".endr",
            "bx lr",
        );)*
        unsafe extern "C" { $(fn $name();)* }
        /// Functions of known length: so many instructions and a return.
        static SLEDS: &[(u32, unsafe extern "C" fn())] = &[$(($nops, $name)),*];
    };
}

sleds! {
    sled_0 0 sled_1 1 sled_2 2 sled_3 3 sled_4 4 sled_5 5 sled_6 6 sled_7 7 sled_20 20 sled_50 50 sled_137 137
    sled_1000 1000 sled_4999 4999 sled_20000 20000
}

unsafe extern "C" {
    fn call_counted(a0: usize, a1: usize, a2: usize, a3: usize, function: *const (), ticks: *mut u32) -> usize;
}

/// Starts the timer: 32 bits, 1,342,177,279 instructions before it wraps.
pub fn start() {
    // SAFETY: TIMER0's registers, which nothing else uses.
    unsafe {
        TIMER0_RELOAD.write_volatile(u32::MAX);
        TIMER0_CTRL.write_volatile(TIMER0_ENABLE);
    }
}

/// The timer counts down.
pub fn now() -> u32 {
    // SAFETY: reading TIMER0's value has no effect.
    unsafe { TIMER0_VALUE.read_volatile() }
}

/// Ticks to instructions, to the nearest: 3.2 ticks are one.
fn instructions(ticks: u32) -> u32 {
    ((u64::from(ticks) * 10 + 16) / 32) as u32
}

/// Instructions between two readings, both excluded.
pub fn between(start: u32, end: u32) -> u32 {
    instructions(start.wrapping_sub(end)) - READING
}

/// Calls `function` and counts.
///
/// # Safety
/// `function` follows the C convention and takes up to four words; its own contract holds for `arguments`.
pub unsafe fn call(function: *const (), arguments: [usize; 4]) -> (usize, u32) {
    let [a0, a1, a2, a3] = arguments;
    let mut ticks = 0;
    // SAFETY: the caller's contract; `ticks` is written before the call returns.
    let result = unsafe { call_counted(a0, a1, a2, a3, function, &raw mut ticks) };
    (result, instructions(ticks) - READING)
}

/// Counts functions of known length, several times each.
///
/// # Panics
/// When one count is wrong: then none can be trusted.
pub fn calibrate() {
    const CALL_AND_RETURN: u32 = 2;
    for round in 0..8 {
        for &(nops, sled) in SLEDS {
            // SAFETY: a sled takes and returns nothing.
            let (_, counted) = unsafe { call(sled as *const (), [0; 4]) };
            assert_eq!(counted, nops + CALL_AND_RETURN, "sled of {nops}, round {round}");
        }
    }
}
