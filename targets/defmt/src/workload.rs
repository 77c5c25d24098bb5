//! A few calls after which the heap's figures are known. The test on the host makes them too, on a heap of its own.

use core::alloc::{GlobalAlloc, Layout};

/// How large the heap is.
pub const ARENA_BYTES: usize = 40 * 1024;

/// More than there is.
const TOO_LARGE: Layout = Layout::new::<[u8; ARENA_BYTES]>();

/// Blocks of three classes and of the large tier, some of them freed; a refusal, and three wrong frees.
pub fn run(heap: &impl GlobalAlloc) {
    let kinds = [(24, 30), (64, 7), (8, 1), (1000, 5)].map(|(bytes, count)| {
        let layout = Layout::from_size_align(bytes, 8).expect("a layout");
        // SAFETY: the size is not zero.
        (
            layout,
            count,
            core::array::from_fn::<_, 30, _>(|at| if at < count { unsafe { heap.alloc(layout) } } else { dangling() }),
        )
    });
    for (layout, count, blocks) in &kinds {
        for &block in blocks[..*count].iter().step_by(3) {
            // SAFETY: the block is live, and this is its layout.
            unsafe { heap.dealloc(block, *layout) };
        }
    }
    // SAFETY: the size is not zero.
    assert!(unsafe { heap.alloc(TOO_LARGE) }.is_null());
    let (layout, _, blocks) = &kinds[0];
    // SAFETY: none: these are wrong, and the heap finds it.
    unsafe {
        heap.dealloc(blocks[0], *layout);
        heap.dealloc(blocks[1].wrapping_add(8), *layout);
        heap.dealloc(dangling(), *layout);
    }
}

fn dangling() -> *mut u8 {
    core::ptr::without_provenance_mut(8)
}
