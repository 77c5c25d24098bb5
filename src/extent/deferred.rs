//! Releases that found the large tier held: a list of blocks that another context will give back.
//!
//! ```text
//!   head ─► block a ─► block b ─► 0      the links lie in the first granule of each block:
//!                                        word 0 = next block · word 1 = bytes
//!   hand ─► block c                      what is being given back at the moment
//! ```
//!
//! A block is on the list, or in the hand, until it is free. So the context that frees it once more can be told.
//!
//! | context | does | ordering, and what it pairs with |
//! |---|---|---|
//! | [`push`], any context | writes the block's granule, which it owns; compare-exchange of the head | Release: the granule is visible to the context that follows the head |
//! | [`take`], the holder of the large tier | takes the block behind the first, or the first if it is the only one, into the hand | Acquire: with every push. Release: the hand is visible to the context that finds the block gone |
//! | [`put_down`], the holder of the large tier | empties the hand, when the block is free, or nobody's | Release: that it is free is visible to the context that finds the hand empty |
//! | [`finds`], any context | looks for a block | Acquire: with all of these |
//!
//! Nobody pops the first of several: the loser of that race would read a link out of a block that its winner already
//! hands to a new owner. Behind the first, only the holder of the large tier changes links.

use crate::config::geometry::LARGE_MIN_BYTES;
use crate::sync::{AtomicU32, Ordering::*, StoredU32, fence};

/// Links inside blocks: the storage, as a parameter.
///
/// # Safety
///
/// The methods reach the first 8 bytes of the block at `place`.
pub(crate) unsafe trait Links {
    /// Writes the link and the length into the block's first granule.
    ///
    /// # Safety
    ///
    /// The block is the caller's alone.
    unsafe fn write(&self, place: u32, next: u32, len: u32);

    /// Reads the length.
    ///
    /// # Safety
    ///
    /// The block is on the list or in the hand, and the caller the holder of the large tier.
    unsafe fn len(&self, place: u32) -> u32;

    /// Reads the link. Of a place that was on the list and is another context's by now, any number; 0 for what is no
    /// place.
    fn next(&self, place: u32) -> u32;

    /// Writes the link, while others may be reading it.
    ///
    /// # Safety
    ///
    /// The block is on the list, and the caller the holder of the large tier.
    unsafe fn set_next(&self, place: u32, next: u32);
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
        // Release: pairs with `take` and `finds`.
        match head.compare_exchange_weak(next, place, Release, Relaxed) {
            Ok(_) => return,
            Err(seen) => next = seen,
        }
    }
}

/// Takes a block off the list into the hand, if that is empty. Returns what is there; 0: nothing.
///
/// Time: two attempts, however many push.
///
/// # Safety
///
/// The caller is the holder of the large tier.
pub(crate) unsafe fn take(head: &AtomicU32, hand: &StoredU32, links: &impl Links) -> u32 {
    // Relaxed: only the holder writes it.
    let held = hand.load(Relaxed);
    if held != 0 {
        return held;
    }
    loop {
        // Acquire: pairs with every `push`.
        let first = head.load(Acquire);
        if first == 0 {
            return 0;
        }
        let second = links.next(first);
        let taken = if second != 0 { second } else { first };
        hand.store(taken, Relaxed);
        // Release: pairs with `is_held`.
        fence(Release);
        let is_off = if second != 0 {
            // SAFETY: the first stays on the list for as long as nobody else is the holder.
            unsafe { links.set_next(first, links.next(second)) };
            true
        } else {
            // Relaxed: ordered by the fences. If it fails, the first has others before it now.
            head.compare_exchange(first, 0, Relaxed, Relaxed).is_ok()
        };
        if is_off {
            // Release: pairs with the fence in `finds` behind its look at the block's link, which is about to be
            // overwritten.
            fence(Release);
            return taken;
        }
    }
}

/// Empties the hand. For the holder of the large tier.
pub(crate) fn put_down(hand: &StoredU32) {
    // Release: pairs with `is_held`.
    fence(Release);
    hand.store(0, Relaxed);
}

/// Whether a block is on the list or in the hand, while no visit ends; `None`: it has changed in between. At least so
/// many `bytes` are deferred.
///
/// Time: at most as many steps as the deferred bytes hold blocks.
pub(crate) fn finds(
    head: &AtomicU32,
    hand: &StoredU32,
    bytes: &AtomicU32,
    links: &impl Links,
    block: u32,
) -> Option<bool> {
    // Acquire: pairs with every `push`; whose bytes were counted before.
    let (mut before, mut at) = (0, head.load(Acquire));
    // Relaxed: a block's bytes are subtracted behind the fence in `put_down`. If that was seen, the fence below, or the
    // one in `is_held`, shows the block off the list.
    for _ in 0..bytes.load(Relaxed) / LARGE_MIN_BYTES {
        if at == block {
            return Some(true);
        }
        if at == 0 {
            break;
        }
        let next = links.next(at);
        // Acquire: if that is what the block's next owner wrote, then that it was taken off the list is seen now.
        fence(Acquire);
        if at != if before == 0 { head.load(Relaxed) } else { links.next(before) } {
            return None;
        }
        (before, at) = (at, next);
    }
    Some(is_held(hand, block))
}

/// Whether a block is in the hand, of which the caller has seen that it is on the list no more.
#[inline]
pub(crate) fn is_held(hand: &StoredU32, block: u32) -> bool {
    // Acquire: pairs with the fence in `take`.
    fence(Acquire);
    let is_held = hand.load(Relaxed) == block;
    // Acquire: pairs with `put_down`.
    fence(Acquire);
    is_held
}
