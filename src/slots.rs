//! Slots that hold one page number each: the stash, and the pages kept empty.
//!
//! A slot is 0 or a page. Pages move by swap and compare-exchange alone: there is no link to follow,
//! so nothing can be stale in between. A linked stack would have to read a link out of a page that
//! another context may already own.

use crate::sync::{AtomicU32, Ordering::*};

/// Puts `page` into a free slot. `false`: all are taken.
pub(crate) fn put<'a>(slots: impl IntoIterator<Item = &'a AtomicU32>, page: u32) -> bool {
    debug_assert_ne!(page, 0);
    // Release: pairs with the Acquire in `take`; what was written of the page is visible there.
    slots.into_iter().any(|slot| slot.load(Relaxed) == 0 && slot.compare_exchange(0, page, Release, Relaxed).is_ok())
}

/// Takes a page out of any slot. The plain look before the swap is a guess: a page that arrives
/// meanwhile is found by the next call.
pub(crate) fn take<'a>(slots: impl IntoIterator<Item = &'a AtomicU32>) -> Option<u32> {
    // Acquire: pairs with the Release in `put`.
    slots.into_iter().filter(|slot| slot.load(Relaxed) != 0).map(|slot| slot.swap(0, Acquire)).find(|&page| page != 0)
}
