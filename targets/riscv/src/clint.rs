//! The interrupter that each hart has: SiFive's CLINT, as in QEMU's `virt`.
//!
//! A timer of 10 MHz that all harts share, and for each hart what it is compared with, and a word that pends its
//! software interrupt.

const CLINT: usize = 0x0200_0000;
const SOFTWARE: *mut u32 = CLINT as *mut u32;
const COMPARED: *mut u32 = (CLINT + 0x4000) as *mut u32;
const TIME: *const u32 = (CLINT + 0xBFF8) as *const u32;

/// Pends a hart's software interrupt.
pub fn interrupt(hart: usize) {
    // SAFETY: `virt` has this register for each of its harts, and writing it pends an interrupt and nothing else.
    unsafe { SOFTWARE.add(hart).write_volatile(1) };
}

/// The software interrupt of that hart is no longer pending.
pub fn acknowledge(hart: usize) {
    // SAFETY: as in `interrupt`.
    unsafe { SOFTWARE.add(hart).write_volatile(0) };
}

/// Has the timer interrupt hart 0 after so many units of 100 ns, and not before.
///
/// To be called by whoever the timer interrupt can't interrupt.
pub fn alarm_after(units: u32) {
    set_alarm(now() + u64::from(units));
}

/// The timer interrupts hart 0 no more.
pub fn stop_alarm() {
    set_alarm(u64::MAX);
}

fn set_alarm(time: u64) {
    // SAFETY: hart 0's register, in two halves: in between, no earlier time stands there than one of both.
    unsafe {
        COMPARED.write_volatile(u32::MAX);
        COMPARED.add(1).write_volatile((time >> 32) as u32);
        COMPARED.write_volatile(time as u32);
    }
}

/// Units of 100 ns.
fn now() -> u64 {
    loop {
        // SAFETY: reading the time has no effect.
        let [before, low, after] = unsafe { [TIME.add(1), TIME, TIME.add(1)].map(|half| half.read_volatile()) };
        if before == after {
            return u64::from(before) << 32 | u64::from(low);
        }
    }
}
