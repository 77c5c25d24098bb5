//! A context that holds blocks, and does one thing at random with one of them at each step.

use alloc::boxed::Box;
use core::alloc::Layout;

use larder_suite::{Block, Mailbox, Random, Subject};

/// What was done in a step.
#[derive(Clone, Copy, PartialEq)]
pub enum Step {
    Allocated,
    Resized,
    Freed,
    /// A block that another context had allocated.
    FreedTheirs,
    HandedOver,
    Verified,
    Refused,
    /// There was no room in the mailbox, or nothing in it.
    Nothing,
}

impl Step {
    /// How many different ones there are.
    pub const KINDS: usize = Self::Nothing as usize + 1;
}

/// A context, and what it holds.
pub struct Party<const SLOTS: usize> {
    blocks: [Option<Box<Block>>; SLOTS],
    random: Random,
}

impl<const SLOTS: usize> Party<SLOTS> {
    pub const fn new(seed: u32) -> Self {
        Self { blocks: [const { None }; SLOTS], random: Random::new(seed) }
    }

    /// Does one thing at random. A block, of `longest` bytes at most, may go into the mailbox `theirs`; from `ours` any may be freed.
    pub fn step<const M: usize>(
        &mut self,
        theirs: &Mailbox<Block, M>,
        ours: &Mailbox<Block, M>,
        longest: usize,
    ) -> Step {
        let slot = self.random.range(0, SLOTS);
        let choice = self.random.number() % 8;
        if choice == 0 {
            return ours.take().map_or(Step::Nothing, |_| Step::FreedTheirs);
        }
        match (self.blocks[slot].take(), choice) {
            (None, _) => self.allocate(slot, longest),
            (Some(_), 1..3) => Step::Freed,
            (Some(block), 3) => self.hand_over(slot, block, theirs),
            (Some(block), 4) => {
                block.verify();
                self.blocks[slot] = Some(block);
                Step::Verified
            }
            (Some(block), _) => self.resize(slot, block, longest),
        }
    }

    /// What the blocks that it holds take from the heap, by the heap's own word for each.
    pub fn occupied_bytes(&self, heap: &dyn Subject) -> usize {
        let occupied = |block: &Block| {
            let place: *const Block = block;
            heap.usable_size(block.as_ptr()) + heap.usable_size(place.cast())
        };
        self.blocks.iter().flatten().map(|block| occupied(block)).sum()
    }

    pub fn free_all(&mut self) {
        self.blocks.iter_mut().for_each(|slot| *slot = None);
    }

    fn allocate(&mut self, slot: usize, longest: usize) -> Step {
        let size = self.size(longest);
        let align = 1 << self.random.range(0, 7);
        let layout = Layout::from_size_align(size, align).expect("a layout");
        let block = Block::try_new(layout, self.random.number() as u8);
        self.blocks[slot] = block.and_then(try_box);
        if self.blocks[slot].is_some() { Step::Allocated } else { Step::Refused }
    }

    fn hand_over<const M: usize>(&mut self, slot: usize, block: Box<Block>, theirs: &Mailbox<Block, M>) -> Step {
        self.blocks[slot] = theirs.put(block).err();
        if self.blocks[slot].is_none() { Step::HandedOver } else { Step::Nothing }
    }

    fn resize(&mut self, slot: usize, mut block: Box<Block>, longest: usize) -> Step {
        let granted = block.try_resize(self.size(longest));
        self.blocks[slot] = Some(block);
        if granted { Step::Resized } else { Step::Refused }
    }

    /// Small blocks are asked for more often than large ones.
    fn size(&mut self, longest: usize) -> usize {
        match self.random.number() % 4 {
            0 => self.random.range(1, longest),
            _ => self.random.range(1, longest.min(64)),
        }
    }
}

/// `Box::new` that returns nothing when the heap refuses.
fn try_box(block: Block) -> Option<Box<Block>> {
    // SAFETY: a block is not of size zero.
    let place = unsafe { alloc::alloc::alloc(Layout::new::<Block>()) }.cast::<Block>();
    if place.is_null() {
        return None;
    }
    // SAFETY: the place is ours and fits; it came from the global allocator with the layout that a box frees it with.
    unsafe {
        place.write(block);
        Some(Box::from_raw(place))
    }
}
