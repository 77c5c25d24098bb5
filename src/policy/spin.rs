use super::Policy;

/// Wait until the large tier is free: the default on hosts.
///
/// Not for interrupt handlers or signal handlers: one that interrupts the holder waits for ever. Nor for threads whose
/// strict priorities keep the holder from its core while they wait, as an RTOS's do:
/// [`Patient`](crate::policy::Patient) gives up after a while.
pub struct Spin;

/// The lock of the crate `spin`.
pub struct Lock(spin::mutex::SpinMutex<()>);

// SAFETY: the mutex keeps all callers apart and orders them. Zero is an unlocked `SpinMutex<()>`
// (one `AtomicBool` that is false), which the test below checks.
unsafe impl Policy for Spin {
    type Lock = Lock;

    const WAITS: bool = true;

    #[inline]
    fn enter<R>(lock: &Lock, f: impl FnOnce() -> R) -> Option<R> {
        let _held = lock.0.lock();
        Some(f())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unlocked_lock_is_all_zero_bytes() {
        let lock = Lock(spin::mutex::SpinMutex::new(()));
        // SAFETY: the lock is one byte large (asserted) and that byte is initialised.
        let byte = unsafe { *core::ptr::from_ref(&lock).cast::<u8>() };
        assert_eq!((size_of::<Lock>(), byte), (1, 0));
    }
}
