//! A module with a heap and next to nothing else. It writes one word of each block at most, so that the host's machine
//! need not have all of the memory.
#![no_std]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::ptr::null_mut;

static HEAP: larder::wasm::Heap = larder::wasm::Heap::new();

/// Blocks that are held: each begins with the address of the next.
struct Held(Cell<*mut u8>);

// SAFETY: one thread uses the module, also where others could.
unsafe impl Sync for Held {}

static HELD: Held = Held(Cell::new(null_mut()));

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 8).unwrap()
}

/// The address of a block, or 0.
#[unsafe(no_mangle)]
extern "C" fn request(bytes: usize) -> usize {
    // SAFETY: the size is not zero.
    unsafe { HEAP.alloc(layout(bytes)) }.addr()
}

/// Frees such a block.
#[unsafe(no_mangle)]
extern "C" fn release(block: usize, bytes: usize) {
    // SAFETY: the host passes what `request` returned, once.
    unsafe { HEAP.dealloc(core::ptr::with_exposed_provenance_mut(block), layout(bytes)) };
}

/// The address of such a block with another size, or 0.
#[unsafe(no_mangle)]
extern "C" fn resize(block: usize, bytes: usize, new: usize) -> usize {
    // SAFETY: as in `release`; the size is not zero.
    unsafe { HEAP.realloc(core::ptr::with_exposed_provenance_mut(block), layout(bytes), new) }.addr()
}

/// Takes so many blocks at most, as long as there are some. Returns how many.
#[unsafe(no_mangle)]
extern "C" fn hold(bytes: usize, most: u32) -> u32 {
    for count in 0..most {
        // SAFETY: the size is not zero, and has room for an address.
        unsafe {
            let block = HEAP.alloc(layout(bytes));
            if block.is_null() {
                return count;
            }
            block.cast::<*mut u8>().write(HELD.0.replace(block));
        }
    }
    most
}

/// Frees all of them.
#[unsafe(no_mangle)]
extern "C" fn let_go(bytes: usize) {
    while !HELD.0.get().is_null() {
        let block = HELD.0.get();
        // SAFETY: `hold` took it with this layout, and it is freed once.
        unsafe {
            HELD.0.set(block.cast::<*mut u8>().read());
            HEAP.dealloc(block, layout(bytes));
        }
    }
}

/// After all blocks were freed: traps unless everything is as it should be, and one run in each extent.
#[unsafe(no_mangle)]
extern "C" fn verify_empty() {
    HEAP.trim();
    HEAP.check().unwrap();
    let stats = HEAP.stats();
    assert_eq!((stats.live_bytes, stats.free_runs), (0, HEAP.extents()));
}

#[unsafe(no_mangle)]
extern "C" fn extents() -> usize {
    HEAP.extents()
}

/// Wasm's pages.
#[unsafe(no_mangle)]
extern "C" fn pages_grown() -> u32 {
    HEAP.pages_grown()
}
