//! Of the small heap whose memory grows.
//!
//! What somebody else has got in between is a live block of this heap's. To the shadow model it is none: [`Beside`] knows of it,
//! leaves it out of the figures, and verifies that it is what it should be.

use crate::shadow::seeded::{Mix, action};
use crate::shadow::{self, Memory, Shadow};
use crate::{HEAP, differ, fill_up, take_pages};
use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::memory_size;
use core::cell::RefCell;
use core::ptr::without_provenance;
use larder::{CheckError, Holds, Piece, Stats};
use std::vec::Vec;

static SMALL: larder::wasm::Small = larder::wasm::Small::new();

const PAGE_BYTES: usize = 64 * 1024;

unsafe extern "C" {
    static __heap_end: u8;
}

/// The end of the memory.
fn memory_end() -> usize {
    memory_size::<0>() * PAGE_BYTES
}

/// The heap, and where memory is somebody else's: from, to.
struct Beside(RefCell<Vec<(usize, usize)>>);

impl Beside {
    /// What is behind the initial memory now is somebody else's.
    fn new() -> Self {
        let beside = Self(RefCell::default());
        beside.is_theirs((&raw const __heap_end).addr());
        beside
    }

    /// So is what has come since the memory ended there.
    fn is_theirs(&self, from: usize) {
        let (mut theirs, end) = (self.0.borrow_mut(), memory_end());
        match theirs.last_mut() {
            Some((_, to)) if *to == from => *to = end,
            _ if from < end => theirs.push((from, end)),
            _ => {}
        }
    }

    fn take(&self, pages: usize) {
        let end = memory_end();
        take_pages(pages);
        self.is_theirs(end);
    }

    /// How many such blocks the heap has, and of how many bytes in all.
    fn within(&self) -> (usize, usize) {
        let theirs = self.0.borrow();
        let within = theirs.iter().filter(|(from, _)| SMALL.contains(without_provenance(*from)));
        within.fold((0, 0), |(count, bytes), (from, to)| {
            let occupied = SMALL.usable_size(without_provenance(*from));
            assert_eq!(occupied, to - from, "at {from:#x}, of somebody else's");
            (count + 1, bytes + occupied)
        })
    }
}

// SAFETY: passed on.
unsafe impl GlobalAlloc for Beside {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { SMALL.alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { SMALL.dealloc(ptr, layout) }
    }
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { SMALL.realloc(ptr, layout, new_size) }
    }
}

impl shadow::Heap for Beside {
    fn check(&self) -> Result<(), CheckError> {
        SMALL.check()
    }
    fn stats(&self) -> Stats {
        let mut stats = SMALL.stats();
        assert_eq!(stats.arena_bytes, stats.metadata_bytes + stats.live_bytes + stats.free_bytes);
        let (_, bytes) = self.within();
        stats.live_bytes -= bytes;
        stats
    }
    fn trim(&self) {}
    fn usable_size(&self, ptr: *const u8) -> usize {
        SMALL.usable_size(ptr)
    }
}

/// Before the first request there is nothing, and after one that was refused there may be nothing.
#[unsafe(no_mangle)]
extern "C" fn small_verify_nothing() {
    SMALL.check().unwrap();
    let stats = SMALL.stats();
    assert_eq!((stats.arena_bytes, stats.metadata_bytes, stats.live_bytes, stats.free_bytes), (0, 0, 0, 0), "{stats}");
    assert!(stats.consistent);
    assert!(SMALL.walk(|piece| panic!("{piece:?}")));
    for at in [0, 8, (&raw const __heap_end).addr() - 8, memory_end()] {
        let ptr = without_provenance::<u8>(at).cast_mut();
        assert!(!SMALL.contains(ptr));
        assert_eq!(SMALL.usable_size(ptr), 0);
        let wrong_frees = SMALL.stats().wrong_frees;
        // SAFETY: none: this breaks the contract on purpose. The heap has no memory, and knows that.
        unsafe { SMALL.dealloc(ptr, Layout::new::<u64>()) };
        assert_eq!(SMALL.stats().wrong_frees, wrong_frees + 1);
    }
}

/// The pieces are the arena, from its first byte to its last, and agree with the statistics.
#[unsafe(no_mangle)]
extern "C" fn small_verify_pieces() {
    let mut pieces: Vec<Piece> = Vec::with_capacity(10_000);
    assert!(SMALL.walk(|piece| pieces.push(piece)));
    for pair in pieces.windows(2) {
        assert_eq!(pair[0].start.addr() + pair[0].bytes, pair[1].start.addr());
        assert_ne!((pair[0].holds, pair[1].holds), (Holds::Free, Holds::Free));
    }
    let of = |holds| pieces.iter().filter(move |piece| piece.holds == holds);
    let bytes = |holds| of(holds).map(|piece| piece.bytes).sum::<usize>();
    let stats = SMALL.stats();
    assert_eq!(bytes(Holds::Large), stats.live_bytes);
    assert_eq!((bytes(Holds::Free), Some(of(Holds::Free).count())), (stats.free_bytes, stats.free_runs));
    assert_eq!(of(Holds::Free).map(|piece| piece.bytes).max().unwrap_or(0), stats.largest_free_bytes.unwrap());
    let tables = pieces.last().unwrap();
    assert_eq!((tables.holds, bytes(Holds::Tables)), (Holds::Tables, stats.metadata_bytes));
    assert_eq!(stats.arena_bytes, tables.start.addr() + tables.bytes - pieces[0].start.addr());
    for piece in &pieces {
        let is_block = piece.holds == Holds::Large;
        assert_eq!(SMALL.contains(piece.start), piece.holds != Holds::Tables);
        let usable = SMALL.usable_size(piece.start);
        assert_eq!(usable, if is_block { piece.bytes } else { 0 }, "{piece:?}");
    }
}

/// The differential suite. Now and then, somebody takes so many pages.
#[unsafe(no_mangle)]
extern "C" fn small_differential(seed: u32, steps: u32, pages: usize) -> u32 {
    let beside = Beside::new();
    let refused = differ(&beside, seed, steps, |step| {
        if pages != 0 && step % 256 == 100 {
            beside.take(pages);
        }
    });
    verify_empty(&beside);
    refused
}

/// All blocks were freed: what is free is one run between any two memories that are somebody else's.
fn verify_empty(beside: &Beside) {
    SMALL.check().unwrap();
    let stats = SMALL.stats();
    let (count, bytes) = beside.within();
    assert_eq!((stats.live_bytes, stats.free_runs), (bytes, Some(count + 1)), "{stats}");
}

/// Two heaps of one module, each verified after each of its steps. Returns how often the memory was grown, by the first and the second.
#[unsafe(no_mangle)]
extern "C" fn small_and_large(seed: u32, steps: u32, is_small_first: bool) -> u32 {
    let layout = Layout::new::<u64>();
    let first = |heap: &dyn GlobalAlloc| {
        // SAFETY: the size is not zero.
        unsafe { heap.dealloc(heap.alloc(layout), layout) }
    };
    if is_small_first {
        first(&SMALL);
    }
    first(&HEAP);
    let beside = Beside::new();
    let elsewhere = Memory::new(4096);
    let (mut small, mut large) = (Shadow::new(&beside, &elsewhere), Shadow::new(&HEAP, &elsewhere));
    let mut random = fastrand::Rng::with_seed(seed.into());
    let mut turns = 0;
    let mut last = None;
    for _ in 0..steps {
        let action = action(&mut random, Mix { size: 4096, alloc_percent: 60, held_percent: 0 });
        let end = memory_end();
        let is_small = random.bool();
        if is_small {
            small.step(action);
        } else {
            large.step(action);
            beside.is_theirs(end);
        }
        if memory_end() != end && last.replace(is_small) != Some(is_small) {
            turns += 1;
        }
    }
    small.verify_all();
    large.verify_all();
    small.free_all();
    large.free_all();
    verify_empty(&beside);
    turns
}

#[unsafe(no_mangle)]
extern "C" fn small_fill(bytes: usize) -> usize {
    fill_up(&SMALL, || SMALL.check(), bytes)
}

/// The address of a block that stays, or 0.
#[unsafe(no_mangle)]
extern "C" fn small_request(bytes: usize, align: usize) -> usize {
    // SAFETY: the size is not zero.
    unsafe { SMALL.alloc(Layout::from_size_align(bytes, align).unwrap()) }.addr()
}

#[unsafe(no_mangle)]
extern "C" fn small_verify() {
    SMALL.check().unwrap();
}

#[unsafe(no_mangle)]
extern "C" fn small_refused() -> u32 {
    SMALL.stats().refused
}

/// The longest block that there could be now.
#[unsafe(no_mangle)]
extern "C" fn small_largest_free() -> usize {
    SMALL.stats().largest_free_bytes.unwrap()
}

/// Resizes a block until it has so many bytes, each time by a half more, with a small one behind it each time, and back; whatever it holds stays.
/// Returns how often it moved.
#[unsafe(no_mangle)]
extern "C" fn small_resize(most: usize) -> u32 {
    let beside = Beside::new();
    let mut layout = Layout::new::<[u32; 25]>();
    let mut moves = 0;
    let mut others = Vec::new();
    // SAFETY: sizes are not zero; all accesses are inside of blocks that are ours.
    unsafe {
        let mut block = SMALL.alloc(layout).cast::<u32>();
        let mut written = 0;
        let mut resize = |new_size: usize| {
            let moved = SMALL.realloc(block.cast(), layout, new_size).cast::<u32>();
            assert!(!moved.is_null(), "{new_size} bytes are refused");
            moves += u32::from(moved != block);
            block = moved;
            layout = Layout::from_size_align(new_size, 4).unwrap();
            let words = new_size / 4;
            for at in 0..written.min(words) {
                assert_eq!(block.add(at).read(), at as u32 ^ 0x5A5A_0000);
            }
            for at in written..words {
                block.add(at).write(at as u32 ^ 0x5A5A_0000);
            }
            written = words;
            SMALL.check().unwrap();
        };
        let mut size = 100;
        while size < most {
            resize(size);
            others.push(SMALL.alloc(Layout::new::<u64>()));
            size += size / 2;
        }
        while size > 100 {
            size -= size / 3;
            resize(size);
        }
        SMALL.dealloc(block.cast(), layout);
        for other in others {
            SMALL.dealloc(other, Layout::new::<u64>());
        }
    }
    verify_empty(&beside);
    moves
}
