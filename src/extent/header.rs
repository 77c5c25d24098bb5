//! The words of a heap that are not tables.

use crate::extent::moment::Moment;
use crate::policy::Policy;
use crate::sync::{AtomicU32, StoredU32};
use core::cell::UnsafeCell;

/// At the start of the tables. All-zero bytes are its first value.
#[repr(C, align(8))]
pub(crate) struct Header<P: Policy> {
    /// The entry to the large tier.
    pub(crate) lock: P::Lock,
    /// Releases that found the large tier held: the list of `deferred`.
    pub(crate) deferred: AtomicU32,
    /// How many bytes are on it, or in the hand, by their layouts.
    pub(crate) deferred_bytes: AtomicU32,
    /// The block of it that is being given back: the hand of `deferred`.
    pub(crate) in_hand: StoredU32,
    /// Counts the visits of the large tier. Written by its holder alone.
    pub(crate) moment: Moment,
    /// What only the holder of the large tier touches.
    pub(crate) inside: UnsafeCell<Inside>,
    /// Counters: they start at 0, only grow, and wrap.
    pub(crate) refills: AtomicU32,
    pub(crate) retries: AtomicU32,
    pub(crate) refused: AtomicU32,
    pub(crate) wrong_frees: AtomicU32,
    /// Runs of the out-of-memory hook: see `emergency`.
    pub(crate) rescues: AtomicU32,
}

/// Reached only inside the entry.
pub(crate) struct Inside {
    /// The fewest bytes that ever were free in the large tier, since it was set up.
    pub(crate) least_free: u32,
    /// How many parts of what `RESERVED` asks for are done: see `Entry::reserve`.
    pub(crate) parts: u32,
}
