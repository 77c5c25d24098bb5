//! A run's beginning and end, whatever interrupts it: the heap is made new; everything is verified and freed.

use larder_suite::{Subject, while_shut};

use crate::party::Party;
use crate::step::Operation;
use crate::subject::reset;

/// Makes the heap new.
///
/// # Safety
///
/// Nobody is in the heap, and the parties hold all of its blocks.
pub unsafe fn clear(heap: &'static dyn Subject, parties: &mut [&mut Party]) {
    parties.iter_mut().for_each(|party| party.forget());
    // SAFETY: everybody has forgotten what they had of it.
    unsafe { reset(heap) };
    heap.begin();
}

/// Makes the operation's call, with the large tier held by somebody else if it is that.
pub fn make<R>(operation: &Operation, call: impl FnOnce() -> R) -> R {
    if operation.is_held { while_shut(call) } else { call() }
}

/// Nothing is lost, nothing is double, the figures are right; and nothing is left when all is freed.
pub fn verify(heap: &dyn Subject, parties: &mut [&mut Party]) {
    parties.iter().flat_map(|party| party.blocks()).for_each(|block| block.verify());
    let live = parties.iter().flat_map(|party| party.blocks());
    let live_bytes: usize = live.map(|block| heap.usable_size(block.as_ptr())).sum();
    let refused: u32 = parties.iter().map(|party| party.refused).sum();
    let stats = heap.stats();
    heap.assert_sound();
    assert!(stats.consistent, "{stats}");
    assert_eq!(stats.live_bytes, live_bytes, "{stats}");
    assert_eq!(stats.refused, refused, "{stats}");
    parties.iter_mut().for_each(|party| party.free_all());
    heap.assert_empty();
    let wrong_frees: u32 = parties.iter().map(|party| party.wrong_frees).sum();
    assert_eq!(heap.stats().wrong_frees, wrong_frees, "a right release was found wrong, or a wrong one was not");
}
