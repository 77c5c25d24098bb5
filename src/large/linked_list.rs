//! Tier 2 on the crate `linked_list_allocator`: first fit over an address-ordered list of holes.

use super::bitmap::Bitmap;
use super::{Ground, Large, TableBytes};
use crate::config::Reason;
use crate::geometry::GRANULE_BYTES;
use core::alloc::Layout;
use core::ptr::NonNull;
use linked_list_allocator::Heap;

/// Tier 2 on the crate `linked_list_allocator`: the least code, O(holes) time.
///
/// When the pools hold the small blocks, few holes exist; how many is not bounded, and neither is the time.
/// The crate offers no walk and no neighbours, so blocks don't change size in place, and
/// [`Stats`](crate::Stats) can't say how long the longest free run is. It asserts on some wrong frees;
/// a bit for each block's start finds them before they get there.
pub struct LinkedList;

const HEAP_BYTES: usize = size_of::<Heap>().next_multiple_of(8);

fn heap(ground: &impl Ground) -> *mut Heap {
    ground.table().cast()
}

fn starts(ground: &impl Ground) -> Bitmap {
    // SAFETY: `TABLE_BYTES` counts the heap and the bitmap behind it.
    unsafe { Bitmap::new(ground.table().add(HEAP_BYTES)) }
}

fn layout(granules: u32, align_granules: u32) -> Layout {
    let (size, align) = (granules as usize * GRANULE_BYTES, align_granules as usize * GRANULE_BYTES);
    debug_assert!(align.is_power_of_two() && size <= isize::MAX as usize - align);
    // SAFETY: the contract of `Large`: a power of two, and sizes within an arena of 16 MiB.
    unsafe { Layout::from_size_align_unchecked(size, align) }
}

// SAFETY: the crate's heap keeps blocks apart and inside the memory it was given; `give` passes on
// only what `take` returned and was not given back, as `starts` says.
unsafe impl Large for LinkedList {
    const TABLE_BYTES: TableBytes =
        TableBytes { fixed: HEAP_BYTES + Bitmap::BYTES_FIXED, per_page: Bitmap::BYTES_PER_PAGE, per_doubling: 0 };
    const WALKS: bool = false;

    unsafe fn init(ground: &impl Ground) {
        // SAFETY: the table is the backend's own, inside the entry; the ground is the heap's for good.
        unsafe {
            heap(ground).write(Heap::empty());
            (*heap(ground)).init(ground.block(1), ground.granules() as usize * GRANULE_BYTES);
        }
    }

    #[inline(never)]
    unsafe fn take(ground: &impl Ground, granules: u32, align_granules: u32) -> u32 {
        // SAFETY: inside the entry nobody else has a reference to the heap.
        let heap = unsafe { &mut *heap(ground) };
        let Ok(block) = heap.allocate_first_fit(layout(granules, align_granules)) else { return 0 };
        let offset = block.as_ptr().addr() - ground.block(1).addr();
        let first = (offset / GRANULE_BYTES) as u32 + 1;
        starts(ground).set(first);
        first
    }

    #[inline(never)]
    unsafe fn give(ground: &impl Ground, first: u32, granules: u32) -> Result<(), Reason> {
        let starts = starts(ground);
        if !starts.get(first) {
            return Err(Reason::NoBlock);
        }
        if granules > ground.granules() || starts.get(first + granules - 1) {
            return Err(Reason::Size);
        }
        starts.clear(first);
        // SAFETY: `first` is what `take` returned, and so not null. The crate rounds sizes alone, so
        // the alignment need not be the one that the block was asked for.
        unsafe {
            let block = NonNull::new_unchecked(ground.block(first));
            (*heap(ground)).deallocate(block, layout(granules, 1));
        }
        Ok(())
    }

    fn is_live(ground: &impl Ground, first: u32) -> bool {
        starts(ground).get(first)
    }

    unsafe fn free_granules(ground: &impl Ground) -> u32 {
        // SAFETY: inside the entry nobody else has a reference to the heap.
        unsafe { ((*heap(ground)).free() / GRANULE_BYTES) as u32 }
    }
}
