//! The entry of the large tier.

use crate::arena::{Arena, Small};
use crate::config::Reason;
use crate::large::{Backend, Ground, Large, Resized, Run, Segregated, TableBytes};
use crate::policy::{Policy, Try};
use crate::{model, tick};
use loom::cell::UnsafeCell;
use loom::thread::spawn;
use std::cell::Cell;
use std::sync::Arc;

/// A context that enters runs alone, and sees what the one before it did; one that is refused runs nothing.
///
/// Runs `Try::enter`.
/// Catches: an exchange that is not an Acquire, or a load and a store instead; a store that is no Release.
#[test]
fn entry_against_entry() {
    model(6, || {
        let entry = Arc::new((<Try as Policy>::Lock::default(), UnsafeCell::new(0)));
        // SAFETY: the cell is live; loom verifies that nobody else is in it.
        let enter = |entry: &(_, UnsafeCell<u32>)| {
            tick();
            u32::from(Try::enter(&entry.0, || entry.1.with_mut(|count| unsafe { *count += 1 })).is_some())
        };
        let threads = [(); 2].map(|()| {
            let entry = entry.clone();
            spawn(move || enter(&entry))
        });
        let entered = enter(&entry) + threads.map(|thread| thread.join().unwrap()).iter().sum::<u32>();
        assert!(entered >= 1);
        // SAFETY: as above.
        assert_eq!(Try::enter(&entry.0, || entry.1.with(|count| unsafe { *count })), Some(entered));
    });
}

/// `Segregated`, counting how often it is set up.
struct Counting;

thread_local! {
    /// Loom runs all threads of a model on one.
    static SET_UPS: Cell<u32> = const { Cell::new(0) };
}

// SAFETY: passes everything on.
impl Large for Counting {}

// SAFETY: passes everything on.
unsafe impl Backend for Counting {
    const TABLE_BYTES: TableBytes = Segregated::TABLE_BYTES;

    unsafe fn init(ground: impl Ground) {
        SET_UPS.set(SET_UPS.get() + 1);
        // SAFETY: passed on, here and below.
        unsafe { Segregated::init(ground) }
    }
    unsafe fn take(ground: impl Ground, bytes: u32, align: u32) -> u32 {
        assert_eq!(SET_UPS.get(), 1);
        unsafe { Segregated::take(ground, bytes, align) }
    }
    unsafe fn give(ground: impl Ground, first: u32, bytes: u32) -> Result<(), Reason> {
        // SAFETY: passed on.
        unsafe { Segregated::give(ground, first, bytes) }
    }
    unsafe fn is_live(ground: impl Ground, first: u32) -> bool {
        // SAFETY: passed on.
        unsafe { Segregated::is_live(ground, first) }
    }
    unsafe fn true_bytes(ground: impl Ground, first: u32) -> u32 {
        // SAFETY: passed on.
        unsafe { Segregated::true_bytes(ground, first) }
    }
    unsafe fn free_bytes(ground: impl Ground) -> u32 {
        // SAFETY: passed on.
        unsafe { Segregated::free_bytes(ground) }
    }
    unsafe fn next_run(ground: impl Ground, from: u32) -> Option<Run> {
        // SAFETY: passed on.
        unsafe { Segregated::next_run(ground, from) }
    }
    unsafe fn next_start(ground: impl Ground, from: u32) -> Result<u32, u32> {
        // SAFETY: passed on.
        unsafe { Segregated::next_start(ground, from) }
    }
    unsafe fn check(ground: impl Ground) -> Result<(), &'static str> {
        // SAFETY: passed on.
        unsafe { Segregated::check(ground) }
    }
}

/// The first calls of a fresh heap, at the same time, one pooled and one large: the large tier is set up
/// once, before anything is taken from it.
///
/// Runs `enter`, `set_up`, and all of both allocations.
/// Catches: a set-up outside of the entry, or one that is not remembered.
#[test]
fn lazy_set_up_against_lazy_set_up() {
    model(6, || {
        SET_UPS.set(0);
        let arena = Arena::<Small<1, 1>, Counting>::new(2);
        let other = spawn({
            let arena = arena.clone();
            move || arena.alloc(200)
        });
        let mut live: Vec<_> = arena.alloc(64).into_iter().collect();
        live.extend(other.join().unwrap());
        assert!(!live.is_empty(), "one of two is served: one is refused only for the other");
        assert_eq!(SET_UPS.get(), 1);
        arena.finish(live);
    });
}
