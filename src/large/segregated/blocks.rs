//! From run to block and back: the bits of both, and what is left over.

use super::look::end_before_mark;
use super::{END, FRONTIER, Free, LEN, MIN, PREV, Tier};
use crate::config::Reason;
use crate::config::geometry::GRANULE;
use crate::large::Ground;
use crate::large::peek::{MAY_RACE, peek};

/// What lies around a block: a free run before it, and behind it.
pub(super) const LEFT: u32 = 1;
pub(super) const RIGHT: u32 = 4;

/// What a spare granule holds.
const fn spare_mark(place: u32) -> u32 {
    0x5BA2_E000 ^ place
}

/// The end of a live block.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub(super) place: u32,
    /// Of `LEFT` and `RIGHT`, which are free.
    pub(super) free: u32,
}

impl<G: Ground> Tier<G> {
    /// Takes the part up to `to` away from the run that starts at `first`, or all of it if too little would be left to
    /// be a run of its own. The part is live then; `pair` says which of its first two bits have to be flipped for that.
    #[inline(never)]
    pub(super) fn cut(self, first: u32, to: u32, pair: u32) {
        self.flip_pair(first, pair);
        let len = self.get(first, LEN);
        let rest = first + len - to;
        if rest < MIN {
            self.add_free(len.wrapping_neg());
            if len != MIN {
                self.flip(first + len - GRANULE);
            }
            self.unlink(first);
            if rest != 0 {
                self.mark_spare(to);
            }
        } else {
            self.add_free(first.wrapping_sub(to));
            self.flip_start(to, rest);
            self.replace(first, Free { first: to, len: rest });
        }
    }

    /// Turns part of a free run, which does not begin where the run does, into a live block; what is left on both sides
    /// stays free.
    #[inline(always)]
    pub(super) fn carve(self, first: u32, at: u32, end: u32) {
        let run_end = first + self.get(first, LEN);
        let rest = run_end - end;
        self.flip(at);
        if at - first != MIN {
            self.flip(at - GRANULE);
        }
        self.replace(first, Free { first, len: at - first });
        if rest < MIN {
            self.flip(run_end - GRANULE);
            self.add_free(at.wrapping_sub(run_end));
            if rest != 0 {
                self.mark_spare(end);
            }
        } else {
            self.add_free(at.wrapping_sub(end));
            self.flip_start(end, rest);
            self.link(Free { first: end, len: rest });
        }
    }

    /// Flips the first two bits of a run whose last bit is set already.
    #[inline(always)]
    fn flip_start(self, first: u32, len: u32) {
        // The second granule of the shortest run is its last.
        self.flip_pair(first, if len == MIN { 1 } else { 3 });
    }

    /// Marks a granule that belongs to the block before it, beyond its layout: nobody writes there until the block is
    /// released or resized.
    #[inline(always)]
    pub(super) fn mark_spare(self, place: u32) {
        self.put(place, 0, spare_mark(place));
    }

    /// Whether a granule, at which nothing begins, is a block's spare one. If it is not, it may be anybody's: a layout
    /// of another size ends there.
    #[cold]
    #[inline(never)]
    fn is_spare(self, place: u32) -> bool {
        // SAFETY: the word is aligned, and of the ground. A live block's owner may be writing to it, if the layout is
        // wrong.
        unsafe { peek(self.0.word(place)) == spare_mark(place) }
    }

    /// Where the block that starts at `first` and should have that many bytes ends, if it is live.
    #[inline(always)]
    pub(super) fn end_of(self, first: u32, bytes: u32) -> Result<End, Reason> {
        let around = self.bits().window(first / GRANULE - 1);
        // The bits before `first`, of it, and behind it: as in `seems_live` and `is_second_of_free`.
        if around & 0b110 != 0b010 || (around & LEFT != 0 && self.get(first - 4, 0) & END == 0) {
            return Err(if around & 0b010 != 0 { Reason::Double } else { Reason::NoBlock });
        }
        if bytes <= self.behind() - first {
            let mut place = first + bytes;
            // The bits before the end, of it, and behind it.
            let mut there = self.bits().window(place / GRANULE - 1);
            if there & 0b010 == 0 {
                // The block may have the spare granule of its neighbour.
                if !self.is_spare(place) {
                    return Err(Reason::Size);
                }
                place += GRANULE;
                there >>= 1;
            }
            // Something begins here, unless it is the second or the last granule of a free run, which a
            // layout that is too long can reach. A last granule ends in a size; a run begins with links.
            if there & 0b011 == 0b010 && !(there & RIGHT != 0 && self.get(place, PREV) & END != 0) {
                // That it is not the end of a later block costs a load for each 256 bytes.
                if cfg!(debug_assertions)
                    && self.bits().next_set(first / GRANULE + 1, place / GRANULE) * GRANULE != place
                {
                    return Err(Reason::Size);
                }
                return Ok(End { place, free: (around & LEFT) | (there & RIGHT) });
            }
        }
        Err(Reason::Size)
    }

    /// Makes live granules free, and joins them with those of their neighbours that are. Their own start bit is set.
    #[inline(never)]
    pub(super) fn release(self, first: u32, end: u32, free: u32) {
        let (mut first, mut end) = (first, end);
        let (left, right) = (free & LEFT != 0, free & RIGHT != 0);
        let frontier = self.get(self.table(FRONTIER), 0);
        self.add_free(end - first);
        let mut old = end;
        if MAY_RACE && !right {
            end_before_mark(|| self.put(end - 4, 0, END));
        }
        if right {
            let len = self.get(end, LEN);
            self.flip_start(end, len);
            end += len;
        } else if left || end - first != MIN {
            self.flip(end - GRANULE);
        }
        if left {
            if right {
                self.unlink(old);
            }
            let len = self.get(first - 4, 0) & !END;
            // The second granule of the shortest run is its last, and stays marked.
            self.flip_pair(first - GRANULE, if len == MIN { 2 } else { 3 });
            first -= len;
            old = first;
        } else {
            self.flip(first + GRANULE);
        }
        let run = Free { first, len: end - first };
        if frontier.wrapping_sub(first) < run.len {
            self.put(self.table(FRONTIER), 0, end);
        }
        if left || right { self.replace(old, run) } else { self.link(run) }
    }
}
