//! Critical sections: a binary sets one of them with `critical_section::set_impl!`.

use core::sync::atomic::{
    AtomicU32,
    Ordering::{Relaxed, SeqCst},
    compiler_fence,
};

use cortex_m::{interrupt, register::primask};
use critical_section::{Impl, RawRestoreState};

use crate::trap;

/// All interrupts are masked, as `cortex-m` does it. Only the NMI and faults still come.
pub struct Primask;

/// `PRIMASK`'s only bit.
pub(crate) const MASKED: u32 = 1;

// SAFETY: one core, and interrupts are masked from `acquire` to `release`.
unsafe impl Impl for Primask {
    #[inline(always)]
    unsafe fn acquire() -> RawRestoreState {
        let before = primask::read_raw();
        interrupt::disable();
        before
    }

    #[inline(always)]
    unsafe fn release(before: RawRestoreState) {
        if before & MASKED == 0 {
            // SAFETY: they were enabled when the section was entered.
            unsafe { interrupt::enable() };
        }
    }
}

/// Interrupts up to a priority are masked, as systems with interrupts above their kernel do it. Where there is no `BASEPRI` (ARMv6-M),
/// nothing is masked by it, and it is no critical section.
pub struct Basepri;

/// What [`Basepri`] masks: this priority and whatever is less urgent. More urgent is what has a lower number.
pub const MASKED_PRIORITY: u8 = 0x80;
/// An interrupt that it does not mask.
pub const PRIORITY_ABOVE: u8 = 0x40;

// SAFETY: one core; all contexts but those above the mask, which are what the policy's flag is for, are kept out from
// `acquire` to `release`.
unsafe impl Impl for Basepri {
    #[inline(always)]
    unsafe fn acquire() -> RawRestoreState {
        let before = basepri::read();
        // SAFETY: it only masks more than before.
        unsafe { basepri::raise(MASKED_PRIORITY) };
        compiler_fence(SeqCst);
        u32::from(before)
    }

    #[inline(always)]
    unsafe fn release(before: RawRestoreState) {
        compiler_fence(SeqCst);
        // SAFETY: as it was before the section.
        unsafe { basepri::write(before as u8) };
    }
}

#[cfg(target_has_atomic = "32")]
mod basepri {
    use cortex_m::register::{basepri, basepri_max};

    pub fn read() -> u8 {
        basepri::read()
    }

    pub unsafe fn raise(priority: u8) {
        basepri_max::write(priority);
    }

    pub unsafe fn write(priority: u8) {
        // SAFETY: passed on.
        unsafe { basepri::write(priority) };
    }
}

/// ARMv6-M, which has no compare-and-swap either.
#[cfg(not(target_has_atomic = "32"))]
mod basepri {
    pub fn read() -> u8 {
        panic!("there is no BASEPRI on this core")
    }

    pub unsafe fn raise(_: u8) {}

    pub unsafe fn write(_: u8) {}
}

/// [`Primask`], and how long it masks: see [`take`].
pub struct Measured;

static START: AtomicU32 = AtomicU32::new(0);
static LONGEST: AtomicU32 = AtomicU32::new(0);
static SECTIONS: AtomicU32 = AtomicU32::new(0);

// SAFETY: that of `Primask`.
unsafe impl Impl for Measured {
    #[inline(always)]
    unsafe fn acquire() -> RawRestoreState {
        // SAFETY: passed on.
        let before = unsafe { Primask::acquire() };
        if before & MASKED == 0 {
            START.store(trap::reading(), Relaxed);
        }
        before
    }

    #[inline(always)]
    unsafe fn release(before: RawRestoreState) {
        if before & MASKED == 0 {
            let end = trap::reading();
            // SAFETY: passed on.
            unsafe { Primask::release(before) };
            take_down(end);
        }
    }
}

/// A section has ended. No handler runs in a program that measures.
#[inline(never)]
fn take_down(end: u32) {
    let length = trap::between(START.load(Relaxed), end);
    LONGEST.store(LONGEST.load(Relaxed).max(length), Relaxed);
    SECTIONS.store(SECTIONS.load(Relaxed) + 1, Relaxed);
}

/// How many sections there were since the last time, and the instructions from masking to unmasking in the longest, the measuring's own
/// included.
pub fn take() -> (u32, u32) {
    let taken = (SECTIONS.load(Relaxed), LONGEST.load(Relaxed));
    SECTIONS.store(0, Relaxed);
    LONGEST.store(0, Relaxed);
    taken
}
