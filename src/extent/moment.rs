//! Looks at what the visitors of the large tier change, from outside.
//!
//! | context | does | ordering, and what it pairs with |
//! |---|---|---|
//! | the visitor, at the end of a visit | [`Moment::pass`]: counts the visit | Release fence before: what the visit changed is seen by the context that sees the count, or what the visitor, or the context that got a block of it, writes afterwards |
//! | anybody | [`Moment::steady`]: reads the count, looks, reads the count again | Acquire fences behind the first and before the second: with that, and with what the visitors order themselves |
//!
//! If the count is the same, no visit has ended between the looks: they saw one visit in the middle, at most. On one
//! core, that is the visit that was interrupted, and stands still.

use crate::sync::{Ordering::*, StoredU32, fence};

/// 0 until the large tier is set up; then odd, and another number after every visit that may have changed it.
pub(crate) struct Moment(StoredU32);

impl Moment {
    /// Before all else. Zeroed memory is the same.
    #[cfg(all(test, loom))]
    pub(crate) fn new() -> Self {
        Self(StoredU32::new(0))
    }

    #[inline]
    pub(crate) fn now(&self) -> u32 {
        self.0.load(Relaxed)
    }

    /// The large tier was set up. For the visitor.
    #[inline]
    pub(crate) fn begin(&self) {
        self.0.store(1, Relaxed);
    }

    /// A visit ends, and may have changed something. For the visitor; `LOOKED_AT`, if anybody looks from outside.
    #[inline]
    pub(crate) fn pass<const LOOKED_AT: bool>(&self) {
        if LOOKED_AT {
            // Release: pairs with the fences in `steady`, and with those of its look. On several cores, what follows
            // the visit must not be seen before what it changed.
            fence(Release);
        }
        // Only the visitor writes it.
        self.0.store(self.now().wrapping_add(2), Relaxed);
    }

    /// What a look finds while no visit ends. The look gives `None` where it has seen something change.
    ///
    /// Time: one look more for each visit that others have ended, and for each change.
    pub(crate) fn steady<R>(&self, mut look: impl FnMut() -> Option<R>) -> R {
        loop {
            let before = self.now();
            // Acquire: pairs with the fence in `pass`.
            fence(Acquire);
            let seen = look();
            // Acquire: the look may have seen what a later visit wrote, behind a fence of its own; then its count is
            // seen too.
            fence(Acquire);
            match seen {
                Some(seen) if self.now() == before => return seen,
                _ => {}
            }
        }
    }
}
