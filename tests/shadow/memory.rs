//! Memory for a heap under test.

use core::alloc::Layout;
use core::ops::Range;
use larder::{Config, Region, large::Large, policy::Policy};

/// What memory holds before it is used: tables that are not zeroed are found.
const UNTOUCHED: u8 = 0xA5;

/// Memory for a region, aligned to 64 KiB so that every alignment that is served can be.
pub struct Memory(*mut u8, Layout);

impl Memory {
    pub fn new(bytes: usize) -> Self {
        let layout = Layout::from_size_align(bytes, 64 * 1024).unwrap();
        // SAFETY: the size is not zero.
        let ptr = unsafe { std::alloc::alloc(layout) };
        assert!(!ptr.is_null());
        // SAFETY: so many bytes are ours.
        unsafe { ptr.write_bytes(UNTOUCHED, bytes) };
        Self(ptr, layout)
    }

    pub fn region<P: Policy, L: Large, C: Config>(&self) -> Region<C, P, L> {
        let region = Region::new();
        // SAFETY: the memory outlives the region in every test, and is nobody else's.
        unsafe { region.claim(self.0, self.1.size()) }.unwrap();
        region
    }

    /// A static heap so far behind the start of the memory.
    ///
    /// # Safety
    ///
    /// All zeros is a `T`. The memory is used for nothing else.
    pub unsafe fn zeroed<T>(&self, offset: usize) -> &T {
        let value = self.0.wrapping_add(offset).cast::<T>();
        assert!(value.is_aligned() && offset + size_of::<T>() <= self.len());
        // SAFETY: aligned, inside of our memory; the rest is the caller's.
        unsafe {
            value.write_bytes(0, 1);
            &*value
        }
    }

    pub fn len(&self) -> usize {
        self.1.size()
    }

    /// Verifies that nobody wrote outside of a part of the memory.
    pub fn verify_outside(&self, part: Range<usize>) {
        for offset in (0..self.len()).filter(|offset| !part.contains(offset)) {
            // SAFETY: inside of our memory, which `new` has filled.
            let byte = unsafe { self.0.add(offset).read() };
            assert_eq!(byte, UNTOUCHED, "byte {offset} of the memory, outside of {part:?}");
        }
    }

    /// An address of the memory, the offset taken modulo its length.
    pub fn address(&self, offset: usize) -> *mut u8 {
        self.0.wrapping_add(offset % self.len())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout.
        unsafe { std::alloc::dealloc(self.0, self.1) };
    }
}
