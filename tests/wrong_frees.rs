//! Wrong frees of large blocks: found, counted, nothing changed.

#![cfg(not(loom))]
#![allow(clippy::undocumented_unsafe_blocks, reason = "what is wrong on purpose has no such argument")]

use core::alloc::{GlobalAlloc, Layout};
use larder::large::{Large, Segregated};
use larder::policy::{Policy, Spin, Try};
use larder::{Config, Defaults, Frugal, Heap, Holds, Region};

fn heap<P: Policy, L: Large>() -> Region<Defaults, P, L> {
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

/// A block that shrank while the large tier was held has a layout that is too short: where that can be, it is no reason
/// to refuse.
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

type Reserved = Region<Reserving, Try>;

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
fn refuses_what_lies_around<const BYTES: usize, C: Config>(heap: &Heap<BYTES, C, Try>) {
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
    refuses_what_lies_around(&*Box::new(Heap::<{ 64 * 1024 }, Defaults, Try>::new()));
    refuses_what_lies_around(&*Box::new(Heap::<{ 64 * 1024 }, Frugal, Try>::new()));
    refuses_what_lies_around(&*Box::new(Heap::<{ 16 * 1024 }, Defaults, Try>::new()));
}

/// A heap with three neighbours of 136 bytes, and one of 128 in a hole of 136, which so has a spare granule.
struct Neighbours<P: Policy, L: Large> {
    heap: Region<Defaults, P, L>,
    blocks: [*mut u8; 4],
}

const SIZES: [usize; 4] = [136, 136, 136, 128];

impl<P: Policy, L: Large> Neighbours<P, L> {
    fn new() -> Self {
        let heap = heap::<P, L>();
        // SAFETY: sizes are not zero; the block that makes the hole is freed with its layout.
        let blocks = unsafe {
            let blocks: [*mut u8; 4] = core::array::from_fn(|_| heap.alloc(layout(136)));
            heap.alloc(layout(136));
            heap.dealloc(blocks[3], layout(136));
            [blocks[0], blocks[1], blocks[2], heap.alloc(layout(128))]
        };
        for (at, &block) in blocks.iter().enumerate() {
            assert_eq!(block.addr() - blocks[0].addr(), at * 136, "neighbours");
        }
        Self { heap, blocks }
    }

    /// A wrong call for a block, at an offset and with a size, is found and changes nothing; or it is taken for the block's release.
    fn verify(self, is_found: bool, case: &str, wrong: impl Fn(&Region<Defaults, P, L>, &[*mut u8; 4])) {
        let before = self.heap.stats();
        wrong(&self.heap, &self.blocks);
        self.heap.check().unwrap_or_else(|error| panic!("{case}: {error}"));
        let stats = self.heap.stats();
        assert_eq!(stats.wrong_frees, u32::from(is_found), "{case}");
        if is_found {
            assert_eq!((stats.live_bytes, stats.free_bytes), (before.live_bytes, before.free_bytes), "{case}");
            // SAFETY: each is live, and has this layout.
            self.blocks.iter().zip(SIZES).for_each(|(&block, size)| unsafe { self.heap.dealloc(block, layout(size)) });
            assert_eq!(self.heap.stats().live_bytes, 136, "{case}");
        } else {
            assert!(stats.live_bytes < before.live_bytes, "{case}");
        }
        self.heap.check().unwrap_or_else(|error| panic!("{case}: {error}"));
    }
}

/// The rows of the crate's table that are about one live large block and a layout.
fn sizes<P: Policy, L: Large>(smaller_is_found: bool) {
    let too_large = [(0, 144), (0, 200), (0, 264), (2, 272), (2, 264), (3, 136 + 136), (3, 144)];
    for (at, size) in too_large.into_iter().chain([(0, 1 << 20), (0, usize::MAX >> 1)]) {
        let case = format!("block {at}, freed as {size}");
        // SAFETY: wrong on purpose, here and below.
        Neighbours::<P, L>::new()
            .verify(true, &case, |heap, blocks| unsafe { heap.dealloc(blocks[at], layout_of(size)) });
        Neighbours::<P, L>::new().verify(true, &format!("{case}, by realloc"), |heap, blocks| unsafe {
            assert!(heap.realloc(blocks[at], layout_of(size), 600).is_null());
        });
    }
    // At a block's end. Nothing tells that from the right one in a fixed number of steps.
    if cfg!(debug_assertions) || !core::any::type_name::<L>().ends_with("Segregated") {
        for (at, size) in [(0, 272), (0, 408), (1, 272)] {
            let case = format!("block {at}, freed as {size}");
            Neighbours::<P, L>::new()
                .verify(true, &case, |heap, blocks| unsafe { heap.dealloc(blocks[at], layout(size)) });
        }
    }
    for (at, size) in [(0, 128), (0, 120), (0, 65), (3, 120), (3, 65)] {
        let case = format!("block {at}, freed as {size}");
        Neighbours::<P, L>::new()
            .verify(smaller_is_found, &case, |heap, blocks| unsafe { heap.dealloc(blocks[at], layout(size)) });
        if smaller_is_found {
            Neighbours::<P, L>::new().verify(true, &format!("{case}, by realloc"), |heap, blocks| unsafe {
                assert!(heap.realloc(blocks[at], layout(size), 600).is_null());
            });
        }
    }
}

/// The rows about addresses.
fn addresses<P: Policy, L: Large>() {
    for offset in [4, 8, 64, 128] {
        let case = format!("address {offset} bytes into a block");
        Neighbours::<P, L>::new().verify(true, &case, |heap, blocks| unsafe {
            heap.dealloc(blocks[0].add(offset), layout(136 - offset));
        });
        Neighbours::<P, L>::new().verify(true, &format!("{case}, by realloc"), |heap, blocks| unsafe {
            assert!(heap.realloc(blocks[0].add(offset), layout(136 - offset), 600).is_null());
        });
    }
    let heap = heap::<P, L>();
    unsafe {
        let (block, behind) = (heap.alloc(layout(136)), heap.alloc(layout(136)));
        heap.dealloc(block, layout(136));
        heap.dealloc(block, layout(136));
        assert!(heap.realloc(block, layout(136), 136).is_null() && heap.realloc(block, layout(136), 600).is_null());
        assert_eq!(heap.stats().wrong_frees, 3);
        heap.dealloc(behind, layout(136));
    }
    heap.check().unwrap();
    assert_eq!(heap.stats().live_bytes, 0);
}

/// The rows about pooled blocks.
fn pooled<P: Policy, L: Large>() {
    let heap = heap::<P, L>();
    unsafe {
        let blocks: [*mut u8; 4] = core::array::from_fn(|_| heap.alloc(layout(24)));
        for offset in [4, 8, 16] {
            heap.dealloc(blocks[1].add(offset), layout(24));
        }
        assert_eq!(heap.stats().wrong_frees, 3);
        // The layout is not looked at.
        heap.dealloc(blocks[0], layout(300));
        heap.dealloc(blocks[1], layout(1));
        assert_eq!((heap.stats().wrong_frees, heap.stats().live_bytes), (3, 48));
        heap.dealloc(blocks[0], layout(24));
        assert_eq!(heap.stats().wrong_frees, 4);
        // A size that no block of the class has.
        assert!(
            heap.realloc(blocks[2], layout(25), 24).is_null() && heap.realloc(blocks[2], layout(300), 600).is_null()
        );
        assert_eq!((heap.stats().wrong_frees, heap.stats().live_bytes), (6, 48));
        blocks[2..].iter().for_each(|&block| heap.dealloc(block, layout(24)));
    }
    heap.check().unwrap();
    assert_eq!(heap.stats().live_bytes, 0);
}

fn layout_of(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 1).unwrap()
}

macro_rules! rows {
    ($($(#[$attribute:meta])* $name:ident: $policy:ty, $tier:ty, $smaller_is_found:expr;)*) => {
        $(
            $(#[$attribute])*
            #[test]
            #[cfg_attr(miri, ignore = "it takes minutes")]
            fn $name() {
                sizes::<$policy, $tier>($smaller_is_found);
                addresses::<$policy, $tier>();
                pooled::<$policy, $tier>();
            }
        )*
    };
}

rows! {
    every_row_under_spin: Spin, Segregated, true;
    every_row_under_try: Try, Segregated, false;
    every_row_under_patient: larder::policy::Patient, Segregated, false;
    #[cfg(feature = "critical-section")]
    every_row_under_a_critical_section: larder::policy::CriticalSection, Segregated, false;
}

/// A spare granule is the block's own business: it is freed by its layout, by its real size, and after changes of its size.
#[test]
fn a_block_with_a_spare_granule() {
    for size in [128, 136] {
        let Neighbours { heap, blocks } = Neighbours::<Spin, Segregated>::new();
        // SAFETY: the block is live; its real size counts as its layout's.
        unsafe { heap.dealloc(blocks[3], layout(size)) };
        heap.check().unwrap();
        assert_eq!((heap.stats().wrong_frees, heap.stats().live_bytes), (0, 4 * 136));
    }
    for sizes in [[136, 128, 120], [128, 136, 128], [120, 128, 100]] {
        let Neighbours { heap, blocks } = Neighbours::<Spin, Segregated>::new();
        let mut old = 128;
        for size in sizes {
            // SAFETY: the block is live, and has this layout.
            let block = unsafe { heap.realloc(blocks[3], layout(old), size) };
            assert!(block == blocks[3] || size == 128, "{sizes:?}");
            if block != blocks[3] {
                // SAFETY: as above.
                unsafe { heap.dealloc(block, layout(size)) };
                old = 0;
                break;
            }
            old = size;
        }
        if old != 0 {
            // SAFETY: as above.
            unsafe { heap.dealloc(blocks[3], layout(old)) };
        }
        heap.check().unwrap();
        assert_eq!((heap.stats().wrong_frees, heap.stats().live_bytes), (0, 4 * 136), "{sizes:?}");
    }
}

#[cfg(feature = "linked-list")]
#[test]
fn realloc_with_a_wrong_layout_changes_nothing_in_linked_list() {
    let heap = heap::<Spin, larder::large::LinkedList>();
    // SAFETY: wrong on purpose, but for the last frees.
    unsafe {
        let blocks: [*mut u8; 2] = core::array::from_fn(|_| heap.alloc(layout(136)));
        for (count, size) in [128, 144, 272, 1 << 20].into_iter().enumerate() {
            assert!(heap.realloc(blocks[0], layout(size), 600).is_null(), "{size}");
            assert_eq!((heap.stats().wrong_frees, heap.stats().live_bytes), (count as u32 + 1, 2 * 136));
        }
        blocks.iter().for_each(|&block| heap.dealloc(block, layout(136)));
    }
    heap.check().unwrap();
    assert_eq!(heap.stats().live_bytes, 0);
}
