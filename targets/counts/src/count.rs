//! Exact instruction counts.
//!
//! The emulator's instruction clock lets 1,024 ns pass at each instruction, which is more than two ticks of every board's counter.
//! So the difference of two readings, which is off by one tick at most, rounds to whole instructions. [`calibrate`] proves it at each
//! start, with functions of known length.
//!
//! What is counted is the call: from the branch to the function up to and including its return.

use core::arch::global_asm;

use crate::core_counter;

/// `xtask` runs the emulator with `-icount shift=10`.
const INSTRUCTION_NS: u64 = 1024;
/// Between two readings with nothing between them lies one of them.
const READING: u32 = 1;
const CALL_AND_RETURN: u32 = 2;

unsafe extern "C" {
    fn call_counted(a0: usize, a1: usize, a2: usize, a3: usize, function: *const (), readings: *mut [u32; 2]) -> usize;
}

/// Functions of known length: so many instructions, and a return.
macro_rules! sleds {
    ($($name:ident $nops:literal)*) => {
        $(global_asm!(
            concat!(".section .text.", stringify!($name), ",\"ax\""),
            concat!(".global ", stringify!($name)),
            concat!(".type ", stringify!($name), ", %function"),
            concat!(stringify!($name), ":"),
            concat!(".rept ", $nops),
            "nop",
            ".endr",
            #[cfg(target_arch = "arm")]
            "bx lr",
            #[cfg(target_arch = "riscv32")]
            "ret",
        );)*
        unsafe extern "C" { $(fn $name();)* }
        static SLEDS: &[(u32, unsafe extern "C" fn())] = &[$(($nops, $name)),*];
    };
}

sleds! {
    sled_0 0 sled_1 1 sled_2 2 sled_3 3 sled_4 4 sled_5 5 sled_6 6 sled_7 7 sled_20 20 sled_50 50 sled_137 137
    sled_1000 1000 sled_4999 4999
}

/// Instructions between two readings, both excluded.
pub fn between(start: u32, end: u32) -> u32 {
    let units = 1_000_000_u64;
    let a_tick = INSTRUCTION_NS * u64::from(core_counter::TICKS_KHZ);
    let ticks = u64::from(core_counter::between(start, end));
    ((ticks * units + a_tick / 2) / a_tick) as u32 - READING
}

/// Calls `function` and counts.
///
/// # Safety
/// `function` follows the C convention and takes up to four words; its own contract holds for `arguments`.
pub unsafe fn call(function: *const (), arguments: [usize; 4]) -> (usize, u32) {
    let [a0, a1, a2, a3] = arguments;
    let mut readings = [0; 2];
    // SAFETY: the caller's promise; the readings are written, and nothing else.
    let result = unsafe { call_counted(a0, a1, a2, a3, function, &raw mut readings) };
    (result, between(readings[0], readings[1]))
}

/// Starts the counter, and counts functions of known length, several times each.
///
/// # Panics
/// When one count is wrong: then none can be trusted.
pub fn calibrate() {
    core_counter::start();
    for round in 0..8 {
        for &(nops, sled) in SLEDS {
            // SAFETY: a sled takes and returns nothing.
            let (_, counted) = unsafe { call(sled as *const (), [0; 4]) };
            assert_eq!(counted, nops + CALL_AND_RETURN, "a sled of {nops} instructions, round {round}");
        }
    }
}
