//! An extent that becomes longer.

use crate::config::{Config, Table};
use crate::extent::{Engine, Entry};
use crate::large::Large;
use crate::memory::Memory;
use crate::policy::Policy;

/// Moves an extent's tables to where they lie when it is longer, and gives what lies between to tier 2.
///
/// # Safety
///
/// `new` begins where `old` does, nobody else is in the heap, and nobody will use `old`.
pub(super) unsafe fn move_tables<P: Policy, L: Large, C: Config>(old: &Memory<P, L, C>, new: &Memory<P, L, C>) {
    // Nobody is inside, so `look` gets in, and sets tier 2 up if nobody has been there.
    old.look(|_| ());
    // SAFETY: the caller's contract. The last table goes first; each one's new place lies behind its old one, so none is
    // overwritten before it was moved.
    unsafe {
        L::move_table(old, new);
        old.map.move_tables(old.tables, &new.map, new.tables, C::TABLE.count);
    }
    let grown = new.map.ground - old.map.ground;
    // SAFETY: nobody is inside.
    unsafe {
        let inside = &mut *new.header().inside.get();
        inside.least_free += grown;
        inside.changes();
        L::extend(new, old.map.ground);
    }
}
