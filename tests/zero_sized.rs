//! Requests of no bytes: a caller's error by the contract of `GlobalAlloc`, which C's `malloc(0)` and some crates make. They do no harm.

use std::alloc::Layout;

use larder::policy::{Spin, Try};
use larder::{Compact, Config, Defaults, Heap, Inspect, Region, Small};

fn nothing(align: usize) -> Layout {
    Layout::from_size_align(0, align).unwrap()
}

/// Blocks of no bytes are different ones, aligned, and freed like others; and they change their size from and to none.
fn does_no_harm(heap: &impl Inspect) {
    let one = Layout::new::<u64>();
    for align in [1, 8, 16, 256] {
        // SAFETY: sizes of zero are what is tested. Every block is freed once, with the layout that it has.
        unsafe {
            let mut blocks: Vec<*mut u8> = (0..40).map(|_| heap.alloc(nothing(align))).collect();
            assert!(blocks.iter().all(|block| !block.is_null() && block.addr() % align == 0), "alignment {align}");
            let neighbour = heap.alloc(one);
            neighbour.cast::<u64>().write(u64::MAX);
            blocks.sort();
            blocks.dedup();
            assert_eq!(blocks.len(), 40, "two blocks are one");
            blocks.into_iter().for_each(|block| heap.dealloc(block, nothing(align)));
            assert_eq!(neighbour.cast::<u64>().read(), u64::MAX);
            heap.dealloc(neighbour, one);
        }
    }
    for size in [1, 24, 64, 500] {
        let layout = Layout::from_size_align(size, 8).unwrap();
        // SAFETY: as above.
        unsafe {
            let grown = heap.realloc(heap.alloc(nothing(8)), nothing(8), size);
            assert!(!grown.is_null());
            grown.write_bytes(1, size);
            let shrunk = heap.realloc(grown, layout, 0);
            assert!(!shrunk.is_null());
            heap.dealloc(shrunk, nothing(8));
        }
    }
    heap.trim();
    let (stats, check) = (heap.stats(), heap.check());
    assert_eq!((check, stats.live_bytes, stats.wrong_frees, stats.refused), (Ok(()), 0, 0, 0), "{stats}");
    assert_eq!(stats.free_runs.max(1), 1, "a page was lost\n{stats}");
}

/// Its smallest class is not the smallest block.
struct Sparse;
impl Config for Sparse {
    const CLASSES: &'static [usize] = &[16, 48, 128];
}

#[test]
fn of_every_policy() {
    static WAITING: Heap<16384, Defaults, Spin> = Heap::new();
    static TRYING: Heap<16384, Defaults, Try> = Heap::new();
    does_no_harm(&WAITING);
    does_no_harm(&TRYING);
}

#[test]
fn of_every_configuration() {
    static SPARSE: Heap<32768, Sparse, Spin> = Heap::new();
    static COMPACT: Heap<32768, Compact, Spin> = Heap::new();
    does_no_harm(&SPARSE);
    does_no_harm(&COMPACT);
}

#[cfg(feature = "linked-list")]
#[test]
fn of_the_linked_list() {
    static LIST: Heap<32768, Defaults, Spin, larder::large::LinkedList> = Heap::new();
    does_no_harm(&LIST);
}

#[test]
fn of_a_region() {
    static REGION: Region<Defaults, Try> = Region::new();
    let memory = Box::leak(vec![0xA5; 32768].into_boxed_slice());
    // SAFETY: the memory is nobody else's, for ever.
    unsafe { REGION.claim(memory.as_mut_ptr(), memory.len()) }.unwrap();
    does_no_harm(&REGION);
}

#[test]
fn of_a_small_heap() {
    static SMALL: Small<32768> = Small::new();
    does_no_harm(&SMALL);
}
