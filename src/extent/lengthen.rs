//! An extent that becomes longer at its end: its ground stays where it is, and the tables behind that move.

use super::{Engine, Entry, Extent};
use crate::config::Table;
use crate::index::Index;
use crate::large::Large;

/// Moves the tables to where they lie in the longer extent, and gives what lies between to tier 2.
///
/// Time: O(tables).
///
/// # Safety
///
/// - Both are one memory: their grounds begin at the same address, and that of `new` is at least 16 bytes longer. The
///   tables of both lie behind their grounds. `new` is the caller's to its end, and may hold anything behind that of `old`.
/// - Pointers to `old` may be used for all of `new`.
/// - Nobody is in the heap. Somebody has been in tier 2, which so is set up.
/// - From then on, `old` is not used.
pub(crate) unsafe fn lengthen<E: Extent>(old: E, new: E) {
    debug_assert!(old.origin() == new.origin() && new.map().ground >= old.map().ground + 16);
    // SAFETY: the caller's contract. The last table goes first; each one's new place lies behind its old one, so none is
    // overwritten before it was moved.
    unsafe {
        E::Large::move_table(old, new);
        old.map().move_tables::<E::Config>(old.tables(), &new.map(), new.tables());
    }
    for class in (1..E::Config::TABLE.numbers() as u32).filter(|&class| E::Config::TABLE.is_class(class)) {
        Index(new, class).reveal();
    }
    let old_bytes = old.map().ground;
    // SAFETY: nobody is inside.
    unsafe {
        (*new.header().inside.get()).least_free += new.map().ground - old_bytes;
        E::Large::extend(new, old_bytes);
    }
    Entry::pass(new);
}
