//! Releases that found tier 2 held: each block is sealed and listed, and given back by a later visitor.

use super::{Engine, Extent};
use crate::config::Reason;
use crate::deferred::{self, Links};
use crate::geometry::GRANULE;
use crate::header::Inside;
use crate::large::{Ground, Large};
use crate::peek::peek;
use crate::sync::Ordering::*;

/// Defers releases.
pub(crate) trait Defer: Engine {
    /// Leaves a release to the next visitor of tier 2.
    #[cold]
    #[inline(never)]
    fn defer(self, first: u32, bytes: u32) -> Result<(), Reason> {
        if !self.is_live(first) {
            return Err(Reason::Double);
        }
        let bytes = if Self::Large::KNOWS_ENDS { self.true_bytes(first) } else { bytes };
        self.header().deferred_bytes.fetch_add(bytes, Relaxed);
        // SAFETY: the block is live, and by the contract of dealloc the caller's to give; it has 16 bytes.
        unsafe {
            self.seal(first).write(Self::seal_of(first));
            deferred::push(&self.header().deferred, &self, first, bytes);
        }
        Ok(())
    }

    /// Where a block on the deferred list carries its seal: behind its link.
    #[inline(always)]
    fn seal(self, first: u32) -> *mut [u32; 2] {
        Ground::word(self, first + GRANULE).cast()
    }

    /// 64 bits that a block's owner would have to write by chance.
    #[inline(always)]
    fn seal_of(first: u32) -> [u32; 2] {
        let seal = 0x5EA1_ED0F ^ first;
        [seal, !seal.rotate_left(16)]
    }

    /// Whether a block is on the deferred list: a second free would tie the list into a knot.
    #[cold]
    fn is_sealed(self, first: u32) -> bool {
        if !self.is_live(first) {
            return false;
        }
        let seal = self.seal(first).cast::<u32>();
        // SAFETY: the two words are aligned, and of the ground: what seems live has at least two granules in either backend. A block
        // that is not on the list holds there what it likes; one that is has the seal, and is being freed a second time.
        let found = unsafe { [peek(seal), peek(seal.add(1))] };
        found == Self::seal_of(first)
    }

    /// Takes one block off the list, for the caller to give back: inside the entry. An error: what is on the list was written to.
    #[inline(always)]
    fn next_deferred(self, inside: &mut Inside) -> Result<Option<(u32, u32)>, Reason> {
        let header = self.header();
        if inside.draining == 0 {
            inside.draining = deferred::take_all(&header.deferred);
        }
        let first = inside.draining;
        if first == 0 {
            return Ok(None);
        }
        // SAFETY: the block was taken off the list by this holder of tier 2.
        let (next, bytes) = unsafe { self.read(first) };
        // SAFETY: as above.
        if unsafe { self.seal(first).read() } != Self::seal_of(first) {
            // Somebody wrote into a block after its release: its link can't be trusted either.
            inside.draining = 0;
            return Err(Reason::Double);
        }
        // SAFETY: as above. The block's next owner shall not find the seal in it.
        unsafe { self.seal(first).write([0; 2]) };
        inside.draining = next;
        header.deferred_bytes.fetch_sub(bytes, Relaxed);
        Ok(Some((first, bytes)))
    }
}

impl<E: Extent> Defer for E {}
