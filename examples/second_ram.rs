//! Two memories, one heap: a `Region` over a small fast RAM and a large slow one.
//!
//! On a microcontroller the two would be linker symbols, `claim(&raw mut _sram2, len)`; here they are two statics.
//! Requests go to the memory that was claimed first, and to the next when it has no room.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;

use larder::{ClaimError, Region};

/// Memory that only the region uses.
#[repr(align(256))]
struct Ram<const BYTES: usize>(UnsafeCell<[u8; BYTES]>);

// SAFETY: nobody but the region looks inside.
unsafe impl<const BYTES: usize> Sync for Ram<BYTES> {}

impl<const BYTES: usize> Ram<BYTES> {
    const fn new() -> Self {
        Self(UnsafeCell::new([0xA5; BYTES]))
    }

    fn start(&self) -> *mut u8 {
        self.0.get().cast()
    }
}

static FAST: Ram<{ 4 * 1024 }> = Ram::new();
static SLOW: Ram<{ 32 * 1024 }> = Ram::new();
static REGION: Region = Region::new();

fn main() -> Result<(), ClaimError> {
    // SAFETY: both memories are the region's alone, for ever, and nobody else claims at the same time.
    unsafe {
        REGION.claim(FAST.start(), 4 * 1024)?;
        REGION.claim(SLOW.start(), 32 * 1024)?;
    }
    // SAFETY: as above; the region refuses what it has already.
    let again = unsafe { REGION.claim(FAST.start(), 4 * 1024) };
    assert_eq!(again, Err(ClaimError::Twice));

    let layout = Layout::from_size_align(1024, 8).expect("a valid layout");
    let blocks: Vec<*mut u8> = (0..20).map(|_| allocate(layout)).collect();
    let fast = blocks.iter().filter(|block| is_in(&FAST, **block)).count();
    println!(
        "of {} blocks of 1 KiB, {fast} are in the fast RAM, {} in the slow one\n",
        blocks.len(),
        blocks.len() - fast
    );
    assert!(fast > 0 && fast < blocks.len(), "both memories serve");
    println!("{}", REGION.stats());

    for block in blocks {
        // SAFETY: allocated above with the same layout, freed once.
        unsafe { REGION.dealloc(block, layout) };
    }
    REGION.trim();
    assert_eq!(REGION.stats().live_bytes, 0);
    assert_eq!(REGION.check(), Ok(()));
    Ok(())
}

fn allocate(layout: Layout) -> *mut u8 {
    // SAFETY: the size is not zero.
    let block = unsafe { REGION.alloc(layout) };
    assert!(REGION.contains(block), "the region has room");
    block
}

fn is_in<const BYTES: usize>(ram: &Ram<BYTES>, block: *mut u8) -> bool {
    block.addr().wrapping_sub(ram.start().addr()) < BYTES
}
