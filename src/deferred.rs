//! Releases that found tier 2 held: a list of blocks that somebody else will give back.
//!
//! ```text
//!   head ─► block a ─► block b ─► 0      the links lie in the first granule of each block:
//!                                        word 0 = next block · word 1 = bytes
//! ```
//!
//! | who | does | ordering, and what it pairs with |
//! |---|---|---|
//! | [`push`], any context | writes the block's granule, which it owns; compare-exchange of the head | Release: the granule is visible to who takes the list |
//! | [`take_all`], the holder of tier 2 | swaps the head for 0 | Acquire: with every push |
//!
//! Nobody pops a single block: the loser of that race would read a link out of a block that its
//! winner already hands to a new owner. What was taken is moved to a list that only the holder of
//! tier 2 sees, and drained from there, one block a call.

use crate::sync::{AtomicU32, Ordering::*};

/// Links inside blocks: the storage, as a parameter.
///
/// # Safety
///
/// `write` and `read` reach the first 8 bytes of the block at `place`.
pub(crate) unsafe trait Links {
    /// Writes the link and the length into the block's first granule.
    ///
    /// # Safety
    ///
    /// The block is the caller's alone.
    unsafe fn write(&self, place: u32, next: u32, len: u32);

    /// Reads the link and the length.
    ///
    /// # Safety
    ///
    /// The caller took the block off the list.
    unsafe fn read(&self, place: u32) -> (u32, u32);
}

/// Puts a block on the list.
///
/// Time: one compare-exchange, and one more for each context that pushed in between.
///
/// # Safety
///
/// The block of `len` bytes at `place` is the caller's, and from now on the list's.
pub(crate) unsafe fn push(head: &AtomicU32, links: &impl Links, place: u32, len: u32) {
    let mut next = head.load(Relaxed);
    loop {
        // SAFETY: the block is the caller's until the exchange below succeeds.
        unsafe { links.write(place, next, len) };
        // Release: pairs with `take_all`.
        match head.compare_exchange_weak(next, place, Release, Relaxed) {
            Ok(_) => return,
            Err(seen) => next = seen,
        }
    }
}

/// Takes the whole list; 0 when it is empty. For the holder of tier 2.
pub(crate) fn take_all(head: &AtomicU32) -> u32 {
    // Relaxed: a guess that spares the swap; what arrives meanwhile is taken by the next visit.
    if head.load(Relaxed) == 0 {
        return 0;
    }
    // Acquire: pairs with `push`.
    head.swap(0, Acquire)
}
