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
