//! The smallest firmware that allocates, frees and resizes, for its size. What it has more than the one with the feature
//! `none` is the allocator: its start-up, `alloc`, `dealloc` and `realloc`.
#![no_std]
#![no_main]

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;
use core::ptr;
use cortex_m as _;
use cortex_m_rt::entry;
use larder_bench_mcu::heap::{self, Global};

#[global_allocator]
static GLOBAL: Global = Global;

/// Inputs that the compiler cannot know, and a place for results.
static mut WORDS: [usize; 4] = [0; 4];

/// What every firmware has anyway: no allocator is charged for copying and zeroing.
#[cfg(not(feature = "charged"))]
mod common {
    unsafe extern "C" {
        fn memcpy(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8;
        fn memmove(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8;
        fn __aeabi_memcpy(to: *mut u8, from: *const u8, bytes: usize);
        fn __aeabi_memcpy4(to: *mut u8, from: *const u8, bytes: usize);
        fn __aeabi_memcpy8(to: *mut u8, from: *const u8, bytes: usize);
        fn __aeabi_memmove(to: *mut u8, from: *const u8, bytes: usize);
        fn __aeabi_memmove4(to: *mut u8, from: *const u8, bytes: usize);
        fn __aeabi_memset(to: *mut u8, bytes: usize, byte: i32);
        fn __aeabi_memclr(to: *mut u8, bytes: usize);
        fn __aeabi_memclr4(to: *mut u8, bytes: usize);
        fn __aeabi_memclr8(to: *mut u8, bytes: usize);
    }

    type Copy = unsafe extern "C" fn(*mut u8, *const u8, usize);
    type Fill = unsafe extern "C" fn(*mut u8, usize);

    #[used]
    static RETURNING: [unsafe extern "C" fn(*mut u8, *const u8, usize) -> *mut u8; 2] = [memcpy, memmove];
    #[used]
    static COPYING: [Copy; 5] = [__aeabi_memcpy, __aeabi_memcpy4, __aeabi_memcpy8, __aeabi_memmove, __aeabi_memmove4];
    #[used]
    static FILLING: [Fill; 3] = [__aeabi_memclr, __aeabi_memclr4, __aeabi_memclr8];
    #[used]
    static SETTING: unsafe extern "C" fn(*mut u8, usize, i32) = __aeabi_memset;
}

fn word(index: usize) -> usize {
    // SAFETY: a word of a static that is only touched through volatile accesses.
    unsafe { (&raw const WORDS[index]).read_volatile() }
}

fn put(index: usize, word: usize) {
    // SAFETY: as `word`.
    unsafe { (&raw mut WORDS[index]).write_volatile(word) }
}

fn layout() -> Layout {
    // SAFETY: never run with other words than a layout's.
    unsafe { Layout::from_size_align_unchecked(word(0), word(1)) }
}

// A function each, so that a symbol says what each costs.

#[inline(never)]
fn alloc() {
    // SAFETY: only the size of this program is looked at.
    put(2, unsafe { GLOBAL.alloc(layout()) } as usize);
}

#[inline(never)]
fn dealloc() {
    // SAFETY: as `alloc`.
    unsafe { GLOBAL.dealloc(ptr::with_exposed_provenance_mut(word(2)), layout()) }
}

#[inline(never)]
fn realloc() {
    // SAFETY: as `alloc`.
    put(2, unsafe { GLOBAL.realloc(ptr::with_exposed_provenance_mut(word(2)), layout(), word(3)) } as usize);
}

#[inline(never)]
fn init() {
    heap::init();
}

#[entry]
fn main() -> ! {
    init();
    loop {
        alloc();
        realloc();
        dealloc();
    }
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    loop {}
}
