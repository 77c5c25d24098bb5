//! Who asks: names for parts of a program.

use crate::sync::{Ordering::Relaxed, StoredU32};
use core::pin::Pin;
use core::task::{Context, Poll};

/// The tag of the context that runs: what [`tag!`](crate::tag) sets, and an observer reads.
///
/// A scope saves the tag that it finds, and restores it at its end. So an interrupt handler has its own tag while it
/// runs, and what it interrupted goes on with the old one: one slot is right for one core with interrupts. Threads, and
/// several cores, run at the same time, and would change each other's tag: give each a slot of its own, and have the
/// observer's `origin` read the one of the context that calls.
///
/// ```
/// use larder::observe::Slot;
///
/// static CORES: [Slot; 2] = [Slot::new(), Slot::new()];
/// let core = 1; // what the hardware says
/// {
///     let _scope = larder::tag!("sensor", in CORES[core]);
///     assert!(CORES[core].current().is_some());
/// }
/// assert_eq!(CORES[core].current(), None);
/// ```
#[derive(Default)]
pub struct Slot(StoredU32);

/// The slot of programs in which one core runs one thing at a time.
#[cfg(not(all(test, loom)))]
pub static TAG: Slot = Slot::new();

impl Slot {
    /// No tag is set.
    #[cfg(not(all(test, loom)))]
    pub const fn new() -> Self {
        Self(StoredU32::new(0))
    }

    /// The tag of the innermost scope.
    #[inline]
    pub fn current(&self) -> Option<u32> {
        // Relaxed: the context's own, or of a handler that has run to its end.
        Some(self.0.load(Relaxed)).filter(|&tag| tag != 0)
    }

    /// Sets the tag until the scope is dropped: a number that is not 0, or the address of a text, as
    /// [`tag!`](crate::tag) has it. Scopes are dropped in the reverse order.
    #[inline]
    pub fn enter(&self, tag: u32) -> Scope<'_> {
        let before = self.0.load(Relaxed);
        self.0.store(tag, Relaxed);
        Scope { slot: self, before }
    }

    /// A future that has the tag whenever it is polled: what runs between two polls does not. A scope that is held
    /// across an `.await` would give its tag to every task that runs meanwhile.
    pub fn future<F: Future>(&self, tag: u32, future: F) -> Tagged<'_, F> {
        Tagged { slot: self, tag, future }
    }
}

/// What [`tag!`](crate::tag) returns: the tag is set as long as it lives.
#[must_use = "the tag is set as long as the scope lives: give it a name that begins with `_`"]
pub struct Scope<'a> {
    slot: &'a Slot,
    before: u32,
}

impl Drop for Scope<'_> {
    #[inline]
    fn drop(&mut self) {
        self.slot.0.store(self.before, Relaxed);
    }
}

/// See [`Slot::future`].
pub struct Tagged<'a, F> {
    slot: &'a Slot,
    tag: u32,
    future: F,
}

impl<F: Future> Future for Tagged<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the future is not moved out of its place, which is pinned as `self` is.
        let this = unsafe { self.get_unchecked_mut() };
        let _scope = this.slot.enter(this.tag);
        // SAFETY: as above.
        unsafe { Pin::new_unchecked(&mut this.future) }.poll(context)
    }
}

/// Names what the program does, until the scope that it returns ends: allocations that an observer sees meanwhile have
/// this tag. The tag is the address of the name, which ends in a zero byte: `larder-tools` finds it in the ELF file, and
/// the program needs no table.
///
/// Cost: a load and two stores. `tag!("net")` sets [`observe::TAG`](crate::observe::TAG); `tag!("net", in SLOT)` another
/// [`Slot`].
///
/// ```
/// use larder::observe::TAG;
///
/// let _net = larder::tag!("net");
/// let net = TAG.current();
/// {
///     let _tls = larder::tag!("tls");
///     assert_ne!(TAG.current(), net);
/// }
/// assert_eq!(TAG.current(), net);
/// ```
#[macro_export]
macro_rules! tag {
    ($name:literal) => {
        $crate::tag!($name, in $crate::observe::TAG)
    };
    ($name:literal, in $slot:expr) => {
        $slot.enter(::core::concat!($name, "\0").as_ptr().addr() as u32)
    };
}
