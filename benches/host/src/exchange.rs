//! Blocks that one thread gets and another frees.

use std::alloc::Layout;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::shared::Shared;

/// What a block says of itself while somebody else holds it: its first bytes.
#[derive(Clone, Copy, PartialEq)]
#[repr(C)]
pub struct Tag {
    size: u32,
    align_log2: u8,
    /// Of the address and the layout: a block that two own does not have it for long.
    check: [u8; 3],
}

impl Tag {
    /// No smaller block is exchanged.
    pub const BYTES: usize = size_of::<Self>();

    fn new(block: *mut u8, layout: Layout) -> Self {
        let (size, align_log2) = (layout.size() as u32, layout.align().trailing_zeros() as u8);
        let mixed =
            (block as usize as u64 ^ u64::from(size) << 40 ^ u64::from(align_log2)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let [.., a, b, c] = mixed.to_le_bytes();
        Self { size, align_log2, check: [a, b, c] }
    }

    /// # Safety
    /// The block is the caller's and holds a tag's bytes.
    pub unsafe fn write(block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract; the address may be odd.
        unsafe { block.cast::<Self>().write_unaligned(Self::new(block, layout)) }
    }

    /// The layout of a block that was tagged.
    ///
    /// # Panics
    /// If the tag is not the one that was written: the allocator gave the block to two.
    ///
    /// # Safety
    /// The block is the caller's, and was tagged.
    pub unsafe fn read(block: *mut u8) -> Layout {
        // SAFETY: the caller's contract.
        let tag = unsafe { block.cast::<Self>().read_unaligned() };
        let layout = Layout::from_size_align(tag.size as usize, 1 << (tag.align_log2 & 15)).expect("a tag's layout");
        assert!(tag == Self::new(block, layout), "a block's contents changed");
        layout
    }
}

/// One cache line each, so that threads meet at the heap and not here.
#[derive(Default)]
#[repr(align(128))]
struct Slot(AtomicPtr<u8>);

/// Where threads leave blocks and find those of others.
#[derive(Default)]
pub struct Exchange([Slot; 8]);

impl Exchange {
    /// Leaves a tagged block, and takes what somebody left before.
    pub fn swap(&self, turn: usize, block: *mut u8) -> Option<NonNull<u8>> {
        // AcqRel: what the other thread wrote into the block is seen here, and what this one wrote there.
        NonNull::new(self.0[turn % self.0.len()].0.swap(block, Ordering::AcqRel))
    }

    /// Frees what was left behind.
    ///
    /// # Safety
    /// Every block that was left is the heap's.
    pub unsafe fn clear<H: Shared>(&self, heap: &H) {
        for turn in 0..self.0.len() {
            if let Some(block) = self.swap(turn, null_mut()) {
                // SAFETY: the caller's contract; the thread that takes a block owns it.
                unsafe { free_tagged(heap, block.as_ptr()) }
            }
        }
    }
}

/// # Safety
/// The block is the caller's, tagged and of this heap.
pub unsafe fn free_tagged<H: Shared>(heap: &H, block: *mut u8) {
    if H::KEEPS {
        // SAFETY: the caller's contract.
        unsafe { heap.dealloc(block, Tag::read(block)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "a block's contents changed")]
    fn a_changed_tag_is_found() {
        let mut block = [0_u8; 32];
        let layout = Layout::new::<[u64; 4]>();
        // SAFETY: the block is ours.
        unsafe {
            Tag::write(block.as_mut_ptr(), layout);
            assert_eq!(Tag::read(block.as_mut_ptr()), layout);
            block[7] ^= 1;
            Tag::read(block.as_mut_ptr());
        }
    }
}
