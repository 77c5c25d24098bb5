//! `talc`, as it comes.

use super::Subject;
use ::talc::base::binning::DefaultBinning;
use ::talc::cell::TalcCell;
use ::talc::source::Manual;
use core::alloc::{GlobalAlloc, Layout};

pub struct Talc(TalcCell<Manual, DefaultBinning>);

// SAFETY: talc keeps the contract.
unsafe impl Subject for Talc {
    unsafe fn new(arena: *mut u8, bytes: usize) -> Self {
        let talc = TalcCell::new(Manual);
        // SAFETY: the caller's contract.
        unsafe { talc.claim(arena, bytes) }.expect("the arena has room for talc's own words");
        Self(talc)
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
