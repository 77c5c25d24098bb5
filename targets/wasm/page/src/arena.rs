//! Memory for one heap.

use alloc::alloc::{alloc, dealloc, handle_alloc_error};
use core::alloc::Layout;

/// As the memory of a static arena would be; pages of every subject start where the arena does.
const ALIGN: usize = 64 * 1024;

/// So many bytes, apart from everything else.
pub struct Arena {
    start: *mut u8,
    layout: Layout,
}

impl Arena {
    pub fn new(bytes: u32) -> Self {
        let layout = Layout::from_size_align(bytes.max(1) as usize, ALIGN).expect("an arena has at most 16 MiB");
        // SAFETY: the size is not zero.
        let start = unsafe { alloc(layout) };
        if start.is_null() {
            handle_alloc_error(layout);
        }
        Self { start, layout }
    }

    pub fn start(&self) -> *mut u8 {
        self.start
    }

    pub fn bytes(&self) -> usize {
        self.layout.size()
    }

    /// How far an address lies behind the start.
    pub fn offset_of(&self, address: *const u8) -> u32 {
        address.addr().wrapping_sub(self.start.addr()) as u32
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout.
        unsafe { dealloc(self.start, self.layout) };
    }
}
