//! What a context holds.

use core::alloc::Layout;

use larder_suite::Block;

/// More than any context ever has at a time.
const SLOTS: usize = 32;

/// Blocks, and how often one was refused.
pub struct Party {
    blocks: [Option<Block>; SLOTS],
    pub refused: u32,
    seed: u8,
}

impl Party {
    /// Seeds should be far apart: no block's contents should pass for another's.
    pub const fn new(seed: u8) -> Self {
        Self { blocks: [const { None }; SLOTS], refused: 0, seed }
    }

    /// Forgets everything. For when the heap was reset.
    pub fn forget(&mut self) {
        self.blocks.iter_mut().for_each(|slot| core::mem::forget(slot.take()));
        self.refused = 0;
    }

    /// Asks for a block and keeps it. `false`: it was refused.
    pub fn add(&mut self, size: usize) -> bool {
        let block = Block::try_new(layout(size, 8), self.next_seed());
        let is_granted = block.is_some();
        self.refused += u32::from(!is_granted);
        block.into_iter().for_each(|block| self.keep(block));
        is_granted
    }

    /// Asks for so many of a size, as long as there are any.
    pub fn add_many(&mut self, count: usize, size: usize) {
        (0..count).all(|_| self.add(size));
    }

    /// Asks for a block that has to be had, for the caller.
    pub fn get(&mut self, size: usize) -> Block {
        Block::new(size, 8, self.next_seed())
    }

    pub fn keep(&mut self, block: Block) {
        let slot = self.blocks.iter_mut().find(|slot| slot.is_none());
        *slot.expect("a party has room") = Some(block);
    }

    /// The latest of at least so many bytes and at most as many.
    pub fn take(&mut self, least: usize, most: usize) -> Option<Block> {
        let is_right = |block: &Block| (least..=most).contains(&block.layout().size());
        self.blocks.iter_mut().rev().find(|slot| slot.as_ref().is_some_and(is_right))?.take()
    }

    /// Changes the size of a block of about so many bytes.
    pub fn resize(&mut self, least: usize, most: usize, size: usize) {
        if let Some(mut block) = self.take(least, most) {
            self.refused += u32::from(!block.try_resize(size));
            self.keep(block);
        }
    }

    pub fn free_all(&mut self) {
        self.blocks.iter_mut().for_each(|slot| *slot = None);
    }

    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().flatten()
    }

    pub fn next_seed(&mut self) -> u8 {
        self.seed = self.seed.wrapping_add(37);
        self.seed
    }
}

pub fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("a layout")
}
