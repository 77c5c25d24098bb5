//! A module that only allocates, frees and resizes. What it has more than the one with the feature `none` is the
//! allocator.
#![cfg_attr(target_arch = "wasm32", no_std)]

#[cfg(target_arch = "wasm32")]
mod exports {
    use core::alloc::{GlobalAlloc, Layout};
    use larder_bench_wasm::Global;

    /// # Safety
    /// As for `Layout::from_size_align_unchecked`.
    unsafe fn layout(size: usize, align: usize) -> Layout {
        // SAFETY: the caller's contract.
        unsafe { Layout::from_size_align_unchecked(size, align) }
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn alloc(size: usize, align: usize) -> *mut u8 {
        // SAFETY: the host passes a layout.
        unsafe { Global.alloc(layout(size, align)) }
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn dealloc(block: *mut u8, size: usize, align: usize) {
        // SAFETY: the host passes a live block and its layout.
        unsafe { Global.dealloc(block, layout(size, align)) }
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn realloc(block: *mut u8, size: usize, align: usize, new_size: usize) -> *mut u8 {
        // SAFETY: as above.
        unsafe { Global.realloc(block, layout(size, align), new_size) }
    }
}
