//! What lies before a place whose bits read like a live block's start: for a look from outside of the entry.
//!
//! Bits `1 0` are a live block's start, or the second granule of a free run. The granule before tells: of a run's first
//! granule, the last word is a link, without [`END`]; of whatever else is marked and stands before a start, it is a
//! size with `END`.
//!
//! | context | does | ordering, and what it pairs with |
//! |---|---|---|
//! | [`end_before_mark`], a release | writes the size, and then marks the granule | Release fence: the context that sees the mark sees `END` |
//! | a visit that takes the run | clears the mark; the next owner writes to the word | Release fence at the end of every visit ([`Moment::pass`](crate::extent::moment::Moment::pass)): the context that sees the owner's word sees the cleared mark |
//! | [`is_second`], anybody | mark, word, mark | Acquire fences: with both |
//!
//! So a word without `END` between two looks at the mark is a link, unless visits have taken and released the run in
//! between: the context that looks asks again then, by [`Moment::steady`](crate::extent::moment::Moment::steady).

use super::END;
use crate::sync::{Ordering::*, fence};

/// The granule before a place. Storage is a parameter, so that a model brings its own.
pub(crate) trait Before {
    /// Whether it is marked.
    fn is_marked(&self) -> bool;
    /// Its last word; asked for where it was marked just now. Its owner may be writing to it.
    fn word(&self) -> u32;
}

/// Whether a place is the second granule of a free run. Never of a live block's start, if no visit ends meanwhile.
#[inline(always)]
pub(crate) fn is_second(before: &impl Before) -> bool {
    if !before.is_marked() {
        return false;
    }
    // Acquire: pairs with the fence in `end_before_mark`.
    fence(Acquire);
    if before.word() & END != 0 {
        return false;
    }
    // Acquire: pairs with the fence at the end of the visit that cleared the mark for the word's owner.
    fence(Acquire);
    before.is_marked()
}

/// What a release writes before it marks a run's last granule.
#[inline(always)]
pub(crate) fn end_before_mark(write_end: impl FnOnce()) {
    write_end();
    // Release: pairs with `is_second`, for which this stands before the mark.
    fence(Release);
}
