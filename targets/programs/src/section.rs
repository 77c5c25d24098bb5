//! A critical section for several cores.
//!
//! Masking a core's interrupts keeps that core's other contexts out, a lock all other cores. Whoever has it may enter
//! again, so may what interrupts it in spite of the mask.

use core::hint;
use core::sync::atomic::{AtomicU32, Ordering};

/// What a section has to know of the core that it runs on.
pub trait Core {
    /// Its number, from 0.
    fn number() -> u32;

    /// Masks its interrupts, and says whether they came until then.
    fn mask() -> bool;

    /// Lets interrupts come.
    ///
    /// # Safety
    /// Nobody on this core counts on their not coming.
    unsafe fn unmask();
}

/// How to leave a section: what `acquire` said.
pub type Exit = u8;

/// Somebody further out leaves the section.
const NESTED: Exit = 0;
/// Free the lock, and leave interrupts masked.
const UNLOCK: Exit = 1;
/// Free the lock, and let interrupts come.
const UNLOCK_AND_UNMASK: Exit = 2;

/// The one critical section of a program.
pub struct Section {
    /// 0: nobody is inside. Otherwise, one more than the number of the core that is: that core alone wrote it, and will
    /// write the 0.
    owner: AtomicU32,
}

impl Section {
    pub const fn new() -> Self {
        Self { owner: AtomicU32::new(0) }
    }

    /// Enters; waits while another core is inside, and lets interrupts come meanwhile if they did before.
    pub fn acquire<C: Core>(&self) -> Exit {
        let me = C::number() + 1;
        loop {
            let was_unmasked = C::mask();
            // Relaxed: only this core writes its own number, so it reads that only if it is inside.
            if self.owner.load(Ordering::Relaxed) == me {
                return NESTED;
            }
            // Acquire: pairs with the Release in `release`, for what was done inside.
            if self.owner.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return if was_unmasked { UNLOCK_AND_UNMASK } else { UNLOCK };
            }
            if was_unmasked {
                // SAFETY: they came before, and this core is not inside.
                unsafe { C::unmask() };
            }
            hint::spin_loop();
        }
    }

    /// Leaves.
    ///
    /// # Safety
    /// To be called once for each `acquire`, on the same core, with what that returned, innermost first.
    pub unsafe fn release<C: Core>(&self, exit: Exit) {
        if exit == NESTED {
            return;
        }
        // Release: pairs with the Acquire in `acquire`.
        self.owner.store(0, Ordering::Release);
        if exit == UNLOCK_AND_UNMASK {
            // SAFETY: this was the outermost section of the core, and interrupts came before it.
            unsafe { C::unmask() };
        }
    }
}

impl Default for Section {
    fn default() -> Self {
        Self::new()
    }
}
