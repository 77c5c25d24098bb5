//! The books of the programs: which slots they use, and how many bytes they asked for.

use crate::op::Op;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Programs ask here; what they ask becomes a queue of ops. Whether an allocator will serve them is not known here, so
/// the ops are the same for every one.
#[derive(Default)]
pub struct World {
    ops: VecDeque<Op>,
    /// Bytes by slot; 0: vacant.
    bytes: Vec<u32>,
    vacant: Vec<u32>,
}

/// A block, as its program knows it.
#[derive(Debug, PartialEq, Eq)]
pub struct Slot(u32);

impl World {
    pub fn alloc(&mut self, bytes: u32) -> Slot {
        let bytes = bytes.max(1);
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.bytes.push(0);
            self.bytes.len() as u32 - 1
        });
        self.bytes[slot as usize] = bytes;
        self.ops.push_back(Op::Alloc { slot, bytes });
        Slot(slot)
    }

    pub fn resize(&mut self, slot: &Slot, bytes: u32) {
        let bytes = bytes.max(1);
        self.bytes[slot.0 as usize] = bytes;
        self.ops.push_back(Op::Resize { slot: slot.0, bytes });
    }

    pub fn free(&mut self, slot: Slot) {
        self.bytes[slot.0 as usize] = 0;
        self.vacant.push(slot.0);
        self.ops.push_back(Op::Free { slot: slot.0 });
    }

    pub fn bytes_of(&self, slot: &Slot) -> u32 {
        self.bytes[slot.0 as usize]
    }

    /// The next op of the queue.
    pub fn take(&mut self) -> Option<Op> {
        self.ops.pop_front()
    }
}
