//! Wrong frees of large blocks: found, counted, nothing changed.

#![cfg(not(loom))]

use core::alloc::{GlobalAlloc, Layout};
use larder::large::{Large, Segregated};
use larder::policy::{Policy, Spin, Try};
use larder::{Config, Defaults, Frugal, Heap, Holds, Region};

fn heap<P: Policy, L: Large>() -> Region<P, L> {
    let heap = Region::new();
    let memory = Vec::leak(vec![0u8; 16 * 1024]);
    // SAFETY: the memory is nobody else's, for ever.
    unsafe { heap.claim(memory.as_mut_ptr(), memory.len()) }.unwrap();
    heap
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 8).unwrap()
}

/// Three neighbours of 128 bytes, the second of them freed if asked for; then what `wrong` frees at an offset from the
/// first, with a size, must be found and change nothing.
fn refuses<L: Large>(free_second: bool, wrong: &[(usize, usize)]) {
    let heap = heap::<Try, L>();
    // SAFETY: sizes are not zero; blocks are freed once with their layout, apart from what is wrong on purpose.
    unsafe {
        let blocks: [*mut u8; 3] = core::array::from_fn(|_| heap.alloc(layout(128)));
        assert_eq!(blocks[2].addr() - blocks[0].addr(), 256, "neighbours");
        if free_second {
            heap.dealloc(blocks[1], layout(128));
        }
        let before = heap.stats();
        for (count, &(offset, bytes)) in wrong.iter().enumerate() {
            heap.dealloc(blocks[0].add(offset), layout(bytes));
            heap.check().unwrap();
            let stats = heap.stats();
            assert_eq!(stats.wrong_frees as usize, count + 1, "free of {bytes} bytes at {offset}");
            assert_eq!((stats.live_bytes, stats.free_bytes), (before.live_bytes, before.free_bytes));
        }
        heap.dealloc(blocks[0], layout(128));
        heap.dealloc(blocks[2], layout(128));
        if !free_second {
            heap.dealloc(blocks[1], layout(128));
        }
    }
    heap.check().unwrap();
    assert_eq!(heap.stats().live_bytes, 0);
}

#[test]
fn inside_a_block() {
    refuses::<Segregated>(false, &[(8, 120), (64, 64), (112, 16), (120, 16), (120, 136)]);
}

#[test]
fn a_size_that_ends_inside_what_follows() {
    refuses::<Segregated>(false, &[(0, 136), (0, 144), (0, 240)]);
    refuses::<Segregated>(true, &[(0, 136), (0, 144), (0, 240), (0, 248)]);
}

#[test]
fn a_free_run() {
    refuses::<Segregated>(true, &[(128, 128), (136, 64), (136, 120), (192, 64), (248, 16)]);
}

#[cfg(feature = "linked-list")]
#[test]
fn the_backend_on_linked_list_allocator() {
    use larder::large::LinkedList;
    refuses::<LinkedList>(false, &[(8, 120), (120, 16), (120, 136), (0, 136), (0, 256)]);
    refuses::<LinkedList>(true, &[(128, 128), (136, 64), (0, 136), (0, 256), (0, 8192)]);
}

/// A block that shrank while tier 2 was held has a layout that is too short: where that can be, it is no reason to refuse.
#[test]
fn a_size_that_ends_inside_the_block() {
    fn live_after<P: Policy, L: Large>() -> (u32, usize) {
        let heap = heap::<P, L>();
        // SAFETY: the size is not zero. The layout is wrong, which the heap has to live with.
        unsafe { heap.dealloc(heap.alloc(layout(128)), layout(100)) };
        heap.check().unwrap();
        (heap.stats().wrong_frees, heap.stats().live_bytes)
    }
    assert_eq!(live_after::<Spin, Segregated>(), (1, 128));
    assert_eq!(live_after::<Try, Segregated>(), (0, 0));
    #[cfg(feature = "linked-list")]
    {
        assert_eq!(live_after::<Spin, larder::large::LinkedList>(), (1, 128));
        assert_eq!(live_after::<Try, larder::large::LinkedList>(), (0, 0));
    }
}

struct Reserving;
impl Config for Reserving {
    const RESERVED: &'static [(usize, usize)] = &[(32, 2), (64, 1)];
}

type Reserved = Region<Try, Segregated, Reserving>;

/// A heap's first call opens the reserved pages; a wrong free as the first call once gave one of them back.
#[test]
fn before_anything_was_handed_out() {
    let frees: [fn(&Reserved, *mut u8); 2] = [
        // SAFETY: none: there is no such block, which the heap has to find.
        |heap, ptr| unsafe { heap.dealloc(ptr, layout(1)) },
        // SAFETY: none, likewise.
        |heap, ptr| assert!(unsafe { heap.realloc(ptr, layout(128), 256) }.is_null()),
    ];
    for (free, offset) in frees.iter().flat_map(|free| [0, 256, 512, 768, 4096].map(|offset| (free, offset))) {
        let memory = Vec::leak(vec![0u8; 16 * 1024]);
        let start = memory.as_mut_ptr().wrapping_add(memory.as_ptr().align_offset(256));
        let heap = Reserved::new();
        // SAFETY: the memory is nobody else's, for ever.
        unsafe { heap.claim(start, 15 * 1024) }.unwrap();
        free(&heap, start.wrapping_add(offset));
        heap.check().unwrap();
        assert_eq!(heap.stats().wrong_frees, 1, "at {offset}");
    }
}

/// Of a static heap, every address in front of its ground and behind, for two pages, is one of none.
fn refuses_what_lies_around<const BYTES: usize, C: Config>(heap: &Heap<BYTES, Try, Segregated, C>) {
    let mut ground = None;
    heap.walk(|piece| {
        if piece.holds != Holds::Tables {
            let first = ground.map_or(piece.start.addr(), |(first, _)| first);
            ground = Some((first, piece.start.addr() + piece.bytes));
        }
    });
    let (first, end) = ground.unwrap();
    let outside = (first - 512..first).chain(end..end + 512);
    for (count, address) in outside.enumerate() {
        let wrong = core::ptr::from_ref(heap).cast_mut().cast::<u8>().with_addr(address);
        // SAFETY: wrong on purpose.
        unsafe { heap.dealloc(wrong, layout(if count % 2 == 0 { 64 } else { 256 })) };
        assert_eq!(heap.stats().wrong_frees as usize, count + 1, "{address:#x}, ground from {first:#x} to {end:#x}");
    }
    heap.check().unwrap();
    // SAFETY: the sizes are not zero, and each block is freed with its layout.
    unsafe {
        let blocks = [8, 64, 300].map(|bytes| (heap.alloc(layout(bytes)), layout(bytes)));
        blocks.into_iter().for_each(|(block, layout)| heap.dealloc(block, layout));
    }
    heap.check().unwrap();
}

#[test]
fn next_to_the_arena_and_in_its_tables() {
    refuses_what_lies_around(&*Box::new(Heap::<{ 64 * 1024 }, Try, Segregated, Defaults>::new()));
    refuses_what_lies_around(&*Box::new(Heap::<{ 64 * 1024 }, Try, Segregated, Frugal>::new()));
    refuses_what_lies_around(&*Box::new(Heap::<{ 16 * 1024 }, Try, Segregated, Defaults>::new()));
}
