//! A heap of several memories: extents, each complete in itself, to which more come.
//!
//! ```text
//!   oldest ─► ┌ ground ┬ tables ┬ Node ┐
//!                                └─ next ─► ┌ ground ┬ tables ┬ Node ┐◄ the next memory may join what it touches
//! ```
//!
//! | word | moves | by whom | ordering, and what it pairs with |
//! |---|---|---|---|
//! | `oldest`, a node's `next` | from null to the next extent, and stays | the context that has laid the extent out, by compare-exchange | Release: the extent is visible to the Acquire of the context that finds it |
//! | `count` | up by 1 | the same context, after that | Release: a context that reads it by Acquire finds so many extents |
//! | `last` | to any extent | the context that was served by it | the same: it may be all that a reader sees |
//! | `growing` | 0 to 1 to 0 | the context that asks the source | none needed: it only keeps others from asking for the same reason |
//! | `arrivals` | up by 1 | the context that has entered an extent, or made one longer | Release: a context that reads it before it looks for a block, by Acquire, and then finds it changed, looks again |
//! | `reach` | to a later byte | the context that has got memory up to it, before others can find that | none needed: what finds the memory orders it |
//! | `walks` | up and down by 1 | the context that shows the program the heap | none needed: it is read by the same context |
//!
//! Where more memory comes from is the [`Source`]'s to say: from the program alone, as a [`Region`](crate::Region)'s,
//! or on demand, as a wasm module's. Two that ask the source at the same time get different memories. That they should
//! wait for each other is thrift, not safety: the wait is bounded, and the context that has waited for that long asks
//! as well.
//!
//! **How an extent becomes longer.** Where nobody else uses the heap meanwhile, its tables and its node move, behind
//! what it got; but not while a hook, or code that is shown the heap, may use the heap in the middle of a call of it.
//! Readers of tables take no lock, so where others use the heap, the tables stay: they lie in front of the ground, with
//! room for more (`RESERVE`), and the ground becomes longer inside the entry of the large tier. What lies behind an
//! extent whose tables are full is an extent of its own.
//!
//! Two contexts get disjoint memory. One of them may find that its memory lies behind an extent only when the other's
//! has joined that: then it is an extent of its own.

mod grow;
mod node;
mod serve;
mod source;

pub(crate) use node::Node;
pub(crate) use source::{Source, UNIT_BYTES};

use crate::config::geometry::GRANULE_BYTES;
use crate::config::{Config, Table};
use crate::extent::Extent;
use crate::hooks::events;
use crate::large::Large;
use crate::policy::Policy;
use crate::report::{CheckError, Piece, Stats};
use crate::sync::{AtomicPtr, AtomicU32, Ordering::*};
use core::ptr::null_mut;

/// The heap.
pub(crate) struct Memories<S, C, P, L> {
    source: S,
    oldest: AtomicPtr<Node<S, C, P, L>>,
    /// The extent that served last: where calls begin, if memory comes on demand.
    last: AtomicPtr<Node<S, C, P, L>>,
    count: AtomicU32,
    growing: AtomicU32,
    /// How often memory has arrived.
    arrivals: AtomicU32,
    /// The last byte of all that was got.
    reach: AtomicPtr<u8>,
    units_grown: AtomicU32,
    /// Runs of the out-of-memory hook: see `emergency`.
    rescues: AtomicU32,
    /// How many walks are going on.
    walks: AtomicU32,
}

/// `new`, at compile time or, because loom's atomics are not made then, at run time.
macro_rules! new {
    ($($constness:tt)?) => {
        pub(crate) $($constness)? fn new(source: S) -> Self {
            let () = C::VALID;
            Self {
                source,
                oldest: AtomicPtr::new(null_mut()),
                last: AtomicPtr::new(null_mut()),
                count: AtomicU32::new(0),
                growing: AtomicU32::new(0),
                arrivals: AtomicU32::new(0),
                reach: AtomicPtr::new(null_mut()),
                units_grown: AtomicU32::new(0),
                rescues: AtomicU32::new(0),
                walks: AtomicU32::new(0),
            }
        }
    };
}

impl<S, C: Config, P, L> Memories<S, C, P, L> {
    #[cfg(not(all(test, loom)))]
    new!(const);
    #[cfg(all(test, loom))]
    new!();
}

impl<S: Source, C: Config, P: Policy, L: Large> Memories<S, C, P, L> {
    /// The extent in which the calls of this context begin; `None`: there is none.
    #[inline]
    pub(crate) fn home(&self) -> Option<Extent<&Node<S, C, P, L>>> {
        if !S::GROWS {
            // The first needs no count, and a program that names no homes no division.
            return match C::home_number() {
                0 => self.memories().next(),
                // Acquire: pairs with the Release in `enter`. There can be more by then.
                home => self.memories().nth(home.checked_rem(self.count.load(Acquire) as usize)?),
            };
        }
        // Acquire: pairs with the Release in `serve_from`.
        let extent = self.last.load(Acquire);
        self.meet();
        // SAFETY: an extent that was entered stays. Where one is made longer, nobody holds a reference meanwhile.
        unsafe { extent.as_ref() }.map(Extent)
    }

    /// All extents, in the order in which they came.
    #[inline]
    fn nodes(&self) -> impl Iterator<Item = *mut Node<S, C, P, L>> {
        let mut link = &self.oldest;
        core::iter::from_fn(move || {
            // Acquire: pairs with the Release in `enter`.
            let extent = link.load(Acquire);
            self.meet();
            // SAFETY: as in `home`.
            link = &unsafe { extent.as_ref() }?.next;
            Some(extent)
        })
    }

    #[inline]
    pub(crate) fn memories(&self) -> impl Iterator<Item = Extent<&Node<S, C, P, L>>> {
        // SAFETY: as in `home`.
        self.nodes().map(|extent| Extent(unsafe { &*extent }))
    }

    /// The extent in which an address lies; if it is one of none, an extent to report that.
    #[inline]
    fn responsible(&self, ptr: *mut u8) -> Option<Extent<&Node<S, C, P, L>>> {
        match self.home() {
            Some(memory) if memory.holds(ptr) => Some(memory),
            // An extent can be found a little before it is counted, and be no home yet.
            _ => self.find_responsible(ptr),
        }
    }

    /// The same, off the common path.
    #[inline(never)]
    fn find_responsible(&self, ptr: *mut u8) -> Option<Extent<&Node<S, C, P, L>>> {
        self.memory_of(ptr).or(self.home())
    }

    /// The extent in which an address lies.
    #[inline]
    fn memory_of(&self, ptr: *mut u8) -> Option<Extent<&Node<S, C, P, L>>> {
        self.memories().find(|memory| memory.holds(ptr))
    }

    /// Makes a memory that the program gives up an extent. `false`: it is too short, or too long; then nothing was
    /// touched.
    ///
    /// # Safety
    ///
    /// The memory is the heap's from now on, for ever.
    pub(crate) unsafe fn add(&self, start: *mut u8, len_bytes: usize) -> bool {
        // SAFETY: the caller's contract; nobody knows the extent yet.
        unsafe {
            let extent = Node::lay_out(start, len_bytes, 0);
            if extent.is_null() {
                return false;
            }
            (*extent).zero_tables();
            #[cfg(all(test, loom))]
            self.source.make(extent.cast());
            self.enter(extent);
        }
        true
    }

    /// Puts an extent behind all others, unless it is there.
    ///
    /// # Safety
    ///
    /// It was laid out for this heap.
    #[inline(never)]
    unsafe fn enter(&self, extent: *mut Node<S, C, P, L>) {
        let mut link = &self.oldest;
        // Release: pairs with the Acquire in `nodes`.
        while let Err(other) = link.compare_exchange(null_mut(), extent, Release, Acquire) {
            if other == extent {
                return;
            }
            self.meet();
            // SAFETY: as in `home`; nobody else knows the new extent yet.
            unsafe {
                if C::TELLS {
                    Extent(&*extent).events().share(self.first_events(Extent(&*extent)));
                }
                link = &(*other).next;
            }
        }
        if !S::GROWS {
            // Release: pairs with the Acquire in `home`.
            self.count.fetch_add(1, Release);
        }
    }

    /// The words of `events` that say for all extents whether the hook runs: the first extent's.
    fn first_events(&self, own: Extent<&Node<S, C, P, L>>) -> *const events::Events {
        self.memories().next().unwrap_or(own).events()
    }

    /// Makes the extent that ends before `start` longer, up to `end`. There are up to 7 bytes between them. `false`:
    /// there is none, or it can't become longer.
    ///
    /// # Safety
    ///
    /// - The memory is the heap's from now on, for ever, and pointers to the extent may be used for it.
    /// - Nobody else uses the heap meanwhile, or is in the middle of a call of it.
    pub(crate) unsafe fn lengthen(&self, start: *mut u8, end: usize) -> bool {
        let mut link = &self.oldest;
        // SAFETY: as in `home`.
        while let Some(node) = unsafe { link.load(Relaxed).as_ref() } {
            let touches = start.addr().wrapping_sub(node.end().addr()) < GRANULE_BYTES;
            // Nobody is inside, so `look` gets in, and sets the large tier up if nobody has been there.
            // SAFETY: the caller's contract.
            if touches && Extent(node).look(|_| ()).is_some() && unsafe { self.lengthen_at(link, end) } {
                return true;
            }
            link = &node.next;
        }
        false
    }

    /// The same for the extent that a link leads to.
    ///
    /// # Safety
    ///
    /// As for `lengthen`, and for [`Node::extend`].
    unsafe fn lengthen_at(&self, link: &AtomicPtr<Node<S, C, P, L>>, end: usize) -> bool {
        // Relaxed: nobody else looks.
        let old = link.load(Relaxed);
        // SAFETY: passed on.
        let new = unsafe { Node::extend(old, end) };
        if new.is_null() {
            return false;
        }
        link.store(new, Relaxed);
        if S::GROWS && self.last.load(Relaxed) == old {
            self.last.store(new, Relaxed);
        }
        if C::TELLS {
            // SAFETY: nobody else looks. The first extent is there as long as the others.
            self.memories().for_each(|memory| unsafe { memory.events().share(self.first_events(memory)) });
        }
        true
    }

    /// Whether code may be using the heap in the middle of a call of it: a hook, or what it shows the heap.
    fn is_in_a_call(&self) -> bool {
        self.walks.load(Relaxed) != 0
            || C::TELLS && self.memories().next().is_some_and(|first| first.events().is_telling())
    }

    /// Called before memory is used that another context may have got.
    #[inline]
    fn meet(&self) {
        if S::IN_PLACE {
            // Relaxed: what this context has found in the heap, it has found by an Acquire that pairs with a Release
            // behind `reach`.
            self.source.meet(self.reach.load(Relaxed).addr());
        }
    }

    /// Returns the number of units that the source was asked for, and gave.
    #[cfg(any(target_arch = "wasm32", test))]
    pub(crate) fn units_grown(&self) -> u32 {
        self.units_grown.load(Relaxed)
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut sum = Stats::none();
        self.memories().for_each(|memory| sum.add(&memory.stats()));
        sum
    }

    /// One extent after the other. What is shown may use the heap.
    pub(crate) fn walk(&self, mut show: impl FnMut(Piece)) -> bool {
        let _walk = Walk::begin(&self.walks);
        self.memories().map(|memory| memory.walk(&mut show)).fold(true, |all, one| all & one)
    }

    pub(crate) fn trim(&self) {
        self.memories().for_each(|memory| memory.trim());
    }

    pub(crate) fn check(&self) -> Result<(), CheckError> {
        self.memories().try_for_each(Extent::check)
    }

    pub(crate) fn contains(&self, ptr: *const u8) -> bool {
        self.memory_of(ptr.cast_mut()).is_some()
    }

    pub(crate) fn usable_size(&self, ptr: *const u8) -> usize {
        self.memory_of(ptr.cast_mut()).map_or(0, |memory| memory.occupied(ptr.cast_mut()))
    }
}

/// A walk that is going on, until it is dropped: also if what is shown panics.
struct Walk<'a>(&'a AtomicU32);

impl<'a> Walk<'a> {
    fn begin(walks: &'a AtomicU32) -> Self {
        walks.fetch_add(1, Relaxed);
        Self(walks)
    }
}

impl Drop for Walk<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
