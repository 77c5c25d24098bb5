//! `alloc_zeroed` and `realloc`.

use alloc::vec::Vec;
use core::alloc::Layout;

use crate::{Block, Random, Subject};

pub fn zeroed(heap: &dyn Subject) {
    for size in [8, 60, 300, 2000] {
        drop(Block::new(size, 8, 0xA5));
        let layout = Layout::from_size_align(size, 8).expect("a layout");
        // SAFETY: the size is not zero; every byte is initialised, to zero if the heap keeps its word.
        let bytes = unsafe {
            let block = heap.alloc_zeroed(layout);
            assert!(!block.is_null());
            core::slice::from_raw_parts_mut(block, size)
        };
        assert!(bytes.iter().all(|&byte| byte == 0));
        bytes.fill(0xFF);
        // SAFETY: the block is live with this layout.
        unsafe { heap.dealloc(bytes.as_mut_ptr(), layout) };
    }
}

pub fn walk(heap: &dyn Subject) {
    let mut block = Block::new(1, 8, 7);
    // Old block, neighbour and new block at once, with holes between them.
    let largest = (heap.stats().arena_bytes / 4).min(2500);
    for size in [2, 8, 9, 64, 65, 200, 900, largest, 1200, 300, 65, 64, 30, 1] {
        let neighbour = Block::new(size, 8, 8);
        assert!(block.try_resize(size), "{size} bytes are refused");
        heap.assert_sound();
        drop(neighbour);
    }
}

pub fn refused(heap: &dyn Subject) {
    for size in [16, 500] {
        let mut block = Block::new(size, 8, 3);
        assert!(!block.try_resize(heap.stats().arena_bytes));
        heap.assert_sound();
    }
}

pub fn churn(heap: &dyn Subject) {
    let mut random = Random::new(3);
    let mut blocks: Vec<Option<Block>> = (0..24).map(|_| None).collect();
    for step in 0..2000_u32 {
        let slot = &mut blocks[random.range(0, 24)];
        let longest = 1 << random.range(3, 10);
        let size = random.range(1, longest);
        match slot {
            Some(block) if random.number() % 2 == 0 => drop(block.try_resize(size)),
            Some(_) => *slot = None,
            None => *slot = Block::try_new(Layout::from_size_align(size, 8).expect("a layout"), step as u8),
        }
        if step % 50 == 0 {
            heap.assert_sound();
        }
    }
}
