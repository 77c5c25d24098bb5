//! Critical sections: a binary sets one of them with `critical_section::set_impl!`.

use core::sync::atomic::{Ordering::SeqCst, compiler_fence};

use cortex_m::{interrupt, register::primask};
use critical_section::{Impl, RawRestoreState};

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
