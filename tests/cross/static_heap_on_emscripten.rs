//@ wasm32-unknown-emscripten
// Its memory is the program's own data.
use core::alloc::{GlobalAlloc, Layout};

pub static HEAP: larder::Heap<{ 64 * 1024 }> = larder::Heap::new();

pub fn request(layout: Layout) -> *mut u8 {
    // SAFETY: it is the caller's contract that the size is not zero.
    unsafe { HEAP.alloc(layout) }
}
