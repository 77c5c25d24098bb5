// larder as a subject of replays. This file is part of the programs that `fit` makes, too.

use super::engine::Subject;
use std::alloc::{GlobalAlloc, Layout};

/// A region with a configuration. Nobody else uses it: the policy does not matter.
pub struct Larder<C>(larder::Region<C, larder::policy::Try>);

// SAFETY: larder keeps the contract.
unsafe impl<C: larder::Config> Subject for Larder<C> {
    unsafe fn start(arena: *mut u8, bytes: usize) -> Option<Box<Self>> {
        let region = Box::new(Self(larder::Region::new()));
        // SAFETY: the caller's contract.
        unsafe { region.0.claim(arena, bytes) }.ok()?;
        Some(region)
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn dealloc(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract.
        unsafe { self.0.dealloc(block, layout) }
    }

    unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { self.0.realloc(block, layout, new_size) }
    }
}
