//! Allocators over one arena; a file each.

mod dlmalloc;
mod larder;
mod linked_list;
mod talc;

pub use dlmalloc::Dlmalloc;
pub use larder::Larder;
pub use linked_list::LinkedList;
pub use talc::Talc;

use core::alloc::Layout;

/// An allocator that has one arena.
///
/// # Safety
///
/// As for `GlobalAlloc`: blocks are aligned, disjoint, inside the arena, and keep their contents.
pub unsafe trait Subject {
    /// # Safety
    ///
    /// The arena is nobody else's, and outlives the subject.
    unsafe fn new(arena: *mut u8, bytes: usize) -> Self;

    /// # Safety
    ///
    /// As for `GlobalAlloc::alloc`.
    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8;

    /// # Safety
    ///
    /// As for `GlobalAlloc::dealloc`.
    unsafe fn dealloc(&mut self, block: *mut u8, layout: Layout);

    /// # Safety
    ///
    /// As for `GlobalAlloc::realloc`.
    unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: the caller's contract; both blocks have so many bytes, and are disjoint.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(bytes, layout.align()));
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(block, layout.size().min(bytes));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}
