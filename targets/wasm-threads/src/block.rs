//! A block that says how long it is and what it holds.

use alloc::alloc::{alloc, dealloc, realloc};
use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, Ordering::AcqRel};

const HEADER_BYTES: usize = 8;

/// A live block that is the holder's: two words, then bytes that all hold the stamp.
pub struct Block(NonNull<u32>);

impl Block {
    /// At least 8 bytes; `None` when the heap refuses.
    pub fn new(size: usize, stamp: u8, filled: bool) -> Option<Self> {
        // SAFETY: the size is not zero.
        let block = Self(NonNull::new(unsafe { alloc(layout(size)) }.cast())?);
        block.stamp(size, stamp, filled);
        Some(block)
    }

    pub fn from_ptr(ptr: *mut u32) -> Option<Self> {
        NonNull::new(ptr).map(Self)
    }

    fn stamp(&self, size: usize, stamp: u8, filled: bool) {
        // SAFETY: the block is ours, and so long.
        unsafe {
            self.0.write(size as u32);
            self.0.add(1).write(stamp.into());
            if filled {
                self.0.cast::<u8>().add(HEADER_BYTES).write_bytes(stamp, size - HEADER_BYTES);
            }
        }
    }

    fn size(&self) -> usize {
        // SAFETY: the block is ours, and `stamp` wrote it.
        unsafe { self.0.read() as usize }
    }

    fn verify(&self, size: usize) {
        // SAFETY: as above; the block is at least so long.
        unsafe {
            let stamp = self.0.add(1).read();
            let bytes =
                core::slice::from_raw_parts(self.0.cast::<u8>().as_ptr().add(HEADER_BYTES), size - HEADER_BYTES);
            assert!(bytes.iter().all(|&byte| u32::from(byte) == stamp), "somebody wrote into a block of {size} bytes");
        }
    }

    /// Puts the block into a slot, and takes out what was there.
    pub fn exchange(self, slot: &AtomicPtr<u32>) -> Option<Self> {
        // AcqRel: the block's contents go with it; pairs with the exchange that takes it out.
        Self::from_ptr(slot.swap(self.0.as_ptr(), AcqRel))
    }

    pub fn free(self, verified: bool) {
        let size = self.size();
        if verified {
            self.verify(size);
        }
        // SAFETY: the block is ours, and this is its layout.
        unsafe { dealloc(self.0.as_ptr().cast(), layout(size)) };
    }

    /// The block with another size, or as it was if the heap refuses.
    pub fn resized(self, size: usize, verified: bool) -> Self {
        let old = self.size();
        // SAFETY: the block is ours, this is its layout, the size is not zero.
        let Some(new) = NonNull::new(unsafe { realloc(self.0.as_ptr().cast(), layout(old), size) }) else {
            return self;
        };
        let new = Self(new.cast());
        if verified {
            new.verify(size.min(old));
        }
        // SAFETY: the block is ours, and its header was moved with it.
        let stamp = unsafe { new.0.add(1).read() } as u8;
        new.stamp(size, stamp, verified);
        new
    }
}

/// Lists of blocks of 16 bytes and more: the link lies behind the header.
#[cfg(any(feature = "larder", feature = "small"))]
impl Block {
    pub fn linked(self, next: Option<Self>) -> Self {
        let next = next.map_or(core::ptr::null_mut(), |next| next.0.as_ptr());
        // SAFETY: the block is ours, and long enough.
        unsafe { self.0.add(2).cast().write(next) };
        self
    }

    /// The block without its link, filled again there, and the rest of the list.
    pub fn unlinked(self, stamp: u8) -> (Self, Option<Self>) {
        // SAFETY: as above; `linked` wrote it.
        let next = unsafe { self.0.add(2).cast::<*mut u32>().read() };
        // SAFETY: as above.
        unsafe { self.0.add(2).cast::<u8>().write_bytes(stamp, size_of::<*mut u32>()) };
        (self, Self::from_ptr(next))
    }
}

fn layout(size: usize) -> Layout {
    // SAFETY: a power of two, and sizes that the callers keep small.
    unsafe { Layout::from_size_align_unchecked(size, 8) }
}
