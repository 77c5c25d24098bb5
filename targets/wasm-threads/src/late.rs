//! A worker that is busy while another gets memory, and then uses the heap: its instance may not know yet how long the memory is.
#![cfg(feature = "larder")]

use crate::HEAP;
use core::alloc::{GlobalAlloc, Layout};
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering::*};

/// More than the memory has at first, so that each block gets it an extent.
const BLOCK: Layout = Layout::new::<[u64; 1 << 19]>();
const LONGER: Layout = Layout::new::<[u64; 1 << 20]>();
const SMALL: Layout = Layout::new::<[u64; 3]>();

/// How far the two are: 0, [`BUSY`], [`GROWN`], and 0 again.
static STAGE: AtomicU32 = AtomicU32::new(0);
const BUSY: u32 = 1;
const GROWN: u32 = 2;

/// A block of the last extent but one.
static HANDED: AtomicPtr<u8> = AtomicPtr::new(core::ptr::null_mut());

/// Some seconds: a worker that failed will not come.
const TURNS: u32 = 1 << 30;

/// Waits in a loop without a call.
#[inline(always)]
fn await_stage(stage: u32) {
    for _ in 0..TURNS {
        // Acquire: pairs with the Release of the worker that got there.
        if STAGE.load(Acquire) == stage {
            return;
        }
        core::hint::spin_loop();
    }
    panic!("the other worker does not come to stage {stage}");
}

/// Gets the heap two extents while another worker is in [`act_late`], to whom it leaves a block.
#[unsafe(no_mangle)]
extern "C" fn grow_meanwhile() {
    await_stage(BUSY);
    // SAFETY: sizes are not zero; the other worker frees the first block, and the second is freed as what it is.
    unsafe {
        let block = HEAP.alloc(BLOCK);
        let second = HEAP.alloc(BLOCK);
        assert!(!block.is_null() && !second.is_null());
        HANDED.store(block, Relaxed);
        STAGE.store(GROWN, Release);
        await_stage(0);
        HEAP.dealloc(second, BLOCK);
    }
}

/// Waits until another worker has got memory, and then does one thing first, which `test.mjs` names.
#[unsafe(no_mangle)]
extern "C" fn act_late(act: u32) {
    STAGE.store(BUSY, Relaxed);
    await_stage(GROWN);
    let mut block = HANDED.load(Relaxed);
    let mut layout = BLOCK;
    // SAFETY: sizes are not zero; each block is freed once, as what it is; the word is in the middle of a block that is ours.
    unsafe {
        match act {
            0 => {
                let small = HEAP.alloc(SMALL);
                assert!(!small.is_null());
                HEAP.dealloc(small, SMALL);
            }
            1 => {
                HEAP.dealloc(block, BLOCK);
                block = HEAP.alloc(BLOCK);
                assert!(!block.is_null());
            }
            2 => {
                layout = LONGER;
                block = HEAP.realloc(block, BLOCK, LONGER.size());
                assert!(!block.is_null());
            }
            3 => {
                assert!(HEAP.contains(block));
                AtomicU32::from_ptr(block.add(BLOCK.size() / 2).cast()).store(1, Relaxed);
            }
            4 => assert_eq!(HEAP.usable_size(block), BLOCK.size()),
            5 => assert_eq!(HEAP.extents(), 3),
            6 => assert!(HEAP.stats().live_bytes >= 2 * BLOCK.size()),
            7 => assert_eq!(HEAP.check(), Ok(())),
            8 => HEAP.trim(),
            9 => assert!(HEAP.walk(|_| ())),
            _ => unreachable!("no act {act}"),
        }
        HEAP.dealloc(block, layout);
    }
    STAGE.store(0, Release);
}
