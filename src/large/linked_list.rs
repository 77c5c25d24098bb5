//! Tier 2 on the crate `linked_list_allocator`: first fit over an address-ordered list of holes.

use super::bitmap::Bitmap;
use super::{Ground, Large, TableBytes};
use crate::config::Reason;
use crate::geometry::{GRANULE, GRANULE_BYTES};
use core::alloc::Layout;
use core::ptr::NonNull;
use linked_list_allocator::Heap;

/// Tier 2 on the crate `linked_list_allocator`: the least code, O(holes) time.
///
/// When the pools hold the small blocks, few holes exist; how many is not bounded, and neither is the time.
/// The crate offers no walk and no neighbours, so blocks don't change size in place, and
/// [`Stats`](crate::Stats) can't say how long the longest free run is. It asserts on some wrong frees;
/// a bit for each block's first and last granule finds them before they get there.
pub struct LinkedList;

const HEAP_BYTES: usize = size_of::<Heap>().next_multiple_of(8);

fn heap(ground: impl Ground) -> *mut Heap {
    ground.table().cast()
}

fn ends(ground: impl Ground) -> Bitmap {
    // SAFETY: `TABLE_BYTES` counts the heap and the bitmap behind it.
    unsafe { Bitmap::new(ground.table().add(HEAP_BYTES)) }
}

fn layout(bytes: u32, align: u32) -> Layout {
    debug_assert!(align.is_power_of_two());
    // SAFETY: the contract of `Large`: a power of two, and sizes within an arena of 16 MiB.
    unsafe { Layout::from_size_align_unchecked(bytes as usize, align as usize) }
}

// SAFETY: the crate's heap keeps blocks apart and inside the memory it was given; `give` passes on
// only what `take` returned and was not given back, as `ends` says.
unsafe impl Large for LinkedList {
    const TABLE_BYTES: TableBytes =
        TableBytes { fixed: HEAP_BYTES + Bitmap::BYTES_FIXED, per_page: Bitmap::BYTES_PER_PAGE, per_doubling: 0 };
    const WALKS: bool = false;

    unsafe fn init(ground: impl Ground) {
        // SAFETY: the table is the backend's own, inside the entry; the ground is the heap's for good.
        unsafe {
            heap(ground).write(Heap::empty());
            (*heap(ground)).init(ground.word(GRANULE).cast(), ground.bytes() as usize);
        }
    }

    unsafe fn take(ground: impl Ground, bytes: u32, align: u32) -> u32 {
        // SAFETY: inside the entry nobody else has a reference to the heap.
        let heap = unsafe { &mut *heap(ground) };
        let Ok(block) = heap.allocate_first_fit(layout(bytes, align)) else { return 0 };
        let offset = block.as_ptr().addr() - ground.word(GRANULE).addr();
        let place = offset as u32 + GRANULE;
        ends(ground).flip(place / GRANULE);
        ends(ground).flip((place + bytes) / GRANULE - 1);
        place
    }

    unsafe fn give(ground: impl Ground, first: u32, bytes: u32) -> Result<(), Reason> {
        let ends = ends(ground);
        let (start, last) = (first / GRANULE, (first + bytes) / GRANULE - 1);
        if !ends.get(start) {
            return Err(Reason::NoBlock);
        }
        if last > ground.bytes() / GRANULE || ends.next_set(start + 1, last + 1) != last {
            return Err(Reason::Size);
        }
        ends.flip(start);
        ends.flip(last);
        // SAFETY: `first` is what `take` returned, and so not null. The crate rounds sizes alone, so
        // the alignment need not be the one that the block was asked for.
        unsafe {
            let block = NonNull::new_unchecked(ground.word(first).cast());
            (*heap(ground)).deallocate(block, layout(bytes, GRANULE));
        }
        Ok(())
    }

    fn is_live(ground: impl Ground, first: u32) -> bool {
        ends(ground).get(first / GRANULE)
    }

    unsafe fn free_bytes(ground: impl Ground) -> u32 {
        // SAFETY: inside the entry nobody else has a reference to the heap.
        unsafe { (*heap(ground)).free() as u32 }
    }
}

const _: () = assert!(GRANULE_BYTES % align_of::<Heap>() == 0);
