//! Visits of tier 2: one at a time, through the entry that the policy guards.

use super::{Defer, Engine, Extent};
use crate::config::{Config, Reason, Table};
use crate::geometry::*;
use crate::header::Inside;
use crate::large::{Large, Resized, page_at};
use crate::policy::Policy;
use crate::pools::Pools;
use crate::sync::Ordering::*;

/// What tier 2 answered: a place (a multiple of 8), or one of the codes below. One register.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer(pub(super) u32);

impl Answer {
    /// There is nothing to be had.
    pub(super) const NOTHING: Self = Self(0);
    pub(super) const DONE: Self = Self(1);
    /// Somebody else is inside.
    pub(super) const BUSY: Self = Self(2);
    /// Wrong, and why: this plus the reason.
    pub(super) const WRONG: u32 = 3;
    pub(super) const WRONG_SIZE: Self = Self::wrong(Reason::Size);

    pub(super) const fn wrong(reason: Reason) -> Self {
        Self(Self::WRONG + reason as u32)
    }

    /// Whether it is a place.
    pub(super) fn is_place(self) -> bool {
        self.0 >= GRANULE
    }

    /// What was wrong.
    pub(super) fn reason(self) -> Reason {
        Reason::from_number(self.0.wrapping_sub(Self::WRONG))
    }
}

/// What is asked of tier 2, with up to three numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// A block: bytes, alignment.
    Take,
    /// A block back: place, bytes.
    Give,
    /// Another size for a block: place, old bytes, new bytes.
    Resize,
    /// To take one release off the deferred list.
    Drain,
}

/// Enters tier 2.
pub(crate) trait Entry: Engine {
    /// Asks tier 2, and leaves it in order: one deferred release is drained on the way out.
    #[inline(never)]
    fn visit(self, ask: Ask, a: u32, b: u32, c: u32) -> Answer {
        let header = self.header();
        let answer = Self::Policy::enter(&header.lock, || {
            // SAFETY: inside the entry nobody else has a reference to `inside`.
            let inside = unsafe { &mut *header.inside.get() };
            if inside.ready == 0 {
                self.set_up(inside);
                // Nothing was handed out yet. The caller's look at the page is older than its reservation.
                if matches!(ask, Ask::Give | Ask::Resize) {
                    return Answer::wrong(Reason::NoBlock);
                }
            }
            inside.version = inside.version.wrapping_add(1);
            self.answer(inside, ask, a, b, c)
        });
        if Self::DEFERS && ask != Ask::Drain && header.deferred_bytes.load(Relaxed) != 0 {
            self.drain();
        }
        answer.unwrap_or(Answer::BUSY)
    }

    /// Inside the entry.
    #[inline(always)]
    fn answer(self, inside: &mut Inside, ask: Ask, a: u32, b: u32, c: u32) -> Answer {
        let answer = match ask {
            // SAFETY: inside the entry; size and alignment are made by `large_bytes` and checked against the arena.
            Ask::Take => Answer(unsafe { Self::Large::take(self, a, b) }),
            Ask::Give => {
                // SAFETY: inside the entry; the block is the caller's by the contract of dealloc.
                return match unsafe { Self::Large::give(self, a, b) } {
                    Ok(()) => Answer::DONE,
                    Err(reason) => Answer::wrong(reason),
                };
            }
            // SAFETY: inside the entry; the block is the caller's by the contract of realloc.
            Ask::Resize => match unsafe { Self::Large::resize(self, a, b, c) } {
                Resized::InPlace => Answer::DONE,
                Resized::Move => Answer::NOTHING,
                Resized::Wrong(reason) => Answer::wrong(reason),
            },
            Ask::Drain if Self::DEFERS => return self.drain_inside(inside),
            Ask::Drain => Answer::NOTHING,
        };
        // SAFETY: inside the entry.
        let free = unsafe { Self::Large::free_bytes(self) };
        inside.least_free = inside.least_free.min(free);
        answer
    }

    /// Enters tier 2 only to look.
    fn look<R>(self, f: impl FnOnce(&Inside) -> R) -> Option<R> {
        let header = self.header();
        Self::Policy::enter(&header.lock, || {
            // SAFETY: inside the entry nobody else has a reference to `inside`.
            let inside = unsafe { &mut *header.inside.get() };
            if inside.ready == 0 {
                self.set_up(inside);
            }
            f(inside)
        })
    }

    /// Sets tier 2 up and opens the reserved pages.
    #[cold]
    #[inline(never)]
    fn set_up(self, inside: &mut Inside) {
        inside.ready = 1;
        inside.least_free = self.map().ground;
        // SAFETY: inside the entry, once, on zeroed tables.
        unsafe { Self::Large::init(self) };
        for &(bytes, pages) in Self::Config::RESERVED {
            let class = crate::config::class_of_size(Self::Config::CLASSES, bytes);
            for _ in 0..pages {
                // SAFETY: inside the entry.
                match unsafe { Self::Large::take(self, PAGE, PAGE) } {
                    0 => return,
                    place => {
                        // What `retire` goes by: a fresh backend hands out its lowest pages.
                        debug_assert!(page_at(place) <= Self::Config::RESERVED_PAGES);
                        Pools(self).open_reserved(page_at(place), class);
                    }
                }
            }
        }
    }
}

impl<E: Extent> Entry for E {}
