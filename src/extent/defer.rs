//! Releases that found the large tier held: each block is sealed and listed, and given back by a later visitor.

use super::{Extent, Storage};
use crate::config::Reason;
use crate::config::geometry::GRANULE;
use crate::extent::deferred::{self, Links};
use crate::large::peek::peek;
use crate::large::{Backend, Ground};
use crate::sync::{Ordering::*, fence};

/// The block in the hand, measured between two visits.
#[derive(Clone, Copy)]
pub(crate) struct Measured {
    first: u32,
    bytes: u32,
    /// Of the visit before.
    moment: u32,
}

/// What became of a deferred release.
pub(crate) enum Drained {
    /// There is none.
    Nothing,
    /// The large tier has the block back.
    Block,
    /// It was wrong: the block is live, and its caller's still.
    Wrong(u32, Reason),
    /// It is still in the hand, for it has another size than its layout: the shorter one, if it shrank while the large
    /// tier was held.
    Resized(u32),
}

/// Defers releases.
impl<S: Storage> Extent<S> {
    /// Leaves a release to the next visitor of the large tier.
    ///
    /// Time: a fixed number of steps, and more only where other contexts come in between.
    #[cold]
    #[inline(never)]
    pub(crate) fn defer(self, first: u32, bytes: u32) -> Result<(), Reason> {
        if !self.is_live(first) {
            return Err(Reason::Double);
        }
        self.header().deferred_bytes.fetch_add(bytes, Relaxed);
        // SAFETY: the block is live, and by the contract of dealloc the caller's to give; it has 16 bytes.
        unsafe {
            self.seal(first).write(Self::seal_of(first));
            deferred::push(&self.header().deferred, &self, first, bytes);
        }
        Ok(())
    }

    /// Where a block on the deferred list carries its seal: behind its link.
    #[inline]
    pub(crate) fn seal(self, first: u32) -> *mut [u32; 2] {
        Ground::word(self, first + GRANULE).cast()
    }

    /// 64 bits that few blocks hold there which are not deferred.
    #[inline]
    pub(crate) fn seal_of(first: u32) -> [u32; 2] {
        let seal = 0x5EA1_ED0F ^ first;
        [seal, !seal.rotate_left(16)]
    }

    /// Whether the release of a block is deferred: a second one would tie the list into a knot.
    ///
    /// The seal spares the search for nearly all blocks that are not. Such a block can hold it all the same: its owner
    /// wrote it, or memory that was claimed held it from before a reset.
    ///
    /// Time: a few steps; for a block with the seal, as `deferred::finds`.
    #[cold]
    #[inline(never)]
    pub(crate) fn is_deferred(self, first: u32) -> bool {
        let header = self.header();
        if !self.has_seal(first) {
            // What is in the hand has lost it.
            return deferred::is_held(&header.in_hand, first);
        }
        let find = || deferred::finds(&header.deferred, &header.in_hand, &header.deferred_bytes, &self, first);
        header.moment.steady(find)
    }

    pub(crate) fn has_seal(self, first: u32) -> bool {
        // SAFETY: `first` comes from `locate`: a place of the ground.
        if !unsafe { S::Large::is_live(self, first) } {
            return false;
        }
        let seal = self.seal(first).cast::<u32>();
        // SAFETY: the two words are aligned, and of the ground: what seems live has at least two granules in either
        // backend. A block that is not on the list holds there what it likes; one that is has the seal, and is being
        // freed a second time.
        let found = unsafe { [peek(seal), peek(seal.add(1))] };
        found == Self::seal_of(first)
    }

    /// How long the block in the hand really is. Outside of the entry.
    #[inline]
    pub(crate) fn measure(self, first: u32) -> Measured {
        let moment = self.header().moment.now();
        // Acquire: pairs with the fence at the end of the last visit.
        fence(Acquire);
        Measured { first, bytes: self.true_bytes(first), moment }
    }

    /// Takes a block off the list, or what is in the hand from before; what was measured, if it still is there. 0:
    /// there is nothing. Inside the entry.
    #[inline]
    pub(crate) fn next_deferred(self, measured: Option<Measured>) -> u32 {
        let header = self.header();
        let Some(measured) = measured else {
            // SAFETY: inside the entry.
            return unsafe { deferred::take(&header.deferred, &header.in_hand, &self) };
        };
        // A later visitor has given it back, or is about to: the hand is theirs.
        let is_mine = header.moment.now() == measured.moment && header.in_hand.load(Relaxed) == measured.first;
        if is_mine { measured.first } else { 0 }
    }

    /// Gives back what is in the hand: `first`, if it is not 0. Inside the entry.
    #[inline]
    pub(crate) fn give_deferred(self, first: u32, measured: Option<Measured>) -> Drained {
        let header = self.header();
        if first == 0 {
            return Drained::Nothing;
        }
        let seal = self.seal(first);
        // SAFETY: the block is in the hand of this holder of the large tier.
        let (bytes, is_sealed) = unsafe { (self.len(first), seal.read() == Self::seal_of(first)) };
        if !is_sealed {
            // A context wrote into a block after its release, so that it is lost. How long it was is not known either.
            deferred::put_down(&header.in_hand);
            return Drained::Wrong(first, Reason::Double);
        }
        // The block's next owner shall not find the seal in it. Until it is free, it is found in the hand.
        // SAFETY: as above.
        unsafe { seal.write([0; 2]) };
        // SAFETY: inside the entry. The block was its caller's by the contract of dealloc, and nobody else has got it
        // since.
        let given =
            unsafe { S::Large::give(self, first, measured.map_or(bytes, |measured| measured.bytes.max(bytes))) };
        if given == Err(Reason::Size) && measured.is_none() {
            // SAFETY: as above.
            unsafe { seal.write(Self::seal_of(first)) };
            return Drained::Resized(first);
        }
        deferred::put_down(&header.in_hand);
        header.deferred_bytes.fetch_sub(bytes, Relaxed);
        match given {
            Ok(()) => Drained::Block,
            Err(reason) => Drained::Wrong(first, reason),
        }
    }
}
