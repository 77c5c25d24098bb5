//! Visits of tier 2: one at a time, through the entry that the policy guards.

use super::{Defer, Drained, Extent};
use crate::config::{Reason, Table};
use crate::geometry::*;
use crate::header::Inside;
use crate::large::{Large, Resized};
use crate::policy::Policy;
use crate::pools::{Pools, Tables};
use crate::sync::{Ordering::*, fence};

/// What became of a request: a place (a multiple of 8), or one of the codes below. One register.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer(pub(super) u32);

impl Answer {
    /// There is nothing to be had.
    pub(super) const NOTHING: Self = Self(0);
    /// Somebody else is inside.
    pub(super) const BUSY: Self = Self(1);

    /// Whether it is a place.
    pub(super) fn is_place(self) -> bool {
        self.0 >= GRANULE
    }
}

/// What became of a release.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    /// Tier 2 has the block.
    Back,
    /// Somebody else is inside: it is on the deferred list.
    Deferred,
    /// It was wrong, which is counted and told.
    Wrong,
}

/// Enters tier 2.
pub(crate) trait Entry: Defer {
    /// Does something inside; `None`: somebody else is there.
    ///
    /// The first visits set tier 2 up, a part each, so that none is longer than others. If there is an answer for a fresh tier, that is it,
    /// else the next visit follows.
    #[inline(always)]
    fn visit<R>(self, fresh: Option<R>, act: impl Fn(&mut Inside) -> R) -> Option<R> {
        let header = self.header();
        loop {
            let answer = Self::Policy::enter(&header.lock, || {
                // SAFETY: inside the entry nobody else has a reference to `inside`.
                let inside = unsafe { &mut *header.inside.get() };
                if !self.is_ready(inside) {
                    return None;
                }
                let answer = act(inside);
                self.pass();
                Some(answer)
            })?;
            if answer.is_some() {
                return answer;
            }
            if fresh.is_some() {
                return fresh;
            }
        }
    }

    /// A visit ends.
    #[inline(always)]
    fn pass(self) {
        match Self::DEFERS {
            true => self.header().moment.pass::<true>(),
            false => self.header().moment.pass::<false>(),
        }
    }

    /// Takes a block, after one deferred release was drained, if there is one.
    #[inline(never)]
    fn take(self, bytes: u32, align: u32) -> Answer {
        self.drain_one();
        let taken = self.visit(None, |inside| {
            // SAFETY: inside the entry; size and alignment are made by `large_bytes` and checked against the arena.
            let place = unsafe { Self::Large::take(self, bytes, align) };
            self.note_least_free(inside);
            Answer(place)
        });
        taken.unwrap_or(Answer::BUSY)
    }

    /// Gives a block back, or defers that.
    #[inline(never)]
    fn give(self, first: u32, bytes: u32) -> Given {
        // Of a fresh tier, nothing had been allocated yet, so this free is stale.
        // SAFETY: inside the entry; the block is the caller's by the contract of dealloc.
        match self.visit(Some(Err(Reason::NoBlock)), |_| unsafe { Self::Large::give(self, first, bytes) }) {
            Some(Ok(())) => Given::Back,
            Some(Err(reason)) => self.give_again(first, bytes, reason),
            None => self.give_later(first, bytes),
        }
    }

    /// A release that is wrong, unless the block shrank while tier 2 was held, and is longer than its layout says.
    #[cold]
    #[inline(never)]
    fn give_again(self, first: u32, bytes: u32, reason: Reason) -> Given {
        if reason == Reason::Size && self.outgrows(first, bytes) {
            return self.give(first, self.true_bytes(first));
        }
        self.refuse(first, reason)
    }

    /// Reports a release that is wrong.
    #[cold]
    fn refuse(self, first: u32, reason: Reason) -> Given {
        self.wrong_free(self.at(first), reason);
        Given::Wrong
    }

    #[cold]
    #[inline(never)]
    fn give_later(self, first: u32, bytes: u32) -> Given {
        match self.defer(first, bytes) {
            Ok(()) => Given::Deferred,
            Err(reason) => self.refuse(first, reason),
        }
    }

    /// Whether a block is longer than its layout says, because it shrank while tier 2 was held.
    #[inline(always)]
    fn outgrows(self, first: u32, bytes: u32) -> bool {
        Self::DEFERS && Self::Large::KNOWS_ENDS && self.true_bytes(first) > bytes
    }

    /// Changes the size of a block where it is.
    #[inline(never)]
    fn resize_large(self, first: u32, old: u32, new: u32) -> Resized {
        if self.has_deferred() && !self.clear_way(first) {
            return Resized::Wrong(Reason::Double);
        }
        let answer = self.visit(Some(Resized::Wrong(Reason::NoBlock)), |inside| {
            // SAFETY: inside the entry; the block is the caller's by the contract of realloc.
            let answer = unsafe { Self::Large::resize(self, first, old, new) };
            self.note_least_free(inside);
            answer
        });
        match answer {
            Some(Resized::Wrong(Reason::Size)) if Self::DEFERS => self.resize_again(first, old, new),
            Some(answer) => answer,
            None if !self.is_live(first) => Resized::Wrong(Reason::Double),
            // Tier 2 is held: a block that shrinks keeps what it had until it is freed or resized again.
            None if Self::Large::KNOWS_ENDS && new <= old => Resized::InPlace,
            None => Resized::Move,
        }
    }

    /// As `give_again`.
    #[cold]
    #[inline(never)]
    fn resize_again(self, first: u32, old: u32, new: u32) -> Resized {
        if self.outgrows(first, old) {
            return self.resize_large(first, self.true_bytes(first), new);
        }
        Resized::Wrong(Reason::Size)
    }

    /// Gives one deferred release back to tier 2. `false`: there is none, or tier 2 is held.
    #[cold]
    #[inline(never)]
    fn drain(self) -> bool {
        let mut drained = self.visit(None, |_| self.give_deferred(self.next_deferred(), None));
        if let Some(Drained::Resized(first)) = drained {
            drained = self.give_resized(first);
        }
        if let Some(Drained::Wrong(first, reason)) = drained {
            self.refuse(first, reason);
        }
        matches!(drained, Some(Drained::Block | Drained::Wrong(..)))
    }

    /// Gives back a block that is in the hand and has another size than its layout.
    ///
    /// Time: two visits, and between them, where nobody waits, a load for each 256 bytes of the block.
    #[cold]
    #[inline(never)]
    fn give_resized(self, first: u32) -> Option<Drained> {
        let header = self.header();
        let moment = header.moment.now();
        // Acquire: pairs with the fence at the end of the last visit.
        fence(Acquire);
        let bytes = self.true_bytes(first);
        self.visit(None, |_| {
            // Who was here meanwhile has given it back, or is about to: the hand is theirs.
            let is_mine = header.moment.now() == moment && header.in_hand.load(Relaxed) == first;
            self.give_deferred(if is_mine { first } else { 0 }, Some(bytes))
        })
    }

    /// Before the call of a block's owner, while others wait to be drained: drains one of them. `false`: the block is one of them itself.
    #[cold]
    #[inline(never)]
    fn clear_way(self, first: u32) -> bool {
        if self.is_deferred(first) {
            return false;
        }
        self.drain();
        true
    }

    /// Drains what is deferred now; what others defer meanwhile is left to who comes next. `false`: nothing was drained.
    ///
    /// Time: at most as many drains as the deferred bytes hold blocks.
    #[inline(always)]
    fn drain_all(self) -> bool {
        // Relaxed: a guess, as in `has_deferred`.
        let most = if Self::DEFERS { self.header().deferred_bytes.load(Relaxed) / LARGE_MIN_BYTES } else { 0 };
        (0..most).take_while(|_| self.has_deferred() && self.drain()).count() != 0
    }

    /// Whether releases wait for somebody to drain them.
    #[inline(always)]
    fn has_deferred(self) -> bool {
        // Relaxed: a guess. What is deferred meanwhile is the next visitor's.
        Self::DEFERS && self.header().deferred_bytes.load(Relaxed) != 0
    }

    #[inline(always)]
    fn drain_one(self) {
        if self.has_deferred() {
            self.drain();
        }
    }

    #[inline(always)]
    fn note_least_free(self, inside: &mut Inside) {
        // SAFETY: inside the entry.
        let free = unsafe { Self::Large::free_bytes(self) };
        inside.least_free = inside.least_free.min(free);
    }

    /// Enters tier 2 only to look, once it is set up.
    fn look<R>(self, f: impl FnOnce(&Inside) -> R) -> Option<R> {
        let header = self.header();
        let mut f = Some(f);
        loop {
            let answer = Self::Policy::enter(&header.lock, || {
                // SAFETY: inside the entry nobody else has a reference to `inside`.
                let inside = unsafe { &mut *header.inside.get() };
                if self.is_ready(inside) { f.take().map(|f| f(inside)) } else { None }
            })?;
            if answer.is_some() {
                return answer;
            }
        }
    }

    /// Whether tier 2 is set up. If not, a part of that is done: the backend's words, or a page that is reserved.
    #[inline(always)]
    fn is_ready(self, inside: &mut Inside) -> bool {
        if self.header().moment.now() == 0 {
            self.set_up(inside);
            return false;
        }
        if Self::Config::RESERVED_PAGES != 0
            && inside.parts < Self::Config::RESERVED_PAGES + u32::from(self.lead() != 0)
        {
            self.reserve(inside);
            return false;
        }
        true
    }

    /// Sets the backend up. What lies before the pools' pages is taken while pages are reserved: a fresh backend then hands out these first.
    #[cold]
    #[inline(never)]
    fn set_up(self, inside: &mut Inside) {
        self.header().moment.begin();
        inside.least_free = self.map().ground;
        // SAFETY: inside the entry, once, on zeroed tables.
        unsafe { Self::Large::init(self) };
        if Self::Config::RESERVED_PAGES != 0 && self.lead() != 0 {
            // SAFETY: inside the entry, on fresh ground, which is longer; `lead` is a multiple of a page.
            let first = unsafe { Self::Large::take(self, self.lead(), GRANULE) };
            debug_assert_eq!(first, GRANULE);
        }
    }

    /// Opens the next reserved page; or, after the last, gives back what was taken before them.
    #[cold]
    #[inline(never)]
    fn reserve(self, inside: &mut Inside) {
        let part = inside.parts;
        inside.parts += 1;
        self.pass();
        let Some(class) = Self::Config::reserved_class(part) else {
            // SAFETY: inside the entry. `set_up` took the block, and nobody was told of it.
            let given = unsafe { Self::Large::give(self, GRANULE, self.lead()) };
            return debug_assert!(given.is_ok());
        };
        // SAFETY: inside the entry.
        let place = unsafe { Self::Large::take(self, PAGE, GRANULE) };
        if place != 0 {
            // What `retire` goes by: a fresh backend hands out its first bytes.
            debug_assert_eq!(self.page_at(place), part + 1);
            Pools(self).open_reserved(self.page_at(place), class);
        }
    }
}

impl<E: Extent> Entry for E {}
