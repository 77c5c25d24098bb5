//! Other allocators as subjects of replays.

use std::alloc::{GlobalAlloc, Layout};
use std::ptr::{NonNull, null_mut, slice_from_raw_parts_mut};

use super::engine::Subject;

pub struct LinkedList(linked_list_allocator::Heap);

// SAFETY: linked_list_allocator keeps the contract.
unsafe impl Subject for LinkedList {
    unsafe fn start(arena: *mut u8, bytes: usize) -> Option<Box<Self>> {
        // SAFETY: the caller's contract.
        (bytes >= 64).then(|| Box::new(Self(unsafe { linked_list_allocator::Heap::new(arena, bytes) })))
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        self.0.allocate_first_fit(layout).map_or(null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract; a block is not null.
        unsafe { self.0.deallocate(NonNull::new_unchecked(block), layout) }
    }
}

pub struct Rlsf(rlsf::Tlsf<'static, u32, u16, 20, 16>);

// SAFETY: rlsf keeps the contract.
unsafe impl Subject for Rlsf {
    unsafe fn start(arena: *mut u8, bytes: usize) -> Option<Box<Self>> {
        let mut tlsf = Box::new(Self(rlsf::Tlsf::new()));
        let arena = NonNull::new(slice_from_raw_parts_mut(arena, bytes))?;
        // SAFETY: the caller's contract.
        unsafe { tlsf.0.insert_free_block_ptr(arena) }?;
        Some(tlsf)
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        self.0.allocate(layout).map_or(null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract; a block is not null.
        unsafe { self.0.deallocate(NonNull::new_unchecked(block), layout.align()) }
    }

    unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's contract; a block is not null.
        unsafe {
            let layout = Layout::from_size_align_unchecked(new_size, layout.align());
            self.0.reallocate(NonNull::new_unchecked(block), layout).map_or(null_mut(), NonNull::as_ptr)
        }
    }
}

pub struct Talc(talc::cell::TalcCell<talc::source::Manual, talc::base::binning::DefaultBinning>);

// SAFETY: talc keeps the contract.
unsafe impl Subject for Talc {
    unsafe fn start(arena: *mut u8, bytes: usize) -> Option<Box<Self>> {
        let talc = Box::new(Self(talc::cell::TalcCell::new(talc::source::Manual)));
        // SAFETY: the caller's contract.
        unsafe { talc.0.claim(arena, bytes) }?;
        Some(talc)
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
