//! Memory for a heap under test.

use core::alloc::Layout;
use larder::{Config, Region, large::Large, policy::Policy};

/// Memory for a region, aligned to 64 KiB so that every alignment that is served can be.
pub struct Memory(*mut u8, Layout);

impl Memory {
    pub fn new(bytes: usize) -> Self {
        let layout = Layout::from_size_align(bytes, 64 * 1024).unwrap();
        // SAFETY: the size is not zero.
        let ptr = unsafe { std::alloc::alloc(layout) };
        assert!(!ptr.is_null());
        // SAFETY: so many bytes are ours. 0xA5: tables that are not zeroed are found.
        unsafe { ptr.write_bytes(0xA5, bytes) };
        Self(ptr, layout)
    }

    pub fn region<P: Policy, L: Large, C: Config>(&self) -> Region<P, L, C> {
        let region = Region::new();
        // SAFETY: the memory outlives the region in every test, and is nobody else's.
        unsafe { region.claim(self.0, self.1.size()) }.unwrap();
        region
    }

    /// An address of the memory, the offset taken modulo its length.
    pub fn address(&self, offset: usize) -> *mut u8 {
        self.0.wrapping_add(offset % self.1.size())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout.
        unsafe { std::alloc::dealloc(self.0, self.1) };
    }
}
