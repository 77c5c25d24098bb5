//! An extent that becomes longer at its end: its ground stays where it is, and the tables behind that move.

use super::{Extent, Storage};
use crate::config::Table;
use crate::large::Backend;
use crate::pools::index::Index;

/// Moves the tables to where they lie in the longer extent, and gives what lies between to the large tier.
///
/// Time: O(tables).
///
/// # Safety
///
/// - Both are one memory: their grounds begin at the same address, and that of `new` is at least 16 bytes longer. The
///   tables of both lie behind their grounds. `new` is the caller's to its end, and may hold anything behind that of
///   `old`.
/// - Pointers to `old` may be used for all of `new`.
/// - Nobody is in the heap. A context has been in the large tier, which so is set up.
/// - From then on, `old` is not used.
pub(crate) unsafe fn lengthen<S: Storage>(old: Extent<S>, new: Extent<S>) {
    debug_assert!(old.origin() == new.origin() && new.map().ground >= old.map().ground + 16);
    // SAFETY: the caller's contract. The last table goes first; each one's new place lies behind its old one, so none
    // is overwritten before it was moved.
    unsafe {
        S::Large::move_table(old, new);
        old.map().move_tables::<S::Config>(old.tables(), &new.map(), new.tables());
    }
    for class in (1..S::Config::TABLE.numbers() as u32).filter(|&class| S::Config::TABLE.is_class(class)) {
        Index(new, class).reveal();
    }
    let old_bytes = old.map().ground;
    // SAFETY: nobody is inside.
    unsafe {
        (*new.header().inside.get()).least_free += new.map().ground - old_bytes;
        S::Large::extend(new, old_bytes);
    }
    new.pass();
}
