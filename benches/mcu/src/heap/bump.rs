//! The floor: a pointer that only moves up, for one context. Nothing is ever given back, so it has more memory than the
//! others.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const BYTES: usize = 2560 * 1024;

pub const LOCK: &str = "none";
pub static HEAP: Bump = Bump { used: AtomicUsize::new(0) };

static ARENA: Arena = Arena(UnsafeCell::new([0; BYTES]));

#[repr(C, align(4096))]
struct Arena(UnsafeCell<[u8; BYTES]>);

// SAFETY: one context allocates, and `used` hands every byte out once.
unsafe impl Sync for Arena {}

pub struct Bump {
    used: AtomicUsize,
}

pub fn init() {}

pub fn memory() -> (usize, usize) {
    (ARENA.0.get() as usize, BYTES)
}

// SAFETY: `used` only grows, so blocks do not overlap; offsets are aligned within an arena aligned to 4096.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = (self.used.load(Relaxed) + layout.align() - 1) & !(layout.align() - 1);
        if layout.size() > BYTES - start {
            return ptr::null_mut();
        }
        self.used.store(start + layout.size(), Relaxed);
        // SAFETY: start + size <= BYTES.
        unsafe { ARENA.0.get().cast::<u8>().add(start) }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
