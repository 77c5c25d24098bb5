//! Does what programs ask, on a subject, and knows every live block.

use crate::arena::Arena;
use crate::op::Op;
use crate::subjects::Subject;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::ptr::null_mut;

/// Alignment of every request.
const ALIGN: usize = 8;

/// The layout of a request.
pub fn layout(bytes: u32) -> Layout {
    Layout::from_size_align(bytes as usize, ALIGN).expect("a request is smaller than the address space")
}

#[derive(Clone, Copy)]
struct Block {
    start: *mut u8,
    bytes: u32,
}

const NONE: Block = Block { start: null_mut(), bytes: 0 };

/// What came of one op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// Served: the block, by its offset in the arena.
    Served {
        offset: u32,
        bytes: u32,
    },
    /// Freed: where it was.
    Freed {
        offset: u32,
        bytes: u32,
    },
    Refused {
        bytes: u32,
    },
    /// There was no block to resize or free: its allocation had been refused.
    Skipped,
}

/// What was done so far.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    pub calls: u32,
    pub refused: u32,
    /// Blocks whose contents were not what was written into them.
    pub damaged: u32,
    /// Bytes that are live now, as asked for.
    pub requested_bytes: u32,
}

pub struct Runner<S> {
    // Dropped before its arena.
    pub subject: S,
    pub arena: Arena,
    pub counts: Counts,
    blocks: Vec<Block>,
}

impl<S: Subject> Runner<S> {
    pub fn new(arena_bytes: u32) -> Self {
        let arena = Arena::new(arena_bytes);
        // SAFETY: the arena is new, and is dropped after the subject.
        let subject = unsafe { S::new(arena.start(), arena.bytes()) };
        Self { subject, arena, counts: Counts::default(), blocks: Vec::new() }
    }

    pub fn run(&mut self, op: Op) -> Done {
        match op {
            Op::Alloc { slot, bytes } => self.alloc(slot as usize, bytes),
            Op::Resize { slot, bytes } => self.resize(slot as usize, bytes),
            Op::Free { slot } => self.free(slot as usize),
        }
    }

    /// Room in the books for such slots, so that no op has to make it.
    pub fn reserve(&mut self, ops: &[Op]) {
        let slots = ops.iter().map(|op| op.slot() as usize + 1).max().unwrap_or(0);
        self.blocks.resize(slots.max(self.blocks.len()), NONE);
    }

    /// Live blocks: offset and bytes.
    pub fn live(&self) -> impl Iterator<Item = (u32, u32)> {
        let live = self.blocks.iter().filter(|block| !block.start.is_null());
        live.map(|block| (self.arena.offset_of(block.start), block.bytes))
    }

    fn alloc(&mut self, slot: usize, bytes: u32) -> Done {
        if slot >= self.blocks.len() {
            self.blocks.resize(slot + 1, NONE);
        }
        self.counts.calls += 1;
        // SAFETY: the size is not zero.
        let start = unsafe { self.subject.alloc(layout(bytes)) };
        self.blocks[slot] = NONE;
        if start.is_null() {
            self.counts.refused += 1;
            return Done::Refused { bytes };
        }
        self.keep(slot, Block { start, bytes })
    }

    fn free(&mut self, slot: usize) -> Done {
        let Some(block) = self.take(slot) else { return Done::Skipped };
        self.counts.calls += 1;
        // SAFETY: the block is live, and this is its layout.
        unsafe { self.subject.dealloc(block.start, layout(block.bytes)) };
        Done::Freed { offset: self.arena.offset_of(block.start), bytes: block.bytes }
    }

    fn resize(&mut self, slot: usize, bytes: u32) -> Done {
        let Some(block) = self.take(slot) else { return Done::Skipped };
        self.counts.calls += 1;
        // SAFETY: the block is live, this is its layout, and the new size is not zero.
        let start = unsafe { self.subject.realloc(block.start, layout(block.bytes), bytes as usize) };
        if start.is_null() {
            self.counts.refused += 1;
            self.keep(slot, block);
            return Done::Refused { bytes };
        }
        self.keep(slot, Block { start, bytes })
    }

    fn keep(&mut self, slot: usize, block: Block) -> Done {
        self.blocks[slot] = block;
        self.counts.requested_bytes += block.bytes;
        let (first, last) = stamps(slot);
        // SAFETY: the block is ours, and has so many bytes.
        unsafe {
            block.start.write(first);
            block.start.add(block.bytes as usize - 1).write(if block.bytes == 1 { first } else { last });
        }
        Done::Served { offset: self.arena.offset_of(block.start), bytes: block.bytes }
    }

    /// Takes a block out of the books, and looks whether it is as it was left.
    fn take(&mut self, slot: usize) -> Option<Block> {
        let block = core::mem::replace(self.blocks.get_mut(slot)?, NONE);
        if block.start.is_null() {
            return None;
        }
        self.counts.requested_bytes -= block.bytes;
        let (first, last) = stamps(slot);
        // SAFETY: the block is live and has so many bytes, of which `keep` wrote the first and the last.
        let whole = unsafe {
            block.start.read() == first
                && (block.bytes == 1 || block.start.add(block.bytes as usize - 1).read() == last)
        };
        self.counts.damaged += u32::from(!whole);
        Some(block)
    }

    /// The largest request that succeeds now, found by asking.
    pub fn largest_free(&mut self) -> u32 {
        let (mut fits, mut refused) = (0, self.arena.bytes() as u32 / 8 + 1);
        while refused - fits > 1 {
            let eighths = fits + (refused - fits) / 2;
            // SAFETY: the size is not zero, and the block is freed with the same layout.
            unsafe {
                let block = self.subject.alloc(layout(eighths * 8));
                if block.is_null() {
                    refused = eighths;
                } else {
                    self.subject.dealloc(block, layout(eighths * 8));
                    fits = eighths;
                }
            }
        }
        fits * 8
    }
}

/// What the first and the last byte of a slot's block hold.
fn stamps(slot: usize) -> (u8, u8) {
    let mixed = (slot as u32).wrapping_mul(0x9E37_79B9);
    ((mixed >> 24) as u8, (mixed >> 16) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mixer::Mixer;
    use crate::subjects::{Dlmalloc, Larder, LinkedList, Talc};
    use crate::workloads::WORKLOADS;

    fn everything_comes_back<S: Subject>() {
        let mut mixer = Mixer::new(1 << 16, 3);
        (0..WORKLOADS).for_each(|program| mixer.set_weight(program, 1));
        mixer.set_fill(120);
        let mut runner = Runner::<S>::new(1 << 16);
        let fresh = runner.largest_free();
        assert!(fresh > 50_000, "{fresh}");
        for _ in 0..50_000 {
            runner.run(mixer.next_op().unwrap());
        }
        assert!(runner.counts.refused > 0);
        assert_eq!(runner.live().map(|(_, bytes)| bytes).sum::<u32>(), runner.counts.requested_bytes);
        (0..WORKLOADS).for_each(|program| mixer.set_weight(program, 0));
        while let Some(op) = mixer.next_op() {
            runner.run(op);
        }
        assert_eq!((runner.counts.damaged, runner.live().count()), (0, 0));
        assert_eq!(runner.largest_free(), fresh);
    }

    #[test]
    fn larder_serves_the_programs() {
        everything_comes_back::<Larder>();
    }

    #[test]
    fn its_peers_serve_the_same_programs() {
        everything_comes_back::<Talc>();
        everything_comes_back::<Dlmalloc>();
        everything_comes_back::<LinkedList>();
    }

    #[test]
    fn a_block_that_was_written_to_is_noticed() {
        let mut runner = Runner::<Larder>::new(1 << 16);
        let Done::Served { offset, .. } = runner.run(Op::Alloc { slot: 5, bytes: 40 }) else { panic!("refused") };
        // SAFETY: inside the arena.
        unsafe { *runner.arena.start().add(offset as usize) ^= 1 };
        runner.run(Op::Free { slot: 5 });
        assert_eq!(runner.counts.damaged, 1);
    }
}
