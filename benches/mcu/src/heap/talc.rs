//! talc behind a critical section.

use super::{ARENA_BYTES, arena};
use core::cell::UnsafeCell;
use critical_section::RestoreState;
use talc::{TalcLock, source::Claim};

pub const LOCK: &str = "critical-section";
pub static HEAP: TalcLock<Masked, Claim> =
    // SAFETY: nobody else uses the arena.
    TalcLock::new(unsafe { Claim::new(arena::start(), ARENA_BYTES) });

/// The mutex that talc asks for, as a critical section.
pub struct Masked(UnsafeCell<RestoreState>);

// SAFETY: the state is only touched while interrupts are masked.
unsafe impl Sync for Masked {}

// SAFETY: the critical section lets nobody else run.
unsafe impl lock_api::RawMutex for Masked {
    #[allow(clippy::declare_interior_mutable_const)]
    const INIT: Self = Self(UnsafeCell::new(RestoreState::invalid()));
    type GuardMarker = lock_api::GuardNoSend;

    fn lock(&self) {
        // SAFETY: released by `unlock`, in the order of acquisition, since guards nest.
        unsafe { *self.0.get() = critical_section::acquire() }
    }

    fn try_lock(&self) -> bool {
        self.lock();
        true
    }

    unsafe fn unlock(&self) {
        // SAFETY: acquired by `lock`.
        unsafe { critical_section::release(*self.0.get()) }
    }
}

pub fn init() {}
