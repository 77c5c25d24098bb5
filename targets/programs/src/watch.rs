//! What an interrupt came into the middle of.
//!
//! One core and one handler: a counter that main raises on the way in and lowers on the way out tells the handler
//! where main is. The handler leaves every counter as it found it.

use core::alloc::{GlobalAlloc, Layout};
use core::fmt;
use core::marker::PhantomData;

use larder::{Config, Event, policy::Policy};
use portable_atomic::{AtomicU32, Ordering::Relaxed};

static CALLS: Place = Place::new();
static LARGE_TIER: Place = Place::new();
static REFILLS: Place = Place::new();
static RETIREMENTS: Place = Place::new();
static INTERRUPTS: AtomicU32 = AtomicU32::new(0);

/// A stretch of code that interrupts may come into.
struct Place {
    inside: AtomicU32,
    interrupted: AtomicU32,
}

impl Place {
    const fn new() -> Self {
        Self { inside: AtomicU32::new(0), interrupted: AtomicU32::new(0) }
    }

    fn enter(&self) {
        self.inside.fetch_add(1, Relaxed);
    }

    fn leave(&self) {
        self.inside.fetch_sub(1, Relaxed);
    }

    fn during<R>(&self, work: impl FnOnce() -> R) -> R {
        self.enter();
        let result = work();
        self.leave();
        result
    }

    fn note_interrupt(&self) {
        let is_inside = self.inside.load(Relaxed) > 0;
        self.interrupted.fetch_add(u32::from(is_inside), Relaxed);
    }
}

/// To be called first thing in the handler.
pub fn note_interrupt() {
    INTERRUPTS.fetch_add(1, Relaxed);
    for place in [&CALLS, &LARGE_TIER, &REFILLS, &RETIREMENTS] {
        place.note_interrupt();
    }
}

/// How many interrupts came, and how many of them into the middle of what.
pub struct Interrupted {
    pub interrupts: u32,
    pub calls: u32,
    pub large_tier: u32,
    pub refills: u32,
    pub retirements: u32,
}

impl Interrupted {
    /// The counts so far.
    pub fn so_far() -> Self {
        let of = |place: &Place| place.interrupted.load(Relaxed);
        Self {
            interrupts: INTERRUPTS.load(Relaxed),
            calls: of(&CALLS),
            large_tier: of(&LARGE_TIER),
            refills: of(&REFILLS),
            retirements: of(&RETIREMENTS),
        }
    }

    /// Panics unless the run showed what it is for. The large tier, a refill and a retirement can only be interrupted
    /// where there are any, and the policy masks nothing.
    pub fn assert_seen(&self, reaches_large_tier: bool) {
        assert!(self.calls > 0, "no interrupt came into the middle of a call: {self}");
        if !reaches_large_tier {
            assert_eq!(self.large_tier, 0, "a critical section was interrupted: {self}");
            return;
        }
        assert!(self.large_tier > 0, "no interrupt came while a call was in the large tier: {self}");
        assert!(self.refills > 0, "no interrupt came into the middle of a refill: {self}");
        assert!(self.retirements > 0, "no interrupt came into the middle of a retirement: {self}");
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let Self { interrupts, calls, large_tier, refills, retirements } = self;
        write!(out, "{interrupts} interrupts, {calls} in the middle of a call of the allocator")?;
        write!(out, " ({large_tier} in the large tier, {refills} in a refill, {retirements} in a retirement)")
    }
}

/// A heap, with its calls watched.
pub struct Watched<H>(pub H);

// SAFETY: every call goes to the heap as it is.
unsafe impl<H: GlobalAlloc> GlobalAlloc for Watched<H> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are the heap's conditions.
        CALLS.during(|| unsafe { self.0.alloc(layout) })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are the heap's conditions.
        CALLS.during(|| unsafe { self.0.dealloc(block, layout) });
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are the heap's conditions.
        CALLS.during(|| unsafe { self.0.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promises are the heap's conditions.
        CALLS.during(|| unsafe { self.0.realloc(block, layout, new_size) })
    }
}

/// A policy, with the large tier watched.
pub struct WatchedPolicy<P>(PhantomData<P>);

// SAFETY: the work runs when and only when the policy runs it.
unsafe impl<P: Policy> Policy for WatchedPolicy<P> {
    type Lock = P::Lock;

    fn enter<R>(lock: &Self::Lock, work: impl FnOnce() -> R) -> Option<R> {
        P::enter(lock, || LARGE_TIER.during(work))
    }
}

/// The default configuration, with refills and retirements watched.
pub struct WatchedEvents;

impl Config for WatchedEvents {
    const ON_EVENT: Option<fn(Event)> = Some(|event| match event {
        Event::RefillBegins { .. } => REFILLS.enter(),
        Event::RefillEnds { .. } => REFILLS.leave(),
        Event::RetireBegins => RETIREMENTS.enter(),
        Event::RetireEnds => RETIREMENTS.leave(),
        _ => {}
    });
}
