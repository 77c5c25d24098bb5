//! Slots that hold one page number each: the stash, and the pages kept empty.
//!
//! A slot is 0 or a page. Pages move by swap and compare-exchange alone: there is no link to follow,
//! so nothing can be stale in between. A linked stack would have to read a link out of a page that
//! another context may already own.

use crate::sync::{AtomicU32, Ordering::*};

/// Puts `page` into a free slot. `false`: all are taken.
pub(crate) fn put(slots: &[AtomicU32], page: u32) -> bool {
    debug_assert_ne!(page, 0);
    // Release: pairs with the Acquire in `take`; what was written of the page is visible there.
    slots.iter().any(|slot| slot.load(Relaxed) == 0 && slot.compare_exchange(0, page, Release, Relaxed).is_ok())
}

/// Takes a page out of any slot; 0 when there is none. The plain look before the swap is a guess: a
/// page that arrives meanwhile is found by the next call.
pub(crate) fn take(slots: &[AtomicU32]) -> u32 {
    for slot in slots {
        if slot.load(Relaxed) != 0 {
            // Acquire: pairs with the Release in `put`.
            let page = slot.swap(0, Acquire);
            if page != 0 {
                return page;
            }
        }
    }
    0
}
