//! Small heaps: wrong frees and what is told about them, the hooks, and the arena piece by piece.

#![cfg(not(loom))]

use core::alloc::{GlobalAlloc, Layout};
use larder::{Config, Emergency, Event, Holds, OutOfMemory, Piece, Reason, Small, WrongFree};
use std::cell::RefCell;

const BYTES: usize = 1024;

type Hook = Box<dyn FnMut(OutOfMemory) -> Emergency>;

thread_local! {
    static TOLD: RefCell<Vec<Event>> = const { RefCell::new(Vec::new()) };
    /// What a test has its heap's out-of-memory hook do.
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

struct Told;
impl Config for Told {
    // Borrowed all the time: a hook inside a hook panics.
    const ON_OUT_OF_MEMORY: Option<fn(OutOfMemory) -> Emergency> =
        Some(|request| HOOK.with_borrow_mut(|hook| hook.as_mut().map_or(Emergency::GiveUp, |hook| hook(request))));

    const ON_EVENT: Option<fn(Event)> = Some(|event| {
        TOLD.with_borrow_mut(|told| told.push(event));
    });
}

type Subject = Small<BYTES, Told>;

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

fn alloc(heap: &Subject, size: usize) -> *mut u8 {
    // SAFETY: no size here is zero.
    unsafe { heap.alloc(layout(size)) }
}

fn free(heap: &Subject, block: *mut u8, size: usize) {
    // SAFETY: so tests free their blocks; what is wrong on purpose changes nothing.
    unsafe { heap.dealloc(block, layout(size)) };
}

fn pieces(heap: &Subject) -> Vec<Piece> {
    let mut pieces = Vec::new();
    assert!(heap.walk(|piece| pieces.push(piece)));
    pieces
}

/// Where blocks lie.
fn ground(heap: &Subject) -> core::ops::Range<usize> {
    let pieces = pieces(heap);
    pieces[0].start.addr()..pieces.last().unwrap().start.addr()
}

/// Blocks of one granule up to 40, between free runs and without; one that ends where a word of the table does, and the arena full to its end.
fn with_blocks() -> Box<Subject> {
    let heap = Box::new(Subject::new());
    let blocks: Vec<_> = [8, 120, 24, 320, 8, 8, 40, 128, 16].map(|size| (alloc(&heap, size), size)).into();
    for at in [2, 5, 7] {
        let (block, size) = blocks[at];
        free(&heap, block, size);
    }
    let last = pieces(&heap).iter().rev().find(|piece| piece.holds == Holds::Free).unwrap().bytes;
    assert!(!alloc(&heap, last).is_null());
    assert!(blocks.iter().all(|(block, _)| !block.is_null()));
    heap.check().unwrap();
    heap
}

/// What a free of so many bytes at an address has to be told as; `None`: it would be right.
fn reason(pieces: &[Piece], ground: &core::ops::Range<usize>, address: usize, size: usize) -> Option<Reason> {
    if !ground.contains(&address) {
        return Some(Reason::Foreign);
    }
    let lies_in = |piece: &&Piece| (piece.start.addr()..piece.start.addr() + piece.bytes).contains(&address);
    let piece = pieces.iter().find(lies_in).unwrap();
    match piece.holds {
        _ if address % 8 != 0 => Some(Reason::NoBlock),
        Holds::Free => Some(Reason::Double),
        _ if address != piece.start.addr() => Some(Reason::NoBlock),
        _ => (size.next_multiple_of(8) != piece.bytes).then_some(Reason::Size),
    }
}

/// Every address in the heap and around it, with sizes around all that could end somewhere, is found, with its reason, once, and changes nothing.
#[test]
fn every_wrong_free_is_found() {
    let heap = with_blocks();
    let (before, figures, ground) = (pieces(&heap), heap.stats(), ground(&heap));
    let sizes: Vec<usize> =
        (1..=BYTES / 8 + 2).map(|granules| granules * 8).chain([1, 7, 9, isize::MAX as usize - 7]).collect();
    let mut found = figures.wrong_frees;
    TOLD.take();
    for address in ground.start - 24..ground.start + BYTES + 24 {
        let block = core::ptr::from_ref(&*heap).cast::<u8>().cast_mut().with_addr(address);
        for &size in &sizes {
            let Some(reason) = reason(&before, &ground, address, size) else { continue };
            free(&heap, block, size);
            found += 1;
            let told = [Event::WrongFree(WrongFree { address, reason })];
            assert_eq!(TOLD.take(), told, "{size} bytes at {}", address.wrapping_sub(ground.start));
            assert_eq!(heap.stats().wrong_frees, found);
        }
        assert_eq!(pieces(&heap), before, "after frees at {}", address.wrapping_sub(ground.start));
        heap.check().unwrap();
    }
}

/// A `realloc` of what is no block, or of one with another size, is a wrong free, and null.
#[test]
fn every_wrong_realloc_is_found() {
    let heap = with_blocks();
    let (before, ground) = (pieces(&heap), ground(&heap));
    TOLD.take();
    for address in ground.start - 8..ground.end + 16 {
        let block = core::ptr::from_ref(&*heap).cast::<u8>().cast_mut().with_addr(address);
        for (size, new_size) in [8, 24, 120, 128, 136, 320, 328].into_iter().flat_map(|size| [(size, 8), (size, 400)]) {
            let Some(reason) = reason(&before, &ground, address, size) else { continue };
            // SAFETY: none: this breaks the contract on purpose. The heap finds it without touching a block.
            assert!(unsafe { heap.realloc(block, layout(size), new_size) }.is_null());
            assert_eq!(TOLD.take(), [Event::WrongFree(WrongFree { address, reason })]);
        }
        assert_eq!(pieces(&heap), before);
    }
}

/// What the documentation says is not found: so that it says it as long as it is so.
#[test]
fn a_late_second_free_is_invisible() {
    let heap = Subject::new();
    let block = alloc(&heap, 24);
    free(&heap, block, 24);
    assert_eq!(alloc(&heap, 20), block);
    free(&heap, block, 24);
    assert_eq!((heap.stats().wrong_frees, heap.stats().live_bytes), (0, 0));
    heap.check().unwrap();
}

/// The next request for as many bytes begins to look where a block of them was freed, not behind the one that was served last.
#[test]
fn a_freed_short_block_is_the_next_one() {
    for size in (8..=64).step_by(8) {
        let heap = Subject::new();
        let blocks: Vec<_> = (0..10).map(|_| alloc(&heap, size)).collect();
        for at in [7, 2, 9] {
            free(&heap, blocks[at], size);
        }
        let again = [(); 3].map(|()| alloc(&heap, size));
        assert_eq!(again, [blocks[2], blocks[7], blocks[9]], "{size} bytes");
    }
}

/// A full heap, the sizes of whose blocks are 64 bytes, and the last one of them.
fn full() -> (&'static Subject, *mut u8) {
    HOOK.set(None);
    let heap: &Subject = Box::leak(Box::new(Subject::new()));
    let mut last = core::ptr::null_mut();
    for size in [64, 8] {
        while let Some(block) = core::ptr::NonNull::new(alloc(heap, size)) {
            last = if size == 64 { block.as_ptr() } else { last };
        }
    }
    assert_eq!(heap.stats().free_bytes, 0);
    TOLD.take();
    (heap, last)
}

fn set_hook(hook: impl FnMut(OutOfMemory) -> Emergency + 'static) {
    HOOK.set(Some(Box::new(hook)));
}

#[test]
fn a_refusal_is_counted_and_told() {
    let (heap, _) = full();
    let refused = heap.stats().refused;
    // SAFETY: the size is not zero.
    assert!(unsafe { heap.alloc(Layout::from_size_align(33, 32).unwrap()) }.is_null());
    assert_eq!(TOLD.take(), [Event::Refused { size_bytes: 33, align_bytes: 32 }]);
    assert_eq!(heap.stats().refused, refused + 1);
}

#[test]
fn the_hook_releases_and_the_request_is_served() {
    let (heap, last) = full();
    let refused = heap.stats().refused;
    set_hook(move |request| {
        assert_eq!((request.size_bytes, request.align_bytes, request.retries), (50, 8, 0));
        // No hook inside of a hook.
        assert!(alloc(heap, 8).is_null());
        free(heap, last, 64);
        Emergency::Retry
    });
    assert_eq!(alloc(heap, 50), last);
    assert_eq!(TOLD.take(), [Event::Refused { size_bytes: 8, align_bytes: 8 }]);
    assert_eq!(heap.stats().refused, refused + 1);
    heap.check().unwrap();
}

#[test]
fn the_hook_is_asked_until_it_gives_up() {
    let (heap, _) = full();
    set_hook(|request| if request.retries < 3 { Emergency::Retry } else { Emergency::GiveUp });
    assert!(alloc(heap, 50).is_null());
    assert_eq!(TOLD.take().len(), 1);
}

#[test]
fn the_hook_helps_a_block_that_grows() {
    let heap: &Subject = Box::leak(Box::new(Subject::new()));
    let [block, _between, behind] = [100, 8, 600].map(|size| alloc(heap, size));
    assert!(!alloc(heap, 100).is_null());
    // SAFETY: the block has so many bytes.
    unsafe { block.write_bytes(0x5A, 100) };
    set_hook(move |request| {
        assert_eq!((request.size_bytes, request.align_bytes, request.retries), (500, 8, 0));
        free(heap, behind, 600);
        Emergency::Retry
    });
    // It can't grow where it is, but move to where the released block was.
    // SAFETY: the block is live, and this is its layout.
    let grown = unsafe { heap.realloc(block, layout(100), 500) };
    assert_eq!(grown, behind);
    // SAFETY: so many bytes are ours, and were moved.
    assert!(unsafe { core::slice::from_raw_parts(grown, 100) }.iter().all(|&byte| byte == 0x5A));
    heap.check().unwrap();
}

/// There is no room for both: it can only grow into what the hook has released behind it.
#[test]
fn a_block_grows_into_what_the_hook_released() {
    let heap: &Subject = Box::leak(Box::new(Subject::new()));
    let (block, behind) = (alloc(heap, 400), alloc(heap, 200));
    assert!(!alloc(heap, heap.stats().largest_free_bytes).is_null());
    // SAFETY: the block has so many bytes.
    unsafe { block.write_bytes(0x5A, 400) };
    TOLD.take();
    set_hook(move |request| {
        assert_eq!((request.size_bytes, request.align_bytes, request.retries), (600, 8, 0));
        free(heap, behind, 200);
        Emergency::Retry
    });
    // SAFETY: the block is live, and this is its layout.
    assert_eq!(unsafe { heap.realloc(block, layout(400), 600) }, block);
    // SAFETY: so many bytes are ours.
    assert!(unsafe { core::slice::from_raw_parts(block, 400) }.iter().all(|&byte| byte == 0x5A));
    assert_eq!((TOLD.take(), heap.stats().refused), (vec![], 0));
    heap.check().unwrap();
}

#[test]
fn a_walk_sees_what_changes_meanwhile() {
    let heap = Box::new(Subject::new());
    let blocks: Vec<_> = (0..10).map(|_| alloc(&heap, 40)).collect();
    let mut bytes = 0;
    let steady = heap.walk(|piece| {
        bytes += piece.bytes;
        if piece.start == blocks[3] {
            free(&heap, blocks[5], 40);
        }
    });
    assert_eq!((steady, bytes), (false, BYTES));
    // What changes back is not seen, as documented.
    assert!(heap.walk(|_| free(&heap, alloc(&heap, 8), 8)));
}

/// Any two bits of an empty table, those behind the last granule included: one live block of 8 bytes is all that may be.
#[test]
fn a_check_finds_what_does_not_belong() {
    let heap = Box::new(Subject::new());
    let header_bytes = 52;
    let (start, ground) = (core::ptr::from_ref(&*heap).cast::<u8>().cast_mut(), ground(&heap).len());
    let granules = ground / 8;
    for granule in 0..(granules / 16 + 1) * 16 {
        let byte = start.wrapping_add(ground + header_bytes + granule / 4);
        for bits in 1..=3 {
            // SAFETY: inside of the heap, whose table lies behind the blocks and its other words; nobody else uses it.
            unsafe { byte.write(bits << (granule % 4 * 2)) };
            let what = match bits {
                _ if granule >= granules => Some("a granule behind the last is in use"),
                1 => Some("a block goes on that does not start"),
                2 => None,
                _ => Some("a block is being released, by a call that does not return"),
            };
            let found = heap.check().map_err(|error| (error.what, error.page));
            assert_eq!(found, what.map_or(Ok(()), |what| Err((what, granule as u32 / 32 + 1))), "{bits} at {granule}");
        }
        // SAFETY: as above.
        unsafe { byte.write(0) };
    }
    heap.check().unwrap();
}

#[test]
fn statistics_print_what_a_small_heap_has() {
    let heap = Box::new(Small::<4096>::new());
    // SAFETY: the size is not zero.
    assert!(!unsafe { heap.alloc(layout(1000)) }.is_null());
    let rows: Vec<String> = heap.stats().to_string().lines().map(str::to_owned).collect();
    let names: Vec<&str> = rows.iter().map(|row| row.split("  ").next().unwrap()).collect();
    let refused = "refused 0, wrong frees 0";
    assert_eq!(names, ["arena", "tables", "live", "free", "deferred", "largest free", refused]);
    assert!(rows[2].ends_with("1000 B  24 %"), "{}", rows[2]);
}

#[test]
fn a_heap_contains_its_blocks_and_not_its_tables() {
    let heap = Box::new(Subject::new());
    let (start, ground) = (core::ptr::from_ref(&*heap).cast::<u8>(), ground(&heap));
    for offset in 0..BYTES + 16 {
        let address = start.wrapping_add(offset);
        assert_eq!(heap.contains(address), ground.contains(&address.addr()), "{offset}");
    }
    assert!(!heap.contains(start.wrapping_sub(1)));
    assert!(!heap.contains(core::ptr::null()));
}

/// Beyond every limit of the table, of an address space and of a multiplication.
#[test]
fn absurd_requests_are_refused() {
    let (heap, most) = (Subject::new(), isize::MAX as usize);
    let absurd =
        (3..usize::BITS - 1).flat_map(|log2| [(1, 1 << log2), (most - (1 << log2) + 1, 1 << log2), (1 << log2, 8)]);
    let mut served = 0;
    for (size, align) in absurd.filter_map(|(size, align)| Some((Layout::from_size_align(size, align).ok()?, align))) {
        // SAFETY: sizes are not zero.
        let block = unsafe { heap.alloc(size) };
        if !block.is_null() {
            assert!(block.addr() % align == 0 && heap.contains(block));
            // SAFETY: the block is live, and this is its layout.
            unsafe { heap.dealloc(block, size) };
            served += 1;
        }
        heap.check().unwrap();
    }
    assert!(served > 5 && heap.stats().refused > 50, "{served} served");
    assert_eq!(heap.stats().live_bytes, 0);
}

/// The largest there is: every granule can be had, and the last one too.
#[test]
fn sixteen_mebibytes() {
    static HEAP: Small<{ 16 << 20 }> = Small::new();
    let free = HEAP.stats().largest_free_bytes;
    assert!(free > 31 * (16 << 20) / 32 - 512, "{free} bytes");
    // SAFETY: sizes are not zero; blocks are freed once, with their layouts.
    unsafe {
        let all = HEAP.alloc(layout(free - 8));
        let last = HEAP.alloc(layout(8));
        assert_eq!(last, all.wrapping_add(free - 8));
        assert!(HEAP.alloc(layout(1)).is_null());
        assert!(HEAP.contains(last.add(7)) && !HEAP.contains(last.add(8)));
        all.write_bytes(0xFF, free - 8);
        last.write_bytes(0xFF, 8);
        HEAP.check().unwrap();
        HEAP.dealloc(all, layout(free - 8));
        HEAP.dealloc(last, layout(8));
    }
    HEAP.check().unwrap();
    assert_eq!((HEAP.stats().free_runs, HEAP.stats().wrong_frees), (1, 0));
}
