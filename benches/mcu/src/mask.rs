//! How long critical sections last.
//!
//! With the feature `masked` this is the binary's `critical-section` implementation: it reads the timer right after
//! interrupts are masked and right before they are unmasked. Without it, nothing is measured and `cortex-m`'s
//! implementation is used, so that counts of calls are those of a user.
//!
//! What is reported is the number of instructions between masking and unmasking. The compiler inlines both into the
//! allocator, as it does with `cortex-m`'s, so the code in between is nearly that of the other build: a few instructions more or less,
//! where the readings take registers.

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
    use super::Masked;
    use crate::count;
    use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
    use cortex_m::{interrupt, register::primask};
    use critical_section::RawRestoreState;

    struct Measuring;
    critical_section::set_impl!(Measuring);

    static START: AtomicU32 = AtomicU32::new(0);
    static LONGEST: AtomicU32 = AtomicU32::new(0);
    static SECTIONS: AtomicU32 = AtomicU32::new(0);
    /// What an empty section measures.
    static OVERHEAD: AtomicU32 = AtomicU32::new(0);

    /// `PRIMASK`'s only bit.
    const MASKED: u32 = 1;

    // SAFETY: one core, and interrupts are masked from `acquire` to `release`.
    unsafe impl critical_section::Impl for Measuring {
        #[inline(always)]
        unsafe fn acquire() -> RawRestoreState {
            let before = primask::read_raw();
            interrupt::disable();
            if before & MASKED == 0 {
                START.store(count::now(), Relaxed);
            }
            before
        }

        #[inline(always)]
        unsafe fn release(before: RawRestoreState) {
            if before & MASKED == 0 {
                let end = count::now();
                // SAFETY: interrupts were enabled when the section was entered.
                unsafe { interrupt::enable() };
                take_down(end);
            }
        }
    }

    /// A section ended.
    #[inline(never)]
    fn take_down(end: u32) {
        let length = count::between(START.load(Relaxed), end);
        LONGEST.fetch_max(length, Relaxed);
        SECTIONS.fetch_add(1, Relaxed);
    }

    pub fn calibrate() {
        critical_section::with(|_| ());
        OVERHEAD.store(LONGEST.swap(0, Relaxed), Relaxed);
        take();
    }

    pub fn take() -> Masked {
        let sections = SECTIONS.swap(0, Relaxed);
        let measured = LONGEST.swap(0, Relaxed);
        let longest = measured.saturating_sub(OVERHEAD.load(Relaxed));
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
