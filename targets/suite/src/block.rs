//! A block whose contents are verified.

use alloc::alloc::{alloc, dealloc, realloc};
use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::slice;

/// A block of the global allocator, filled with a pattern that only it has.
///
/// Every method that ends the block's life, dropping included, verifies the pattern first.
pub struct Block {
    start: NonNull<u8>,
    layout: Layout,
    seed: u8,
}

// SAFETY: a block is memory that nobody else has; it may be read and freed anywhere.
unsafe impl Send for Block {}

impl Block {
    /// A block, or nothing when the heap refuses.
    pub fn try_new(layout: Layout, seed: u8) -> Option<Self> {
        assert!(layout.size() > 0);
        // SAFETY: the size is not zero.
        let start = NonNull::new(unsafe { alloc(layout) })?;
        assert_eq!(start.as_ptr().addr() % layout.align(), 0, "{layout:?} is misaligned");
        let mut block = Self { start, layout, seed };
        block.fill(0);
        Some(block)
    }

    /// A block of bytes that has to be had.
    pub fn new(size: usize, align: usize, seed: u8) -> Self {
        let layout = Layout::from_size_align(size, align).expect("a layout");
        Self::try_new(layout, seed).expect("the heap has room")
    }

    /// Takes over a block of the global allocator that holds what another block with this seed did, as far as `kept_bytes`.
    ///
    /// # Safety
    ///
    /// The block is live with this layout, and nobody else's.
    pub unsafe fn from_raw(start: NonNull<u8>, layout: Layout, seed: u8, kept_bytes: usize) -> Self {
        assert_eq!(start.as_ptr().addr() % layout.align(), 0, "{layout:?} is misaligned");
        let mut block = Self { start, layout, seed };
        block.verify_first(kept_bytes);
        block.fill(kept_bytes);
        block
    }

    /// Gives the block up, unseen: its start, its layout and its seed.
    pub fn into_raw(self) -> (NonNull<u8>, Layout, u8) {
        let parts = (self.start, self.layout, self.seed);
        core::mem::forget(self);
        parts
    }

    pub fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Gives the block another size; on refusal it stays as it is, and the result is `false`.
    pub fn try_resize(&mut self, size: usize) -> bool {
        assert!(size > 0);
        self.verify();
        let old_size = self.layout.size();
        // SAFETY: the block is live with this layout; the new size is neither zero nor near `isize::MAX`.
        let Some(start) = NonNull::new(unsafe { realloc(self.as_ptr(), self.layout, size) }) else {
            self.verify();
            return false;
        };
        self.start = start;
        self.layout = Layout::from_size_align(size, self.layout.align()).expect("a layout");
        assert_eq!(start.as_ptr().addr() % self.layout.align(), 0, "a resized block is misaligned");
        self.verify_first(old_size.min(size));
        self.fill(old_size.min(size));
        true
    }

    /// Panics when somebody else wrote into the block.
    pub fn verify(&self) {
        self.verify_first(self.layout.size());
    }

    fn fill(&mut self, from: usize) {
        let start = self.as_ptr().cast::<MaybeUninit<u8>>();
        // SAFETY: the block is ours; its bytes need not be initialised.
        let bytes = unsafe { slice::from_raw_parts_mut(start, self.layout.size()) };
        for (offset, byte) in bytes.iter_mut().enumerate().skip(from) {
            byte.write(pattern(self.seed, offset));
        }
    }

    fn verify_first(&self, length: usize) {
        // SAFETY: so many bytes are within the block, and `fill` initialised them.
        let bytes = unsafe { slice::from_raw_parts(self.as_ptr(), length) };
        let overwritten = bytes.iter().enumerate().position(|(offset, &byte)| byte != pattern(self.seed, offset));
        assert_eq!(overwritten, None, "a byte of {:?} was overwritten", self.layout);
    }
}

fn pattern(seed: u8, offset: usize) -> u8 {
    seed ^ (offset as u8).wrapping_mul(29)
}

impl Drop for Block {
    fn drop(&mut self) {
        self.verify();
        // SAFETY: the block is live with this layout.
        unsafe { dealloc(self.as_ptr(), self.layout) };
    }
}
