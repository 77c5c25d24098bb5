//! A program of the standard collections, through the binary's `#[global_allocator]`: once with nothing but the program
//! counted, once with each call.

use super::Bench;
use crate::calls::{counted, uncounted};
use crate::count;
use crate::program;
use crate::record::Record;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

/// Where calls are taken down; null while they are not.
static RECORD: AtomicPtr<Record> = AtomicPtr::new(ptr::null_mut());

/// The binary's global allocator: the allocator under test, with each call counted when that is asked for.
pub struct Counted;

fn record() -> Option<&'static mut Record> {
    // SAFETY: one thread; set by `run` for as long as it does not use the record itself.
    unsafe { RECORD.load(Relaxed).as_mut() }
}

// SAFETY: every call is passed on with the same arguments.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: in both arms the caller's contract, passed on.
        match record() {
            Some(record) => unsafe { counted::alloc(record, layout.size(), layout.align()) },
            None => unsafe { uncounted::alloc(layout.size(), layout.align()) },
        }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: in both arms the caller's contract, passed on.
        match record() {
            Some(record) => unsafe { counted::dealloc(record, ptr, layout.size(), layout.align()) },
            None => unsafe { uncounted::dealloc(ptr, layout.size(), layout.align()) },
        }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: in both arms the caller's contract, passed on.
        match record() {
            Some(record) => unsafe { counted::realloc(record, ptr, layout.size(), layout.align(), new_size) },
            None => unsafe { uncounted::realloc(ptr, layout.size(), layout.align(), new_size) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: in both arms the caller's contract, passed on.
        match record() {
            Some(record) => unsafe { counted::alloc_zeroed(record, layout.size(), layout.align()) },
            None => unsafe { uncounted::alloc_zeroed(layout.size(), layout.align()) },
        }
    }
}

pub fn run(bench: &mut Bench) {
    bench.begin();
    // SAFETY: takes nothing.
    let (result, total) = unsafe { count::call(program::run as *const (), [0; 4]) };

    bench.begin();
    RECORD.store(&raw mut bench.replay.record, Relaxed);
    let again = program::run();
    RECORD.store(ptr::null_mut(), Relaxed);
    assert_eq!(result, again as usize, "the program came to another result the second time");

    bench.end("collections", "collections", &[("instructions", total.into()), ("result", result as u64)]);
}
