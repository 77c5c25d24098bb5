//! Visits of the large tier: one at a time, through the entry that the policy guards.

use super::defer::Drained;
use super::{Extent, Storage};
use crate::config::geometry::*;
use crate::config::{Reason, Table};
use crate::extent::header::Inside;
use crate::large::{Backend, Resized};
use crate::policy::Policy;
use crate::pools::{Pools, Tables};
use crate::sync::Ordering::*;

/// What became of a request: a place (a multiple of 8), or one of the codes below. One register.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer(pub(super) u32);

impl Answer {
    /// There is nothing to be had.
    pub(super) const NOTHING: Self = Self(0);
    /// Another context is inside.
    pub(super) const BUSY: Self = Self(1);

    /// Whether it is a place.
    pub(super) fn is_place(self) -> bool {
        self.0 >= GRANULE
    }
}

/// What became of a release.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    /// The large tier has the block.
    Back,
    /// Another context is inside: it is on the deferred list.
    Deferred,
    /// It was wrong, which is counted and told.
    Wrong,
}

/// Enters the large tier.
impl<S: Storage> Extent<S> {
    /// Does something inside; `None`: another context is there.
    ///
    /// The first visits set the large tier up, a part each, so that none is longer than others. If there is an answer
    /// for a fresh tier, that is it, else the next visit follows.
    #[inline(always)]
    pub(crate) fn visit<R>(self, fresh: Option<R>, act: impl Fn(&mut Inside) -> R) -> Option<R> {
        let header = self.header();
        loop {
            let answer = S::Policy::enter(&header.lock, || {
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
    pub(crate) fn pass(self) {
        match Self::DEFERS {
            true => self.header().moment.pass::<true>(),
            false => self.header().moment.pass::<false>(),
        }
    }

    /// Takes a block, after one deferred release was drained, if there is one.
    #[inline(never)]
    pub(crate) fn take(self, bytes: u32, align: u32) -> Answer {
        self.drain_one();
        let taken = self.visit(None, |inside| {
            // SAFETY: inside the entry; size and alignment are made by `large_bytes` and checked against the arena.
            let place = unsafe { S::Large::take(self, bytes, align) };
            self.note_least_free(inside);
            Answer(place)
        });
        taken.unwrap_or(Answer::BUSY)
    }

    /// Gives a block back, or defers that.
    #[inline(never)]
    pub(crate) fn give(self, first: u32, bytes: u32) -> Given {
        // Of a fresh tier, nothing had been allocated yet, so this free is stale.
        // SAFETY: inside the entry; the block is the caller's by the contract of dealloc.
        match self.visit(Some(Err(Reason::NoBlock)), |_| unsafe { S::Large::give(self, first, bytes) }) {
            Some(Ok(())) => Given::Back,
            Some(Err(reason)) => self.give_again(first, bytes, reason),
            None => self.give_later(first, bytes),
        }
    }

    /// A release that is wrong, unless the block shrank while the large tier was held, and is longer than its layout
    /// says.
    #[cold]
    #[inline(never)]
    pub(crate) fn give_again(self, first: u32, bytes: u32, reason: Reason) -> Given {
        if reason == Reason::Size && self.outgrows(first, bytes) {
            return self.give(first, self.true_bytes(first));
        }
        self.refuse(first, reason)
    }

    /// Reports a release that is wrong.
    #[cold]
    pub(crate) fn refuse(self, first: u32, reason: Reason) -> Given {
        self.wrong_free(self.at(first), reason);
        Given::Wrong
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn give_later(self, first: u32, bytes: u32) -> Given {
        match self.defer(first, bytes) {
            Ok(()) => Given::Deferred,
            Err(reason) => self.refuse(first, reason),
        }
    }

    /// Whether a block is longer than its layout says, because it shrank while the large tier was held.
    #[inline(always)]
    pub(crate) fn outgrows(self, first: u32, bytes: u32) -> bool {
        Self::DEFERS && self.true_bytes(first) > bytes
    }

    /// Changes the size of a block where it is.
    #[inline(never)]
    pub(crate) fn resize_large(self, first: u32, old: u32, new: u32) -> Resized {
        if self.has_deferred() && !self.clear_way(first) {
            return Resized::Wrong(Reason::Double);
        }
        let answer = self.visit(Some(Resized::Wrong(Reason::NoBlock)), |inside| {
            // SAFETY: inside the entry; the block is the caller's by the contract of realloc.
            let answer = unsafe { S::Large::resize(self, first, old, new) };
            self.note_least_free(inside);
            answer
        });
        match answer {
            Some(Resized::Wrong(Reason::Size)) if Self::DEFERS => self.resize_again(first, old, new),
            Some(answer) => answer,
            None if !self.is_live(first) => Resized::Wrong(Reason::Double),
            // The large tier is held: a block that shrinks keeps what it had until it is freed or resized again.
            None if new <= old => Resized::InPlace,
            None => Resized::Move,
        }
    }

    /// As `give_again`.
    #[cold]
    #[inline(never)]
    pub(crate) fn resize_again(self, first: u32, old: u32, new: u32) -> Resized {
        if self.outgrows(first, old) {
            return self.resize_large(first, self.true_bytes(first), new);
        }
        Resized::Wrong(Reason::Size)
    }

    /// Gives one deferred release back to the large tier. `false`: there is none, or the large tier is held.
    ///
    /// Time: one visit. For a block that has another size than its layout two, and between them, where nobody waits, a
    /// load for each 256 bytes of the block.
    #[cold]
    #[inline(never)]
    pub(crate) fn drain(self) -> bool {
        let mut measured = None;
        loop {
            let drained = self.visit(None, |_| self.give_deferred(self.next_deferred(measured), measured));
            match drained {
                Some(Drained::Resized(first)) => measured = Some(self.measure(first)),
                Some(Drained::Wrong(first, reason)) => {
                    self.refuse(first, reason);
                    return true;
                }
                _ => return matches!(drained, Some(Drained::Block)),
            }
        }
    }

    /// Before the call of a block's owner, while others wait to be drained: drains one of them. `false`: the block is
    /// one of them itself.
    #[cold]
    #[inline(never)]
    pub(crate) fn clear_way(self, first: u32) -> bool {
        if self.is_deferred(first) {
            return false;
        }
        self.drain();
        true
    }

    /// Drains what is deferred now; what others defer meanwhile is left to the context that comes next. `false`:
    /// nothing was drained.
    ///
    /// Time: at most as many drains as the deferred bytes hold blocks.
    #[inline(always)]
    pub(crate) fn drain_all(self) -> bool {
        // Relaxed: a guess, as in `has_deferred`.
        let most = if Self::DEFERS { self.header().deferred_bytes.load(Relaxed) / LARGE_MIN_BYTES } else { 0 };
        (0..most).take_while(|_| self.has_deferred() && self.drain()).count() != 0
    }

    /// Whether releases wait for a context to drain them.
    #[inline(always)]
    pub(crate) fn has_deferred(self) -> bool {
        // Relaxed: a guess. What is deferred meanwhile is the next visitor's.
        Self::DEFERS && self.header().deferred_bytes.load(Relaxed) != 0
    }

    #[inline(always)]
    pub(crate) fn drain_one(self) {
        if self.has_deferred() {
            self.drain();
        }
    }

    #[inline(always)]
    pub(crate) fn note_least_free(self, inside: &mut Inside) {
        // SAFETY: inside the entry.
        let free = unsafe { S::Large::free_bytes(self) };
        inside.least_free = inside.least_free.min(free);
    }

    /// Enters the large tier only to look, once it is set up.
    pub(crate) fn look<R>(self, f: impl FnOnce(&Inside) -> R) -> Option<R> {
        let header = self.header();
        let mut f = Some(f);
        loop {
            let answer = S::Policy::enter(&header.lock, || {
                // SAFETY: inside the entry nobody else has a reference to `inside`.
                let inside = unsafe { &mut *header.inside.get() };
                if self.is_ready(inside) { f.take().map(|f| f(inside)) } else { None }
            })?;
            if answer.is_some() {
                return answer;
            }
        }
    }

    /// Whether the large tier is set up. If not, a part of that is done: the backend's words, or a page that is
    /// reserved.
    #[inline(always)]
    pub(crate) fn is_ready(self, inside: &mut Inside) -> bool {
        if self.header().moment.now() == 0 {
            self.set_up(inside);
            return false;
        }
        if S::Config::RESERVED_PAGES != 0 && inside.parts < S::Config::RESERVED_PAGES + u32::from(self.lead() != 0) {
            self.reserve(inside);
            return false;
        }
        true
    }

    /// Sets the backend up. What lies before the pools' pages is taken while pages are reserved: a fresh backend then
    /// hands out these first.
    #[cold]
    #[inline(never)]
    pub(crate) fn set_up(self, inside: &mut Inside) {
        self.header().moment.begin();
        inside.least_free = self.map().ground;
        // SAFETY: inside the entry, once, on zeroed tables.
        unsafe { S::Large::init(self) };
        if S::Config::RESERVED_PAGES != 0 && self.lead() != 0 {
            // SAFETY: inside the entry, on fresh ground, which is longer; `lead` is a multiple of a page.
            let first = unsafe { S::Large::take(self, self.lead(), GRANULE) };
            debug_assert_eq!(first, GRANULE);
        }
    }

    /// Opens the next reserved page; or, after the last, gives back what was taken before them.
    #[cold]
    #[inline(never)]
    pub(crate) fn reserve(self, inside: &mut Inside) {
        let part = inside.parts;
        inside.parts += 1;
        self.pass();
        let Some(class) = S::Config::reserved_class(part) else {
            // SAFETY: inside the entry. `set_up` took the block, and nobody was told of it.
            let given = unsafe { S::Large::give(self, GRANULE, self.lead()) };
            return debug_assert!(given.is_ok());
        };
        // SAFETY: inside the entry.
        let place = unsafe { S::Large::take(self, PAGE, GRANULE) };
        if place != 0 {
            // What `retire` goes by: a fresh backend hands out its first bytes.
            debug_assert_eq!(self.page_at(place), part + 1);
            Pools(self).open_reserved(self.page_at(place), class);
        }
    }
}
