//! What a context holds.

use core::alloc::Layout;

use alloc::boxed::Box;
use larder_suite::{Block, Mailbox};

/// More than any context ever has at a time.
const SLOTS: usize = 40;

/// Blocks, how often one was refused, and how many releases have to be found wrong.
pub struct Party {
    blocks: [Option<Block>; SLOTS],
    pub refused: u32,
    pub wrong_frees: u32,
    seed: u8,
}

impl Party {
    /// Seeds should be far apart: no block's contents should pass for another's.
    pub const fn new(seed: u8) -> Self {
        Self { blocks: [const { None }; SLOTS], refused: 0, wrong_frees: 0, seed }
    }

    /// Forgets everything. For when the heap was reset.
    pub fn forget(&mut self) {
        self.blocks.iter_mut().for_each(|slot| core::mem::forget(slot.take()));
        (self.refused, self.wrong_frees) = (0, 0);
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

    /// Puts the latest block of about so many bytes where any context may take it.
    pub fn post(&mut self, post: &Mailbox<Block, 4>, least: usize, most: usize) {
        let Some(block) = self.take(least, most) else { return };
        match try_box(block) {
            // No room: it is freed.
            Ok(letter) => drop(post.put(letter)),
            Err(block) => {
                self.refused += 1;
                self.keep(block);
            }
        }
    }

    pub fn free_all(&mut self) {
        self.free_if(|_| true);
    }

    pub fn free_if(&mut self, is_wanted: impl Fn(&Block) -> bool) {
        let wanted = self.blocks.iter_mut().filter(|slot| slot.as_ref().is_some_and(&is_wanted));
        wanted.for_each(|slot| *slot = None);
    }

    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().flatten()
    }

    pub fn next_seed(&mut self) -> u8 {
        self.seed = self.seed.wrapping_add(37);
        self.seed
    }
}

/// `Box::new`, or the block back when the heap refuses.
fn try_box(block: Block) -> Result<Box<Block>, Block> {
    // SAFETY: a block is not of size zero.
    let place = unsafe { alloc::alloc::alloc(Layout::new::<Block>()) }.cast::<Block>();
    if place.is_null() {
        return Err(block);
    }
    // SAFETY: the place is ours and fits; it came from the global allocator with the layout that a box frees it with.
    unsafe {
        place.write(block);
        Ok(Box::from_raw(place))
    }
}

pub fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("a layout")
}
