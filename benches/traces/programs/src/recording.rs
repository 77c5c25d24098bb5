//! The allocator that tells the host of every request.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};

#[link(wasm_import_module = "trace")]
unsafe extern "C" {
    safe fn record(kind: u32, address: *mut u8, size: usize, align: usize, new_address: *mut u8);
    safe fn complain(start: *const u8, bytes: usize);
}

/// What the host is told; the numbers of the trace format.
#[repr(u32)]
enum Kind {
    Alloc = 0,
    AllocZeroed = 1,
    Realloc = 2,
    Dealloc = 3,
}

static RECORDING: AtomicBool = AtomicBool::new(false);

#[global_allocator]
static ALLOCATOR: Recording = Recording;

/// std's allocator, with the host listening.
struct Recording;

fn tell(kind: Kind, address: *mut u8, layout: Layout, new_address: *mut u8) {
    if RECORDING.load(Ordering::Relaxed) {
        record(kind as u32, address, layout.size(), layout.align(), new_address);
    }
}

// SAFETY: every method forwards to `System`, which keeps the contract.
unsafe impl GlobalAlloc for Recording {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract is System's.
        let block = unsafe { System.alloc(layout) };
        tell(Kind::Alloc, block, layout, core::ptr::null_mut());
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract is System's.
        let block = unsafe { System.alloc_zeroed(layout) };
        tell(Kind::AllocZeroed, block, layout, core::ptr::null_mut());
        block
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's contract is System's.
        let moved = unsafe { System.realloc(block, layout, new_size) };
        // SAFETY: the caller promises that `new_size` rounds up to a size that a layout can have.
        tell(Kind::Realloc, block, unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) }, moved);
        moved
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        tell(Kind::Dealloc, block, layout, core::ptr::null_mut());
        // SAFETY: the caller's contract is System's.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Runs `work` with its requests recorded. What it returns is dropped unrecorded, so it may stay live in the trace.
pub fn recorded<T>(work: impl FnOnce() -> T) -> T {
    RECORDING.store(true, Ordering::Relaxed);
    let result = work();
    RECORDING.store(false, Ordering::Relaxed);
    result
}

/// Lets the host print the message of a panic.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.to_string();
        complain(message.as_ptr(), message.len());
    }));
}
