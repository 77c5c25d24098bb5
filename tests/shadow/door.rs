//! A policy whose door can be shut: a call then finds what one finds that interrupted the holder of the large tier.

use core::marker::PhantomData;
use larder::policy::Policy;
use std::cell::Cell;

thread_local! {
    static IS_SHUT: Cell<bool> = const { Cell::new(false) };
}

pub struct Door<P>(PhantomData<P>);

// SAFETY: the policy keeps its callers apart; the door only keeps more out.
unsafe impl<P: Policy> Policy for Door<P> {
    type Lock = P::Lock;

    fn enter<R>(lock: &Self::Lock, f: impl FnOnce() -> R) -> Option<R> {
        if IS_SHUT.get() { None } else { P::enter(lock, f) }
    }
}

/// Runs something while nobody gets into the large tier.
pub fn while_shut<R>(f: impl FnOnce() -> R) -> R {
    IS_SHUT.set(true);
    let result = f();
    IS_SHUT.set(false);
    result
}
