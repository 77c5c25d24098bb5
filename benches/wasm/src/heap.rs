//! The allocators, each as its documentation tells the users of a module with one thread to set it up.
//!
//! Another one is a line in `heaps!`, a feature in Cargo.toml, and its row in the table there.

#[allow(unused_imports, reason = "each allocator takes what it needs")]
use core::alloc::{GlobalAlloc, Layout};

macro_rules! heaps {
    ($($feature:literal, $heap:ty, $new:expr;)*) => {
        $(
            #[cfg(feature = $feature)]
            pub static HEAP: $heap = $new;
        )*
    };
}

heaps! {
    "larder", larder::wasm::Heap, larder::wasm::Heap::new();
    "larder-static", larder::Heap<ARENA_BYTES>, larder::Heap::new();
    "larder-compact", larder::wasm::Heap<larder::Compact, larder::wasm::Entry>, larder::wasm::Heap::new();
    "larder-static-compact", larder::Heap<ARENA_BYTES, larder::Compact, larder::wasm::Entry>, larder::Heap::new();
    "larder-static-small", larder::Small<ARENA_BYTES>, larder::Small::new();
    "talc", talc::wasm::WasmDynamicTalc, talc::wasm::new_wasm_dynamic_allocator();
    "talc-small", talc::cell::TalcSyncCell<talc::wasm::WasmGrowAndClaim, talc::wasm::WasmBinning>,
        talc::cell::TalcSyncCell::new_wasm(talc::wasm::WasmGrowAndClaim);
    // SAFETY: nobody else touches the arena.
    "talc-static", talc::wasm::WasmArenaTalc, unsafe { talc::wasm::new_wasm_arena_allocator(arena()) };
    "dlmalloc", dlmalloc::GlobalDlmalloc, dlmalloc::GlobalDlmalloc;
    // SAFETY: the module has one thread.
    "lol_alloc", lol_alloc::AssumeSingleThreaded<lol_alloc::FreeListAllocator>,
        unsafe { lol_alloc::AssumeSingleThreaded::new(lol_alloc::FreeListAllocator::new()) };
    "rlsf", rlsf::GlobalTlsf, rlsf::GlobalTlsf::new();
    "rlsf-small", rlsf::SmallGlobalTlsf, rlsf::SmallGlobalTlsf::new();
    "linked_list", lazy::Lazy<lazy::LinkedList>, lazy::Lazy::new(linked_list_allocator::Heap::empty());
    "buddy", lazy::Lazy<lazy::Buddy>, lazy::Lazy::new(buddy_system_allocator::Heap::new());
    "bump", floor::Bump, floor::Bump::new();
    "none", floor::Nothing, floor::Nothing;
}

/// For those that have all their memory from the start.
#[allow(dead_code, reason = "as above")]
pub const ARENA_BYTES: usize = 1 << 20;

#[allow(dead_code, reason = "as above")]
const fn arena() -> *mut [u128; ARENA_BYTES / 16] {
    static mut ARENA: [u128; ARENA_BYTES / 16] = [0; ARENA_BYTES / 16];
    &raw mut ARENA
}

/// Allocators that have to be told their memory once: at the first request, so that a module needs no start-up code.
#[cfg(any(feature = "linked_list", feature = "buddy"))]
mod lazy {
    use super::*;
    use core::cell::UnsafeCell;
    use core::ptr::{NonNull, null_mut};

    #[cfg(feature = "linked_list")]
    pub type LinkedList = linked_list_allocator::Heap;
    #[cfg(feature = "buddy")]
    pub type Buddy = buddy_system_allocator::Heap<21>;

    pub struct Lazy<H>(UnsafeCell<H>);

    // SAFETY: the module has one thread.
    unsafe impl<H> Sync for Lazy<H> {}

    impl<H> Lazy<H> {
        pub const fn new(heap: H) -> Self {
            Self(UnsafeCell::new(heap))
        }
    }

    #[cfg(feature = "linked_list")]
    // SAFETY: linked_list_allocator keeps the contract; no call is within another.
    unsafe impl GlobalAlloc for Lazy<LinkedList> {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: one thread, and the arena is given once.
            unsafe {
                let heap = &mut *self.0.get();
                if heap.size() == 0 {
                    heap.init(arena().cast(), ARENA_BYTES);
                }
                heap.allocate_first_fit(layout).map_or(null_mut(), NonNull::as_ptr)
            }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            // SAFETY: the caller's contract; a block is not null.
            unsafe { (*self.0.get()).deallocate(NonNull::new_unchecked(block), layout) }
        }
    }

    #[cfg(feature = "buddy")]
    // SAFETY: buddy_system_allocator keeps the contract; no call is within another.
    unsafe impl GlobalAlloc for Lazy<Buddy> {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: one thread, and the arena is given once.
            unsafe {
                let heap = &mut *self.0.get();
                if heap.stats_total_bytes() == 0 {
                    heap.init(arena().expose_provenance(), ARENA_BYTES);
                }
                heap.alloc(layout).map_or(null_mut(), NonNull::as_ptr)
            }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            // SAFETY: the caller's contract; a block is not null.
            unsafe { (*self.0.get()).dealloc(NonNull::new_unchecked(block), layout) }
        }
    }
}

/// What the others are compared with.
#[cfg(any(feature = "bump", feature = "none"))]
mod floor {
    use super::*;
    use core::arch::wasm32::memory_grow;
    use core::cell::Cell;
    use core::ptr::null_mut;

    const PAGE_BYTES: usize = 1 << 16;

    /// Hands out what it grows by, upwards, and takes nothing back.
    pub struct Bump {
        next: Cell<*mut u8>,
        end: Cell<*mut u8>,
    }

    // SAFETY: the module has one thread.
    unsafe impl Sync for Bump {}

    impl Bump {
        pub const fn new() -> Self {
            Self { next: Cell::new(null_mut()), end: Cell::new(null_mut()) }
        }

        #[cold]
        fn grow(&self, bytes: usize) -> bool {
            let pages = bytes.div_ceil(PAGE_BYTES);
            let first = memory_grow(0, pages);
            if first == usize::MAX {
                return false;
            }
            let start = core::ptr::with_exposed_provenance_mut::<u8>(first * PAGE_BYTES);
            if start != self.end.get() {
                self.next.set(start);
            }
            self.end.set(start.wrapping_add(pages * PAGE_BYTES));
            true
        }
    }

    // SAFETY: every block begins behind the one before.
    unsafe impl GlobalAlloc for Bump {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            loop {
                let next = self.next.get();
                let padding = (next as usize).wrapping_neg() & (layout.align() - 1);
                if self.end.get() as usize - next as usize >= padding + layout.size() {
                    let block = next.wrapping_add(padding);
                    self.next.set(block.wrapping_add(layout.size()));
                    return block;
                }
                if !self.grow(layout.size() + layout.align()) {
                    return null_mut();
                }
            }
        }

        unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
    }

    /// No allocator: what remains is the loop.
    pub struct Nothing;

    // SAFETY: not kept; no block of it is ever read or written.
    unsafe impl GlobalAlloc for Nothing {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            core::ptr::without_provenance_mut(layout.align())
        }

        unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}

        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            core::ptr::without_provenance_mut(layout.align())
        }

        unsafe fn realloc(&self, block: *mut u8, _: Layout, _: usize) -> *mut u8 {
            block
        }
    }
}
