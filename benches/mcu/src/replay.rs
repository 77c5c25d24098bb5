//! Calls the allocator, counts each call, and verifies every block.
//!
//! A block is filled with a pattern of its own when it is handed out and compared byte by byte before it is freed or
//! resized, outside of what is counted. Overlapping blocks, lost bytes, bad alignment and blocks outside of the heap stop the run.

use crate::calls::counted;
use crate::heap::{self, ARENA_BYTES};
use crate::record::Record;
use core::ptr;

/// 8-byte blocks that 64 KiB could hold.
pub const BLOCKS_MAX: usize = ARENA_BYTES / 8 + 1;

/// A live block.
#[derive(Clone, Copy)]
pub struct Block {
    ptr: *mut u8,
    size: u32,
    align: u16,
    pattern: u32,
}

impl Block {
    pub const NONE: Self = Self { ptr: ptr::null_mut(), size: 0, align: 1, pattern: 0 };

    pub fn size(&self) -> usize {
        self.size as usize
    }

    /// The pattern's word at `index`.
    fn word(&self, index: usize) -> u32 {
        (self.pattern ^ index as u32).wrapping_mul(0x9E37_79B1)
    }

    fn fill(&self) {
        for index in 0..self.size() / 4 {
            // SAFETY: within the block.
            unsafe { self.ptr.cast::<u32>().add(index).write_unaligned(self.word(index)) }
        }
        for index in self.size() & !3..self.size() {
            // SAFETY: within the block.
            unsafe { self.ptr.add(index).write(self.pattern as u8) }
        }
    }

    /// Panics when one of the first `bytes` has changed.
    fn verify(&self, bytes: usize) {
        for index in 0..bytes / 4 {
            // SAFETY: within the block.
            let word = unsafe { self.ptr.cast::<u32>().add(index).read_unaligned() };
            assert_eq!(word, self.word(index), "{self}: changed at byte {}", index * 4);
        }
        // Where a shrunk block ends within a word of the pattern, only whole words are compared.
        if bytes == self.size() {
            for index in bytes & !3..bytes {
                // SAFETY: within the block.
                let byte = unsafe { self.ptr.add(index).read() };
                assert_eq!(byte, self.pattern as u8, "{self}: changed at byte {index}");
            }
        }
    }

    fn verify_zero(&self) {
        for index in 0..self.size() {
            // SAFETY: within the block.
            assert_eq!(unsafe { self.ptr.add(index).read() }, 0, "{self}: not zero at byte {index}");
        }
    }

    fn verify_place(&self) {
        let start = self.ptr as usize;
        assert_eq!(start % usize::from(self.align), 0, "{self}: not aligned");
        assert!(heap::holds(start, self.size()), "{self}: not in the arena");
    }
}

impl core::fmt::Display for Block {
    fn fmt(&self, f: &mut core::fmt::Formatter) -> core::fmt::Result {
        write!(f, "block at {:p}, size {}, align {}", self.ptr, self.size, self.align)
    }
}

/// The allocator under test, and what it holds.
pub struct Replay {
    pub record: Record,
    live_bytes: usize,
    peak_bytes: usize,
    patterns: u32,
}

impl Replay {
    pub fn new(record: Record) -> Self {
        Self { record, live_bytes: 0, peak_bytes: 0, patterns: 0 }
    }

    /// Requested bytes of all live blocks.
    pub fn live_bytes(&self) -> usize {
        self.live_bytes
    }

    /// Starts a workload on an empty heap.
    pub fn clear(&mut self) {
        assert_eq!(self.live_bytes, 0, "the workload before left blocks behind");
        self.record.clear();
        self.peak_bytes = 0;
    }

    pub fn alloc(&mut self, size: usize, align: usize) -> Option<Block> {
        // SAFETY: sizes are not zero, alignments powers of two.
        let ptr = unsafe { counted::alloc(&mut self.record, size, align) };
        self.handed_out(ptr, size, align)
    }

    pub fn alloc_zeroed(&mut self, size: usize, align: usize) -> Option<Block> {
        // SAFETY: sizes are not zero, alignments powers of two.
        let ptr = unsafe { counted::alloc_zeroed(&mut self.record, size, align) };
        let block = Block { ptr, size: size as u32, align: align as u16, pattern: 0 };
        if !ptr.is_null() {
            block.verify_zero();
        }
        self.handed_out(ptr, size, align)
    }

    pub fn dealloc(&mut self, block: Block) {
        block.verify(block.size());
        self.live_bytes -= block.size();
        // SAFETY: the block is live and of this layout.
        unsafe { counted::dealloc(&mut self.record, block.ptr, block.size(), block.align.into()) }
    }

    /// Whether the block could be resized.
    pub fn realloc(&mut self, block: &mut Block, new_size: usize) -> bool {
        let old = *block;
        old.verify(old.size());
        // SAFETY: the block is live and of this layout; the new size is not zero.
        let ptr = unsafe { counted::realloc(&mut self.record, old.ptr, old.size(), old.align.into(), new_size) };
        if ptr.is_null() {
            old.verify(old.size());
            return false;
        }
        block.ptr = ptr;
        block.verify(old.size().min(new_size));
        self.live_bytes -= old.size();
        *block = self.handed_out(ptr, new_size, old.align.into()).unwrap_or(Block::NONE);
        true
    }

    fn handed_out(&mut self, ptr: *mut u8, size: usize, align: usize) -> Option<Block> {
        if ptr.is_null() {
            return None;
        }
        self.patterns += 1;
        let block = Block { ptr, size: size as u32, align: align as u16, pattern: self.patterns };
        block.verify_place();
        block.fill();
        self.live_bytes += size;
        self.peak_bytes = self.peak_bytes.max(self.live_bytes);
        Some(block)
    }

    /// The most requested bytes that were live at once.
    pub fn peak_bytes(&self) -> usize {
        self.peak_bytes
    }
}
