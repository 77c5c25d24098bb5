//! What uses the heap in the middle of a call of it.

use crate::config::{Config, Event, Table};
use crate::hooks::events;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// While there is one, no tables are moved: what uses the heap may have been called in the middle of a call of it.
/// Where contexts run at the same time, nothing is ever moved, and it means nothing.
pub(crate) struct Pinned(());

/// How many there are, of all heaps. Not loom's: where it counts, there is one context.
#[cfg(not(test))]
#[inline(always)]
fn count<R>(look: impl FnOnce(&AtomicU32) -> R) -> R {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    look(&COUNT)
}

/// Each test is a context of its own.
#[cfg(test)]
fn count<R>(look: impl FnOnce(&AtomicU32) -> R) -> R {
    extern crate std;
    std::thread_local!(static COUNT: AtomicU32 = const { AtomicU32::new(0) });
    COUNT.with(look)
}

impl Pinned {
    pub(crate) fn new() -> Self {
        count(|count| count.fetch_add(1, Relaxed));
        Self(())
    }

    pub(super) fn is_any() -> bool {
        count(|count| count.load(Relaxed) != 0)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        count(|count| count.fetch_sub(1, Relaxed));
    }
}

/// Looks at the word of `events` for the hook's runs of all heaps that grow: the words in an extent's tables know
/// nothing of other extents, and may move. On targets that have such heaps, a module has one, or one hook, most likely.
#[cfg(not(test))]
#[inline(always)]
fn runs<R>(look: impl FnOnce(&crate::sync::AtomicU32) -> R) -> R {
    static RUNS: crate::sync::AtomicU32 = crate::sync::AtomicU32::new(0);
    look(&RUNS)
}

/// Each test is a module of its own.
#[cfg(all(test, not(loom)))]
fn runs<R>(look: impl FnOnce(&AtomicU32) -> R) -> R {
    extern crate std;
    std::thread_local!(static RUNS: AtomicU32 = const { AtomicU32::new(0) });
    RUNS.with(look)
}

#[cfg(all(test, loom))]
fn runs<R>(_: impl FnOnce(&crate::sync::AtomicU32) -> R) -> R {
    unreachable!("no model of a heap that grows has a hook for events")
}

/// Tells the program's hook, unless it runs: below it, no tables are moved.
fn tell<C: Config>(event: Event) {
    let _pinned = Pinned::new();
    runs(|word| events::tell::<C>(word, word, event));
}

/// How many events the program's hook was not told because it ran for another extent.
pub(super) fn untold<C: Config>() -> u32 {
    if C::TELLS { runs(events::untold) } else { 0 }
}

/// A configuration whose hook may use the heap, in spite of tables that move. What is not passed on:
/// - The out-of-memory hook, which is not an extent's to call: only when none has anything, and the source neither,
///   memory has run out.
/// - `POOLED_PERCENT`: memory that grows has no last part that pools could be confined to.
pub(crate) struct Hooked<C>(PhantomData<C>);

impl<C: Config> Config for Hooked<C> {
    const CLASSES: &'static [usize] = C::CLASSES;
    const RESERVED: &'static [(usize, usize)] = C::RESERVED;
    const KEPT_PAGES: usize = C::KEPT_PAGES;
    const STASH_PAGES: usize = C::STASH_PAGES;
    const ON_EVENT: Option<fn(Event)> = if C::ON_EVENT.is_some() { Some(tell::<C>) } else { None };
}
