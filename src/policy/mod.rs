//! How contexts enter the large tier.
//!
//! Pooled calls never get here. What enters the large tier is a refill (a class gets a page), a retired page
//! that does not fit into the stash, and every large call.
//!
//! | policy | masks interrupts | waits | when the large tier is held by a context that it can't wait for |
//! |---|---|---|---|
//! | [`CriticalSection`] | while in the large tier | for another core only | refused, or deferred |
//! | [`Spin`] | never | until the holder leaves | does not know: an interrupt handler, or a thread of a strict priority above the holder's on its core, would wait for ever |
//! | [`Patient`] | never | until the holder leaves, but some milliseconds at most | refused, or deferred; not for interrupt handlers |
//! | [`Try`] | never | never | refused, or deferred |
//! | `Alone`, on wasm with one thread alone | never | never | is never held |
//!
//! *Refused*: an allocation returns null; a small one only after the stash, the kept pages and the
//! larger classes were tried. *Deferred*: a release is put on a list that the next visitor drains.

#[cfg(target_arch = "wasm32")]
mod alone;
#[cfg(feature = "critical-section")]
mod critical_section;
mod patient;
#[cfg(feature = "spin")]
mod spin;
mod r#try;
#[cfg(all(target_os = "none", not(target_arch = "wasm32"), not(feature = "critical-section")))]
mod unnamed;

#[cfg(target_arch = "wasm32")]
pub use alone::Alone;
#[cfg(feature = "critical-section")]
pub use critical_section::CriticalSection;
pub use patient::Patient;
#[cfg(feature = "spin")]
pub use spin::Spin;
pub use r#try::Try;
#[cfg(all(target_os = "none", not(target_arch = "wasm32"), not(feature = "critical-section")))]
pub use unnamed::Unnamed;

if_one_thread! {
    {
        /// The default for wasm with one thread: [`Alone`].
        pub type Default = Alone;
    } else {
        /// The default for wasm with shared memory, and where an operating system may have threads: [`Patient`].
        #[cfg(target_arch = "wasm32")]
        pub type Default = Patient;

        /// The default on bare metal: [`CriticalSection`].
        #[cfg(all(target_os = "none", not(target_arch = "wasm32"), feature = "critical-section"))]
        pub type Default = CriticalSection;

        /// The default on bare metal without the feature `critical-section`: none. The program names its policy.
        #[cfg(all(target_os = "none", not(target_arch = "wasm32"), not(feature = "critical-section")))]
        pub type Default = Unnamed;

        /// The default on hosts without the feature `spin`: [`Patient`], which is not for signal handlers.
        #[cfg(not(any(feature = "spin", target_os = "none", target_arch = "wasm32")))]
        pub type Default = Patient;

        /// The default on hosts: [`Spin`], which is not for signal handlers.
        #[cfg(all(feature = "spin", not(any(target_os = "none", target_arch = "wasm32"))))]
        pub type Default = Spin;
    }
}

/// How the large tier is entered. Implement it for the locks of your system: an RTOS's mutex, a scheduler's lock, a
/// core's hardware semaphore.
///
/// `enter` may wait, or give up: the heap lives with both. What gives up makes a request be refused or a release be
/// deferred. `f` is short: one visit, never a copy or a fill.
///
/// ```
/// use larder::{Defaults, Heap, policy::{Policy, Try}};
///
/// /// Waits, and lets other threads run meanwhile. Not for interrupt handlers.
/// struct Yielding;
///
/// // SAFETY: `Try` keeps all callers apart, and runs `f` at most once: it is taken where it runs.
/// unsafe impl Policy for Yielding {
///     type Lock = <Try as Policy>::Lock;
///
///     fn enter<R>(lock: &Self::Lock, f: impl FnOnce() -> R) -> Option<R> {
///         let mut f = Some(f);
///         loop {
///             if let Some(result) = Try::enter(lock, || f.take().map(|f| f())) {
///                 return result;
///             }
///             std::thread::yield_now();
///         }
///     }
/// }
///
/// static HEAP: Heap<4096, Defaults, Yielding> = Heap::new();
/// assert_eq!(HEAP.check(), Ok(()));
/// ```
///
/// # Safety
///
/// - `enter` runs `f` at most once, and returns `Some` exactly when it did; always, if `WAITS`. It does not unwind.
/// - `enter` may be called from any context at any time, for one lock from several at once.
/// - No two calls of `f` on the same lock overlap, in whatever contexts: what one did happens before
///   the other. That includes a context that interrupts the one inside `f`.
/// - All-zero bytes are a valid `Lock` that nobody holds, and it needs no drop.
pub unsafe trait Policy: 'static {
    /// The state of the entry, one for each arena.
    type Lock: Sync;

    /// Whether `enter` always waits until it can run `f`, and so always returns `Some`. All that is there for requests
    /// and releases that find the large tier held is then left out of the program.
    const WAITS: bool = false;

    /// Whether it is a policy at all.
    #[doc(hidden)]
    const IS_NAMED: bool = true;

    /// Runs `f` inside the large tier, or returns `None` when it is held and waiting is out of the question.
    fn enter<R>(lock: &Self::Lock, f: impl FnOnce() -> R) -> Option<R>;
}

/// Whether a heap can have this policy.
pub(crate) const fn is_named<P: Policy>() {
    assert!(
        P::IS_NAMED,
        "larder: name the heap's policy, as in Heap<BYTES, Defaults, policy::Try>: on bare metal there is no default one without the feature \
         `critical-section`. Under `Try`, a request that interrupts another may be refused, on which collections abort"
    );
}
