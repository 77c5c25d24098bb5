//! larder, over a region.

use super::Subject;
use core::alloc::{GlobalAlloc, Layout};
use larder::{Config, Defaults, Region};

/// A module of one thread has nobody to lock out; its peers have no lock here either.
#[cfg(target_arch = "wasm32")]
type Entry = larder::wasm::Entry;
#[cfg(not(target_arch = "wasm32"))]
type Entry = larder::policy::Default;

pub struct Larder<C = Defaults>(pub Region<C, Entry>);

// SAFETY: larder keeps the contract.
unsafe impl<C: Config> Subject for Larder<C> {
    unsafe fn new(arena: *mut u8, bytes: usize) -> Self {
        let region = Region::new();
        // SAFETY: the caller's contract.
        unsafe { region.claim(arena, bytes) }.expect("arenas have 64 KiB to 16 MiB");
        Self(region)
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn dealloc(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract.
        unsafe { self.0.dealloc(block, layout) }
    }

    unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { self.0.realloc(block, layout, bytes) }
    }
}
