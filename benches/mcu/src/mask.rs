//! How long critical sections last.
//!
//! With the feature `masked` this is the binary's `critical-section` implementation: it reads the timer right after
//! interrupts are masked and right before they are unmasked. Without it, nothing is measured and `cortex-m`'s
//! implementation is used, so that counts of calls are those of a user.
//!
//! What is reported is the number of instructions between `cpsid` and `cpsie`, as [`EMPTY`] is for a section with nothing in
//! it.

/// Instructions from `cpsid` to `cpsie` for an empty section of `cortex-m`'s implementation: return, call, test.
pub const EMPTY: u32 = 3;

/// What happened since the last [`take`].
#[derive(Clone, Copy, Default)]
pub struct Masked {
    /// The longest section.
    pub longest: u32,
    /// How many.
    pub sections: u32,
}

#[cfg(feature = "masked")]
mod measure {
    use super::{EMPTY, Masked};
    use crate::count;
    use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
    use cortex_m::{interrupt, register::primask};
    use critical_section::RawRestoreState;

    struct Measuring;
    critical_section::set_impl!(Measuring);

    static START: AtomicU32 = AtomicU32::new(0);
    static LONGEST: AtomicU32 = AtomicU32::new(0);
    static SECTIONS: AtomicU32 = AtomicU32::new(0);
    /// What an empty section measures here.
    static OVERHEAD: AtomicU32 = AtomicU32::new(0);

    // SAFETY: one core, and interrupts are masked from `acquire` to `release`.
    unsafe impl critical_section::Impl for Measuring {
        #[inline(never)]
        unsafe fn acquire() -> RawRestoreState {
            let outermost = primask::read().is_active();
            interrupt::disable();
            if outermost {
                START.store(count::now(), Relaxed);
            }
            outermost.into()
        }

        #[inline(never)]
        unsafe fn release(outermost: RawRestoreState) {
            if outermost != 0 {
                let end = count::now();
                // SAFETY: interrupts were enabled when the section was entered.
                unsafe { interrupt::enable() };
                let length = count::between(START.load(Relaxed), end);
                LONGEST.fetch_max(length, Relaxed);
                SECTIONS.fetch_add(1, Relaxed);
            }
        }
    }

    pub fn calibrate() {
        critical_section::with(|_| ());
        OVERHEAD.store(LONGEST.swap(0, Relaxed), Relaxed);
        take();
    }

    pub fn take() -> Masked {
        let sections = SECTIONS.swap(0, Relaxed);
        let measured = LONGEST.swap(0, Relaxed);
        let longest = if sections == 0 { 0 } else { measured - OVERHEAD.load(Relaxed) + EMPTY };
        Masked { longest, sections }
    }
}

#[cfg(not(feature = "masked"))]
mod measure {
    pub fn calibrate() {}

    pub fn take() -> super::Masked {
        super::Masked::default()
    }
}

pub use measure::{calibrate, take};
