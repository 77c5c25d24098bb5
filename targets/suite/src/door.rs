//! A policy whose door can be shut.

use core::marker::PhantomData;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use larder::policy::Policy;

static IS_SHUT: AtomicBool = AtomicBool::new(false);

/// A policy under which the large tier can be made to look as if somebody else held it: what an interrupt handler that
/// comes into the middle of the large tier sees, without an interrupt.
pub struct Door<P>(PhantomData<P>);

// SAFETY: the work runs at most when the policy runs it, and `None` says that it did not.
unsafe impl<P: Policy> Policy for Door<P> {
    type Lock = P::Lock;

    fn enter<R>(lock: &Self::Lock, work: impl FnOnce() -> R) -> Option<R> {
        match IS_SHUT.load(Relaxed) {
            true => None,
            false => P::enter(lock, work),
        }
    }
}

/// Does something while nobody gets into the large tier.
pub fn while_shut<R>(work: impl FnOnce() -> R) -> R {
    IS_SHUT.store(true, Relaxed);
    let result = work();
    IS_SHUT.store(false, Relaxed);
    result
}
