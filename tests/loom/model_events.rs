//! The hook for events.

use crate::config::{Config, Event};
use crate::hooks::events;
use crate::model;
use crate::sync::{AtomicU32, Ordering::*};
use loom::cell::UnsafeCell;
use loom::thread::spawn;

/// Three events in two contexts, and one of the hook's own each time: the hook runs once at a time, what it does is seen by its next run, and every event
/// is either told or counted.
///
/// Runs `events::tell`, `events::untold`.
/// Catches: each of the two orderings left out; a bit that is looked at and set in two steps; an event that is neither told nor counted.
#[test]
fn the_hook_runs_once_at_a_time() {
    model(4, || {
        let other = spawn(happen);
        happen();
        happen();
        other.join().unwrap();
        // SAFETY: nobody else is left.
        let told = TOLD.0.with(|told| unsafe { *told });
        // Those that were told had one in their middle.
        assert_eq!((told > 0, told + events::untold(&WORD)), (true, 3 + told));
    });
}

fn happen() {
    events::tell::<Told>(&WORD, &WORD, Event::RetireBegins);
}

loom::lazy_static! {
    static ref WORD: AtomicU32 = AtomicU32::new(0);
    static ref TOLD: Runs = Runs(UnsafeCell::new(0));
}

/// What the hook alone touches: loom reports two runs that nothing orders.
struct Runs(UnsafeCell<u32>);

// SAFETY: the hook runs once at a time, which is what the model proves.
unsafe impl Sync for Runs {}

struct Told;
impl Config for Told {
    const ON_EVENT: Option<fn(Event)> = Some(|_| {
        // SAFETY: as for `Sync`.
        TOLD.0.with_mut(|told| unsafe { *told += 1 });
        happen();
    });
}
