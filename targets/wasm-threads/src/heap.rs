//! The allocator of this build: larder, its smallest heap, or a peer behind one lock, as all of them are where memory is shared.

#[cfg(feature = "larder")]
pub type Heap = larder::wasm::Heap;

#[cfg(feature = "larder")]
pub const fn new() -> Heap {
    Heap::new()
}

#[cfg(all(feature = "small", not(feature = "larder")))]
pub type Heap = larder::Small<{ 256 * 1024 }>;

#[cfg(all(feature = "small", not(feature = "larder")))]
pub const fn new() -> Heap {
    Heap::new()
}

#[cfg(all(feature = "talc", not(any(feature = "larder", feature = "small"))))]
pub type Heap = talc::sync::TalcLock<spin::Mutex<()>, talc::wasm::WasmGrowAndClaim, talc::wasm::WasmBinning>;

#[cfg(all(feature = "talc", not(any(feature = "larder", feature = "small"))))]
pub const fn new() -> Heap {
    Heap::new(talc::wasm::WasmGrowAndClaim)
}

#[cfg(all(feature = "dlmalloc", not(any(feature = "larder", feature = "small", feature = "talc"))))]
pub use locked::{Heap, new};

#[cfg(feature = "lol_alloc")]
pub type Heap = lol_alloc::LockedAllocator<lol_alloc::FreeListAllocator>;

#[cfg(feature = "lol_alloc")]
pub const fn new() -> Heap {
    Heap::new(lol_alloc::FreeListAllocator::new())
}

#[cfg(feature = "rlsf")]
pub use tlsf::{Heap, new};

/// rlsf has no global allocator where memory is shared: what its own is made of elsewhere, behind a lock.
#[cfg(feature = "rlsf")]
mod tlsf {
    use core::alloc::{GlobalAlloc, Layout};
    use core::arch::wasm32::memory_grow;
    use core::ptr::{NonNull, null_mut, slice_from_raw_parts_mut, with_exposed_provenance_mut};
    use rlsf::{FlexSource, FlexTlsf};

    const PAGE_BYTES: usize = 1 << 16;

    /// What the memory grows by. Others may have grown it in between, so a pool is never continued.
    pub struct Pages;

    // SAFETY: `memory.grow` returns fresh memory, a different range to each caller, as long as was asked for.
    unsafe impl FlexSource for Pages {
        unsafe fn alloc(&mut self, min_size: usize) -> Option<NonNull<[u8]>> {
            let pages = min_size.div_ceil(PAGE_BYTES);
            let first = memory_grow(0, pages);
            if first == usize::MAX {
                return None;
            }
            let start = with_exposed_provenance_mut(first * PAGE_BYTES);
            NonNull::new(slice_from_raw_parts_mut(start, pages * PAGE_BYTES))
        }

        fn min_align(&self) -> usize {
            PAGE_BYTES
        }
    }

    type Tlsf = FlexTlsf<Pages, usize, usize, { usize::BITS as usize }, { usize::BITS as usize }>;

    pub struct Heap(spin::Mutex<Tlsf>);

    // SAFETY: whoever uses it holds the lock.
    unsafe impl Sync for Heap {}

    pub const fn new() -> Heap {
        Heap(spin::Mutex::new(Tlsf::new(Pages)))
    }

    fn or_null(block: Option<NonNull<u8>>) -> *mut u8 {
        block.map_or(null_mut(), NonNull::as_ptr)
    }

    // SAFETY: rlsf keeps the contract, one call at a time.
    unsafe impl GlobalAlloc for Heap {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            or_null(self.0.lock().allocate(layout))
        }

        unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
            // SAFETY: passed on; a block is not null.
            unsafe { self.0.lock().deallocate(NonNull::new_unchecked(ptr), layout.align()) }
        }

        unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
            // SAFETY: the same; the new size is one of a layout.
            unsafe {
                let new = Layout::from_size_align_unchecked(new_size, layout.align());
                or_null(self.0.lock().reallocate(NonNull::new_unchecked(ptr), new))
            }
        }
    }
}

#[cfg(all(feature = "dlmalloc", not(any(feature = "larder", feature = "small", feature = "talc"))))]
mod locked {
    use core::alloc::{GlobalAlloc, Layout};
    use dlmalloc::Dlmalloc;

    pub struct Heap(spin::Mutex<Dlmalloc>);

    pub const fn new() -> Heap {
        Heap(spin::Mutex::new(Dlmalloc::new()))
    }

    // SAFETY: dlmalloc keeps the contract, one call at a time.
    unsafe impl GlobalAlloc for Heap {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: passed on.
            unsafe { self.0.lock().malloc(layout.size(), layout.align()) }
        }

        unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
            // SAFETY: passed on.
            unsafe { self.0.lock().free(ptr, layout.size(), layout.align()) }
        }

        unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
            // SAFETY: passed on.
            unsafe { self.0.lock().realloc(ptr, layout.size(), layout.align(), new_size) }
        }
    }
}
