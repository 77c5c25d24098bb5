//! How long critical sections last: a section that reads the counter right after it masks interrupts, and right before
//! it lets them come.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use critical_section::RawRestoreState;

use crate::{core_counter, count};

static START: AtomicU32 = AtomicU32::new(0);
static LONGEST: AtomicU32 = AtomicU32::new(0);
static SECTIONS: AtomicU32 = AtomicU32::new(0);
/// What an empty section measures.
static OVERHEAD: AtomicU32 = AtomicU32::new(0);

/// The binary's critical section.
pub struct Measuring;

// SAFETY: one core, and interrupts are masked from `acquire` to `release`.
unsafe impl critical_section::Impl for Measuring {
    #[inline(always)]
    unsafe fn acquire() -> RawRestoreState {
        let was_unmasked = mask();
        if was_unmasked {
            START.store(core_counter::now(), Relaxed);
        }
        RawRestoreState::from(was_unmasked)
    }

    #[inline(always)]
    unsafe fn release(was_unmasked: RawRestoreState) {
        if was_unmasked == RawRestoreState::from(true) {
            let end = core_counter::now();
            unmask();
            note(end);
        }
    }
}

/// The longest section since the last call, in instructions.
pub fn take_longest() -> u32 {
    let longest = LONGEST.load(Relaxed);
    LONGEST.store(0, Relaxed);
    longest.saturating_sub(OVERHEAD.load(Relaxed))
}

/// Lets interrupts come, of which there are none, and measures an empty section.
///
/// # Panics
/// When that is not noticed: then no section would be.
pub fn calibrate() {
    unmask();
    critical_section::with(|_| ());
    assert_eq!(SECTIONS.load(Relaxed), 1, "a critical section was not measured");
    OVERHEAD.store(take_longest(), Relaxed);
}

#[inline(never)]
fn note(end: u32) {
    let length = count::between(START.load(Relaxed), end);
    LONGEST.store(LONGEST.load(Relaxed).max(length), Relaxed);
    SECTIONS.store(SECTIONS.load(Relaxed) + 1, Relaxed);
}

#[cfg(target_arch = "arm")]
#[inline(always)]
fn mask() -> bool {
    let was_unmasked = cortex_m::register::primask::read().is_active();
    cortex_m::interrupt::disable();
    was_unmasked
}

#[cfg(target_arch = "arm")]
#[inline(always)]
fn unmask() {
    // SAFETY: they came when the section began, or nobody enabled any.
    unsafe { cortex_m::interrupt::enable() };
}

#[cfg(target_arch = "riscv32")]
#[inline(always)]
fn mask() -> bool {
    let was_unmasked = riscv::register::mstatus::read().mie();
    riscv::interrupt::disable();
    was_unmasked
}

#[cfg(target_arch = "riscv32")]
#[inline(always)]
fn unmask() {
    // SAFETY: they came when the section began, or nobody enabled any.
    unsafe { riscv::interrupt::enable() };
}
