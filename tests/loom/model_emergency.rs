//! The out-of-memory hook.

use crate::config::{Config, Emergency, OutOfMemory};
use crate::hooks::emergency::Rescue;
use crate::model;
use crate::sync::{AtomicU32, Ordering::*};
use loom::cell::UnsafeCell;
use loom::thread::spawn;

/// Two requests find nothing, and the reserve is enough for both: whoever is asked finds it, once at a time. Nobody is asked
/// for more after a run that ended before its own attempt, so nobody gives up.
///
/// Runs `Rescue::before_attempt`, `Rescue::should_retry`.
/// Catches: each of the three orderings in `emergency` left out; a count that is read after the attempt instead of before.
/// Not here: a request that fails while the hook runs is refused, so only one is sure to be served (`tests/emergency.rs` has more).
#[test]
fn two_requests_and_one_reserve() {
    model(4, || {
        let other = spawn(request);
        let served = request();
        let other = other.join().unwrap();
        assert!(served || other);
    });
}

loom::lazy_static! {
    static ref RUNS: AtomicU32 = AtomicU32::new(0);
    static ref FREE: AtomicU32 = AtomicU32::new(0);
    static ref RESERVE: Reserve = Reserve(UnsafeCell::new(2));
}

/// What the hook alone touches: loom reports two runs that nothing orders.
struct Reserve(UnsafeCell<u32>);

// SAFETY: the hook runs once at a time, which is what the model proves.
unsafe impl Sync for Reserve {}

struct Prepared;
impl Config for Prepared {
    const ON_OUT_OF_MEMORY: Option<fn(OutOfMemory) -> Emergency> = Some(release_reserve);
}

fn release_reserve(_: OutOfMemory) -> Emergency {
    // SAFETY: as for `Sync`.
    let reserve = RESERVE.0.with_mut(|reserve| unsafe { reserve.replace(0) });
    assert_ne!(reserve, 0, "somebody was asked in vain");
    // Relaxed: what orders it is what the model is about.
    FREE.fetch_add(reserve, Relaxed);
    Emergency::Retry
}

/// Whether a block was to be had.
fn request() -> bool {
    let mut rescue = Rescue::before_attempt::<Prepared>(&RUNS);
    loop {
        let taken = take();
        if taken || !rescue.should_retry::<Prepared>(&RUNS, 8, 8) {
            return taken;
        }
    }
}

/// Takes a block, without an order of its own: a load may see an old value.
fn take() -> bool {
    let mut free = FREE.load(Relaxed);
    while free > 0 {
        match FREE.compare_exchange(free, free - 1, Relaxed, Relaxed) {
            Ok(_) => return true,
            Err(now) => free = now,
        }
    }
    false
}
