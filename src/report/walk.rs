//! The arena, piece by piece: what lies where.

use crate::config::classes::owner;
use crate::config::geometry::*;
use crate::extent::{Extent, Storage};
use crate::large::{Backend, Ground, Run};
use crate::pools::Tables;
use crate::sync::Ordering::*;

/// A part of the arena that is all of one kind: see [`Heap::walk`](crate::Heap::walk).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Piece {
    /// Where it begins: where the piece before ended.
    pub start: *const u8,
    /// How long it is.
    pub bytes: usize,
    /// What it is.
    pub holds: Holds,
}

/// What a [`Piece`] of the arena is. Masks have a bit for each 8 bytes, the lowest for the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Holds {
    /// A page of a size class. A piece of more than 256 bytes has some left over at its end, which nobody uses.
    Page {
        /// Size of the class's blocks.
        block_bytes: usize,
        /// Where blocks begin.
        blocks: u32,
        /// Of these, the live ones. 0: the page is empty, and waits for its class or for any call that needs it.
        live: u32,
    },
    /// An empty page that belongs to no class: in the stash, or on its way.
    Spare,
    /// One live block of the large tier, or one whose release was deferred. Of a [`Small`](crate::Small), any live
    /// block.
    Large,
    /// A free run.
    Free,
    /// The heap's own tables.
    Tables,
    /// What it is could not be told: it changed during the walk, or the large tier was held.
    Unknown,
}

impl<S: Storage> Extent<S> {
    /// Meets every run of the large tier, in order. One at a time is looked at inside the entry, and met outside of it:
    /// a walk keeps others out for about as long as a call does. Where something changed in between, runs are left out.
    /// Returns whether nothing changed.
    pub(crate) fn runs(self, mut meet: impl FnMut(Run)) -> bool {
        let mut from = GRANULE;
        let mut version = None;
        let mut steady = true;
        while from <= self.map().ground {
            let looked = self.look(|_| {
                if version.is_some_and(|version| version != self.header().moment.now()) {
                    steady = false;
                    // SAFETY: inside the entry.
                    match unsafe { S::Large::next_start(self, from) } {
                        Ok(start) => from = start,
                        Err(later) => {
                            from = later;
                            return None;
                        }
                    }
                }
                version = Some(self.header().moment.now());
                // SAFETY: inside the entry; `from` is the end of a run, and nothing has changed.
                unsafe { S::Large::next_run(self, from) }
            });
            match looked {
                None => return false,
                Some(None) => {}
                Some(Some(run)) => {
                    from += run.bytes;
                    meet(run);
                }
            }
        }
        steady && self.look(|_| version == Some(self.header().moment.now())) == Some(true)
    }

    /// The page of the pools that a run is, if it is one; 0 if not.
    pub(crate) fn page_of(self, run: Run) -> u32 {
        let page = run.first.checked_sub(self.lead()).map_or(0, place_page);
        let pooled = !run.free
            && (1..=self.map().pages).contains(&page)
            && self.place_of_page(page) == run.first
            && self.owner_of(page) != owner::LARGE;
        if pooled { page } else { 0 }
    }

    /// Shows every piece of the extent. Returns whether all of them are known.
    pub(crate) fn walk(self, show: impl FnMut(Piece)) -> bool {
        let mut tiles = Tiles { extent: self, end: GRANULE, open: None, show };
        let tables = Piece { start: self.tables().cast_const(), bytes: self.map().bytes, holds: Holds::Tables };
        let before = self.tables() < self.base();
        if before {
            (tiles.show)(tables);
        }
        let known = self.runs(|run| tiles.meet(run));
        tiles.close(self.map().ground + GRANULE);
        if !before {
            (tiles.show)(tables);
        }
        known
    }

    /// What a page of the pools holds.
    pub(crate) fn page_holds(self, page: u32) -> Holds {
        let class = self.owner_of(page);
        if !Self::TABLE.is_class(class) {
            return Holds::Spare;
        }
        let blocks = Self::TABLE.mask(class);
        let free = Tables::word(self, page).load(Relaxed);
        Holds::Page { block_bytes: Self::TABLE.block_bytes(class), blocks, live: blocks & !free }
    }
}

/// Makes pieces of runs, without a gap.
struct Tiles<S, F> {
    extent: Extent<S>,
    /// The place up to which pieces were shown.
    end: u32,
    /// A large block that begins there, and where it ends as far as it was met: the walk has cut it.
    open: Option<u32>,
    show: F,
}

impl<S: Storage, F: FnMut(Piece)> Tiles<S, F> {
    fn meet(&mut self, run: Run) {
        if !run.begins && self.open == Some(run.first) {
            self.open = Some(run.first + run.bytes);
            return;
        }
        self.close(run.first);
        match self.extent.page_of(run) {
            _ if run.free => self.put(run.bytes, Holds::Free),
            _ if !run.begins => self.put(run.bytes, Holds::Unknown),
            0 => self.open = Some(run.first + run.bytes),
            page => self.put(run.bytes, self.extent.page_holds(page)),
        }
    }

    /// Shows what is open, and what could not be met before `place`.
    fn close(&mut self, place: u32) {
        if let Some(end) = self.open.take() {
            self.put(end - self.end, Holds::Large);
        }
        self.put(place.saturating_sub(self.end), Holds::Unknown);
    }

    fn put(&mut self, bytes: u32, holds: Holds) {
        if bytes != 0 {
            let start = Ground::word(self.extent, self.end).cast_const().cast();
            self.end += bytes;
            (self.show)(Piece { start, bytes: bytes as usize, holds });
        }
    }
}
