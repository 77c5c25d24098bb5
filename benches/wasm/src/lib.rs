//! One allocator, chosen by a feature, as the global allocator of the modules in `examples/`.
#![no_std]
#![cfg(target_arch = "wasm32")]

pub mod heap;

use core::alloc::{GlobalAlloc, Layout};

/// The chosen allocator, called as `#[global_allocator]` calls it.
pub struct Global;

#[global_allocator]
static GLOBAL: Global = Global;

// SAFETY: every method is `HEAP`'s, with the same arguments.
unsafe impl GlobalAlloc for Global {
    #[inline(always)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { heap::HEAP.alloc(layout) }
    }

    #[inline(always)]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract.
        unsafe { heap::HEAP.dealloc(ptr, layout) }
    }

    #[inline(always)]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { heap::HEAP.alloc_zeroed(layout) }
    }

    #[inline(always)]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { heap::HEAP.realloc(ptr, layout, new_size) }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
