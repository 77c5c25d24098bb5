//! A module with a small heap and next to nothing else, so that whoever builds it can choose, by the length of its stack, how far its own
//! memory reaches.
#![no_std]

use core::alloc::{GlobalAlloc, Layout};

static HEAP: larder::wasm::Small = larder::wasm::Small::new();

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

/// The address of a block that stays, or 0.
#[unsafe(no_mangle)]
extern "C" fn request(bytes: usize, align: usize) -> usize {
    let Ok(layout) = Layout::from_size_align(bytes, align) else { return 0 };
    // SAFETY: the size is not zero.
    unsafe {
        let block = HEAP.alloc(layout);
        if !block.is_null() {
            block.write_bytes(0xFF, bytes);
        }
        block.addr()
    }
}

/// The longest block that there could be now; traps if anything is wrong.
#[unsafe(no_mangle)]
extern "C" fn largest_free() -> usize {
    HEAP.check().unwrap();
    HEAP.stats().largest_free_bytes.unwrap()
}
