//! The memories of a region.

use crate::extents::Extents;
use crate::{model, tick};
use loom::cell::UnsafeCell;
use loom::thread::spawn;
use std::sync::Arc;

/// A memory's tables, as far as loom is concerned: written before the memory is claimed.
struct Memory(UnsafeCell<u32>);

// SAFETY: loom reports whoever looks without an order behind the write.
unsafe impl Sync for Memory {}
// SAFETY: as above.
unsafe impl Send for Memory {}

/// A region gets its second memory while others use it: whoever sees the memory sees what was written into it before.
///
/// Runs `Extents::{push, iter}`.
/// Catches: a count that is stored or loaded relaxed; one that is stored before the memory.
#[test]
fn a_claim_against_a_look() {
    model(3, || {
        let extents = Arc::new(Extents::<Memory, 2>::new());
        let claim = |extents: &Extents<Memory, 2>, number| {
            let memory = Memory(UnsafeCell::new(0));
            // SAFETY: nobody else has the memory. (Loom's cell is told.)
            memory.0.with_mut(|tables| unsafe { *tables = number });
            // SAFETY: the model's claims are one thread's.
            unsafe { extents.push(memory) };
        };
        claim(&extents, 1);
        let other = spawn({
            let extents = extents.clone();
            move || {
                tick();
                claim(&extents, 2);
            }
        });
        tick();
        // SAFETY: loom verifies that nobody writes.
        let seen: Vec<u32> = extents.iter().map(|memory| memory.0.with(|tables| unsafe { *tables })).collect();
        assert!(seen == [1] || seen == [1, 2], "{seen:?}");
        other.join().unwrap();
        assert_eq!(extents.len(), 2);
    });
}
