//! `rlsf` with three divisions of its size classes; the first level reaches 16 MiB in each.

use crate::heap::Heap;
use ::rlsf::Tlsf;
use core::alloc::Layout;
use core::ptr::{NonNull, null_mut};

macro_rules! configuration {
    ($type:ident, $name:literal, $bitmap:ty, $classes:literal) => {
        pub struct $type(Tlsf<'static, u32, $bitmap, 20, $classes>);

        // SAFETY: rlsf keeps the contract.
        unsafe impl Heap for $type {
            const NAME: &'static str = $name;

            unsafe fn place(at: *mut Self) {
                // SAFETY: the caller's contract.
                unsafe { at.write(Self(Tlsf::new())) }
            }

            unsafe fn start(&mut self, arena: NonNull<[u8]>) -> bool {
                // SAFETY: the caller's contract.
                unsafe { self.0.insert_free_block_ptr(arena).is_some() }
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
    };
}

configuration!(Fine, "rlsf 20x32", u32, 32);
configuration!(Medium, "rlsf 20x16", u16, 16);
configuration!(Coarse, "rlsf 20x4", u8, 4);
