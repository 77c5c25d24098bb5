//! Tests inside a wasm module, one export each; `node/run.mjs` instantiates a fresh module, with a memory of its own, for each.
//!
//! The heap under test is the module's growing memory. What the tests themselves need, the shadow model's lists among it, comes
//! from a static arena, which so is tested too.
#![no_std]

extern crate alloc as std;

#[allow(dead_code, reason = "what the host's tests need besides")]
#[path = "../../../tests/shadow/mod.rs"]
mod shadow;

use core::alloc::{GlobalAlloc, Layout};
use core::fmt::Write;
use larder::policy::Try;
use larder::{CheckError, Config, Defaults, Heap, Small};
use shadow::seeded::{Mix, action};
use shadow::{Memory, Shadow};
use std::string::String;
use std::vec::Vec;

#[global_allocator]
static BOOKS: Heap<{ 4 << 20 }, Defaults, Try> = Heap::new();

static HEAP: larder::wasm::Heap = larder::wasm::Heap::new();

static ARENA: Heap<{ 64 << 10 }, Defaults, Try> = Heap::new();

static SMALL_ARENA: Small<{ 64 << 10 }> = Small::new();

#[link(wasm_import_module = "host")]
unsafe extern "C" {
    safe fn report(text: *const u8, len: usize);
    /// Takes pages from behind the memory, as the host or other code of the module would.
    safe fn take_pages(count: usize);
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    let mut text = String::new();
    let _ = write!(text, "{info}");
    report(text.as_ptr(), text.len());
    core::arch::wasm32::unreachable()
}

impl<C: Config> shadow::Heap for larder::wasm::Heap<C, larder::wasm::Entry> {}

impl<const BYTES: usize> shadow::Heap for Heap<BYTES, Defaults, Try> {}

/// Random calls against the shadow model, the whole heap verified after each; returns how many were refused.
fn differ<H: shadow::Heap>(heap: &H, seed: u32, steps: u32, mut between: impl FnMut(u32)) -> u32 {
    // Wrong frees of addresses anywhere go here: memory that is not the heap's.
    let elsewhere = Memory::new(4096);
    // SAFETY: the size is not zero. The heap then has memory, and counts what is refused and freed wrongly.
    unsafe { heap.dealloc(heap.alloc(Layout::new::<u64>()), Layout::new::<u64>()) };
    let mut shadow = Shadow::new(heap, &elsewhere);
    let mut random = fastrand::Rng::with_seed(seed.into());
    for step in 0..steps {
        between(step);
        shadow.step(action(&mut random, Mix { size: 4096, alloc_percent: 60, held_percent: 0 }));
    }
    shadow.verify_all();
    let refused = shadow.refused;
    shadow.free_all();
    refused
}

#[unsafe(no_mangle)]
extern "C" fn differential(seed: u32, steps: u32) -> u32 {
    differ(&HEAP, seed, steps, |_| {})
}

/// The same, while somebody else takes pages now and then.
#[unsafe(no_mangle)]
extern "C" fn differential_beside(seed: u32, steps: u32) -> u32 {
    differ(&HEAP, seed, steps, |step| {
        if step % 256 == 100 {
            take_pages(1);
        }
    })
}

#[unsafe(no_mangle)]
extern "C" fn differential_in_an_arena(seed: u32, steps: u32) -> u32 {
    differ(&ARENA, seed, steps, |_| {})
}

/// In a small heap, of which the model knows every byte.
#[unsafe(no_mangle)]
extern "C" fn differential_in_a_small_arena(seed: u32, steps: u32) -> u32 {
    let refused = differ(&SMALL_ARENA, seed, steps, |_| {});
    let stats = SMALL_ARENA.stats();
    assert_eq!((stats.live_bytes, stats.free_runs), (0, 1), "{stats}");
    refused
}

#[unsafe(no_mangle)]
extern "C" fn fill(bytes: usize) -> usize {
    fill_up(&HEAP, || HEAP.check(), bytes)
}

/// Blocks of so many bytes until there are no more; then all are verified, and freed from the first on. Returns how many.
fn fill_up(heap: &impl GlobalAlloc, check: impl Fn() -> Result<(), CheckError>, bytes: usize) -> usize {
    let layout = Layout::from_size_align(bytes, 8).unwrap();
    let mut blocks: Vec<*mut u8> = Vec::with_capacity(200_000);
    loop {
        // SAFETY: the size is not zero; each block is filled with its number.
        unsafe {
            let block = heap.alloc(layout);
            if block.is_null() {
                break;
            }
            block.write_bytes(blocks.len() as u8, bytes);
            blocks.push(block);
        }
    }
    check().unwrap();
    for (number, &block) in blocks.iter().enumerate() {
        // SAFETY: the block is ours and so long.
        unsafe {
            let held = core::slice::from_raw_parts(block, bytes);
            assert!(held.iter().all(|&byte| byte == number as u8), "block {number} is damaged");
            heap.dealloc(block, layout);
        }
    }
    check().unwrap();
    blocks.len()
}

/// The address of a block that stays, or 0.
#[unsafe(no_mangle)]
extern "C" fn request(bytes: usize, align: usize) -> usize {
    // SAFETY: the size is not zero.
    unsafe { HEAP.alloc(Layout::from_size_align(bytes, align).unwrap()) }.addr()
}

/// After all blocks were freed: everything that is free is one run in each extent.
#[unsafe(no_mangle)]
extern "C" fn verify_empty() {
    HEAP.trim();
    HEAP.check().unwrap();
    let stats = HEAP.stats();
    assert_eq!((stats.live_bytes, stats.free_runs), (0, HEAP.extents()), "{stats}");
}

#[unsafe(no_mangle)]
extern "C" fn pages_grown() -> u32 {
    HEAP.pages_grown()
}

#[unsafe(no_mangle)]
extern "C" fn extents() -> usize {
    HEAP.extents()
}

#[unsafe(no_mangle)]
extern "C" fn refused() -> u32 {
    HEAP.stats().refused
}
