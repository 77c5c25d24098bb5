//! C's `malloc` and its kin on a heap, for a library that is linked in and brings no allocator: `free` has no layout, so it makes one of
//! what `usable_size` says.
//!
//! In firmware, each function gets `#[unsafe(no_mangle)]` and the name that C knows. Here they have a prefix, or all of this process would use
//! them, the operating system's part of it included.
//!
//! ```sh
//! cargo run --example c_malloc
//! ```

use core::alloc::{GlobalAlloc, Layout};
use core::ffi::c_void;
use core::ptr::null_mut;
use larder::Heap;

/// The heap's type. Handlers of interrupts may call C as well: `policy::Default`, with a critical section, or `Try`.
pub type CHeap = Heap<{ 256 * 1024 }>;

/// All of C's blocks.
pub static HEAP: CHeap = Heap::new();

/// The alignment of C's `max_align_t`.
pub const MAX_ALIGN: usize = 2 * align_of::<*mut c_void>();

/// A layout for C: 0 bytes are a block too. `None`: it is no size.
fn layout(size: usize, align: usize) -> Option<Layout> {
    Layout::from_size_align(size.max(1), align).ok()
}

/// The layout of a live block: what it occupies. What is no live block becomes 1 byte, for `dealloc` to count and tell as a wrong free.
fn layout_of(block: *mut c_void) -> Layout {
    let size = HEAP.usable_size(block.cast()).max(1);
    // SAFETY: the alignment is a power of two, and no block is nearly as long as the address space.
    unsafe { Layout::from_size_align_unchecked(size, MAX_ALIGN) }
}

/// `malloc`
pub extern "C" fn larder_malloc(size: usize) -> *mut c_void {
    // SAFETY: no layout here is of 0 bytes.
    layout(size, MAX_ALIGN).map_or(null_mut(), |layout| unsafe { HEAP.alloc(layout) }.cast())
}

/// `calloc`
pub extern "C" fn larder_calloc(count: usize, size: usize) -> *mut c_void {
    let layout = count.checked_mul(size).and_then(|bytes| layout(bytes, MAX_ALIGN));
    // SAFETY: as in `larder_malloc`.
    layout.map_or(null_mut(), |layout| unsafe { HEAP.alloc_zeroed(layout) }.cast())
}

/// `aligned_alloc`, for any power of two.
pub extern "C" fn larder_aligned_alloc(align: usize, size: usize) -> *mut c_void {
    // SAFETY: as in `larder_malloc`.
    layout(size, align.max(MAX_ALIGN)).map_or(null_mut(), |layout| unsafe { HEAP.alloc(layout) }.cast())
}

/// `realloc`
///
/// # Safety
///
/// The block is null, or live and the caller's.
pub unsafe extern "C" fn larder_realloc(block: *mut c_void, size: usize) -> *mut c_void {
    if block.is_null() {
        return larder_malloc(size);
    }
    if layout(size, MAX_ALIGN).is_none() {
        return null_mut();
    }
    // SAFETY: the caller's promise; the new size is one for this alignment.
    unsafe { HEAP.realloc(block.cast(), layout_of(block), size.max(1)) }.cast()
}

/// `free`
///
/// # Safety
///
/// The block is null, or live and the caller's.
pub unsafe extern "C" fn larder_free(block: *mut c_void) {
    if !block.is_null() {
        // SAFETY: the caller's promise.
        unsafe { HEAP.dealloc(block.cast(), layout_of(block)) }
    }
}

/// `malloc_usable_size`: all of these bytes are the caller's. The heap only ever asks for a layout of as many.
pub extern "C" fn larder_malloc_usable_size(block: *const c_void) -> usize {
    HEAP.usable_size(block.cast())
}

/// What a C library might do: a string that grows, a table of zeros, a buffer for a peripheral.
#[allow(dead_code, reason = "a test includes this file")]
fn main() {
    // SAFETY: blocks are live, this function's, as long as is written to them, and freed once.
    unsafe {
        let mut text = larder_malloc(1).cast::<u8>();
        for len in 0..5000 {
            if larder_malloc_usable_size(text.cast()) == len {
                text = larder_realloc(text.cast(), len + len / 2 + 1).cast();
                assert!(!text.is_null());
            }
            text.add(len).write(b'a' + (len % 26) as u8);
        }
        assert!((0..5000).all(|at| text.add(at).read() == b'a' + (at % 26) as u8));

        let table = larder_calloc(100, 40).cast::<u8>();
        assert!((0..4000).all(|at| table.add(at).read() == 0));
        assert!(larder_calloc(usize::MAX / 8, 16).is_null());

        let buffer = larder_aligned_alloc(1024, 300);
        assert_eq!(buffer.addr() % 1024, 0);

        for block in [text.cast(), table.cast(), buffer, larder_malloc(0), null_mut()] {
            larder_free(block);
        }
    }
    HEAP.trim();
    let stats = HEAP.stats();
    assert_eq!((stats.live_bytes, stats.free_runs, stats.wrong_frees), (0, 1, 0));
    println!("{stats}");
}
