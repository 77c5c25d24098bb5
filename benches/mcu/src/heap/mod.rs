//! The allocators, each set up as its documentation tells its users to.
//!
//! A module has `HEAP` (the `#[global_allocator]` of its users), `LOCK` (what keeps others out) and `init` (what the user
//! calls first). Another configuration is a feature in Cargo.toml, a title there, a line in `select!` and a file here.

use core::alloc::{GlobalAlloc, Layout};

/// What every allocator gets, metadata that it keeps inside included.
pub const ARENA_BYTES: usize = 64 * 1024;

#[cfg(feature = "any-larder")]
mod larder;
#[cfg(feature = "any-larder")]
pub use larder::{HEAP, LOCK, NAME, init};

macro_rules! select {
    ($($feature:literal $module:ident $path:literal)*) => {
        $(
            #[cfg(feature = $feature)]
            #[path = $path]
            mod $module;
            #[cfg(feature = $feature)]
            pub use $module::{HEAP, LOCK, init};
            #[cfg(feature = $feature)]
            pub const NAME: &str = $feature;
        )*
    };
}

select! {
    "embedded-alloc-llff" embedded_alloc_llff "embedded_alloc_llff.rs"
    "embedded-alloc-tlsf" embedded_alloc_tlsf "embedded_alloc_tlsf.rs"
    "linked-list" linked_list "linked_list.rs"
    "talc" talc "talc.rs"
    "rlsf" rlsf "rlsf.rs"
    "buddy" buddy "buddy.rs"
    "dlmalloc" dlmalloc "dlmalloc.rs"
    "emballoc" emballoc "emballoc.rs"
    "bump" bump "bump.rs"
    "none" none "none.rs"
}

/// Memory for the allocators that do not bring their own.
#[cfg(any(
    feature = "embedded-alloc-llff",
    feature = "embedded-alloc-tlsf",
    feature = "linked-list",
    feature = "talc",
    feature = "rlsf",
    feature = "buddy",
    feature = "dlmalloc"
))]
mod arena {
    use super::ARENA_BYTES;
    use core::cell::UnsafeCell;

    /// Aligned to its size, so that the buddy allocator finds one block in it.
    #[repr(C, align(65536))]
    struct Arena(UnsafeCell<[u8; ARENA_BYTES]>);

    // SAFETY: only the allocator under test touches the bytes.
    unsafe impl Sync for Arena {}

    static ARENA: Arena = Arena(UnsafeCell::new([0; ARENA_BYTES]));

    pub const fn start() -> *mut u8 {
        ARENA.0.get().cast()
    }
}

/// One context at a time, as cheaply as can be had: a critical section around a cell, without a borrow flag.
#[cfg(any(feature = "rlsf", feature = "dlmalloc"))]
mod exclusive {
    use core::cell::UnsafeCell;

    pub struct Exclusive<T>(UnsafeCell<T>);

    // SAFETY: `with` lets one context in at a time.
    unsafe impl<T: Send> Sync for Exclusive<T> {}

    impl<T> Exclusive<T> {
        pub const fn new(value: T) -> Self {
            Self(UnsafeCell::new(value))
        }

        /// # Safety
        /// `body` does not come back here.
        #[inline(always)]
        pub unsafe fn with<R>(&self, body: impl FnOnce(&mut T) -> R) -> R {
            // SAFETY: nobody else is in the critical section, and the caller does not enter it twice.
            critical_section::with(|_| body(unsafe { &mut *self.0.get() }))
        }
    }
}

/// The floor has more memory than the others, and runs what fits it.
pub const IS_FLOOR: bool = cfg!(feature = "bump");

/// Whether these bytes are the allocator's to hand out: in the arena that it was given or, with one of its own, in its static.
pub fn holds(start: usize, bytes: usize) -> bool {
    let (memory, length) = memory();
    start >= memory && bytes <= length && start - memory <= length - bytes
}

fn memory() -> (usize, usize) {
    #[cfg(any(
        feature = "embedded-alloc-llff",
        feature = "embedded-alloc-tlsf",
        feature = "linked-list",
        feature = "talc",
        feature = "rlsf",
        feature = "buddy",
        feature = "dlmalloc"
    ))]
    return (arena::start() as usize, ARENA_BYTES);
    #[cfg(feature = "bump")]
    return bump::memory();
    #[allow(unreachable_code)]
    (&raw const HEAP as usize, size_of_val(&HEAP))
}

/// Passes every call on to `HEAP`, as the code that `#[global_allocator]` generates does.
pub struct Global;

// SAFETY: every method is `HEAP`'s, with the same arguments.
unsafe impl GlobalAlloc for Global {
    #[inline(always)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { HEAP.alloc(layout) }
    }

    #[inline(always)]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { HEAP.dealloc(ptr, layout) }
    }

    #[inline(always)]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { HEAP.realloc(ptr, layout, new_size) }
    }

    #[inline(always)]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { HEAP.alloc_zeroed(layout) }
    }
}
