//! The protocol of a pool page: one word of free blocks and one owner byte.
//!
//! ```text
//!   word   31 30 29 … 3  2  1  0      1 = the block that starts at this granule is free
//!          └──────────────┴──┴─┴ a class 3 granules wide uses bits 0, 3, 6, …, 27
//!   owner  0 = the large tier · 1..=N = a size class · N + 1 = in transit
//! ```
//!
//! | function | moves the word | ordering, and what it pairs with |
//! |---|---|---|
//! | [`claim`] | clears the lowest bit | Acquire: with the release of that block, and with `publish`, so that the owner read next is at least as new as the bit |
//! | [`release`] | sets the bit of a block it owns | Release: with the claim or the retirement that takes the bit next |
//! | [`retire`] | from *every block free* to 0 | Acquire: with every release of the page, so that all use of its blocks is over |
//! | [`publish`] | from 0 to *all free but the caller's own* | Release: the owner byte, written before, is visible to every later claim |
//!
//! The rules, each of which has broken something when it was left out:
//!
//! 1. The word is 0 whenever the page belongs to no class, and it is never used for anything else: a
//!    context that was suspended with a stale page number may still try to claim from it.
//! 2. The owner is written before the word is published. The publisher keeps its own block back, or
//!    others could take all blocks and it would have to start again.
//! 3. Claim first, read the owner after. On a mismatch the bit goes back by the ordinary release
//!    *with its check for an empty page*, because the claim made the page look one block short.
//!    Meanwhile a retirement may be refused for nothing: at most one per context that holds a stale page.
//! 4. A release checks everything *before* it sets the bit: after it the page may be another context's.
//!    The old word then tells a double free.
//! 5. A page in the stash, in the large tier or in transit has an owner byte that refuses pooled frees.
//! 6. Two classes never have the same mask (no class is larger than half a page). A mask can still be
//!    a *subset* of another's free blocks, so a retirement reads the owner once more when it holds the
//!    page, and gives all bits back when the page turned out to be of another class.
//! 7. A bit carries no pointer, so a word that changed and changed back (ABA) harms nobody.
//!
//! | step | A allocates 64 bytes, whose front begins with page 7 | B |
//! |---|---|---|
//! | 1 | reads the front: page 7 | |
//! | 2 | | frees the last block of page 7, retires it, publishes it for 8 bytes |
//! | 3 | claims bit 0 of page 7 | |
//! | 4 | reads owner: 8 bytes. Without rule 3, A would now own 64 bytes over B's blocks | |
//! | 5 | gives bit 0 back, takes a page from the index | |

use crate::sync::{AtomicU32, Ordering::*};

/// A block that was claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claimed {
    /// The granule at which it starts.
    pub(crate) granule: u32,
    /// The blocks that are free besides.
    pub(crate) rest: u32,
}

/// Takes the lowest free block. `None`: there is none, or another context changed the word meanwhile.
#[inline(always)]
pub(crate) fn claim(word: &AtomicU32) -> Option<Claimed> {
    // Relaxed: a guess, which the exchange verifies.
    let seen = word.load(Relaxed);
    let rest = seen & seen.wrapping_sub(1);
    // Acquire: pairs with the Release of this block's `release`, and of the page's `publish`.
    if seen == 0 || word.compare_exchange_weak(seen, rest, Acquire, Relaxed).is_err() {
        return None;
    }
    Some(Claimed { granule: seen.trailing_zeros(), rest })
}

/// Gives blocks back; returns the word as it was before.
#[inline(always)]
pub(crate) fn release(word: &AtomicU32, bits: u32) -> u32 {
    // Release: the owner's last use of the block happens before the next claim or the retirement.
    word.fetch_or(bits, Release)
}

/// Takes the whole page, if every block of `mask` is free. The caller must read the owner again.
#[inline]
pub(crate) fn retire(word: &AtomicU32, mask: u32) -> bool {
    // Acquire: pairs with the Release of every `release` that filled the word.
    word.compare_exchange(mask, 0, Acquire, Relaxed).is_ok()
}

/// Opens a page of class `class` to everyone, except for its lowest block, which is the caller's.
/// Returns the bits that a wrong free had planted while the page was nobody's: 0 in a sound program.
#[inline]
pub(crate) fn publish(word: &AtomicU32, owner: &crate::sync::AtomicU8, class: u32, mask: u32) -> u32 {
    // Relaxed: ordered before the bits by the Release below.
    owner.store(class as u8, Relaxed);
    // Release: pairs with the Acquire of every claim that sees one of these bits.
    word.swap(mask & (mask - 1), Release)
}
