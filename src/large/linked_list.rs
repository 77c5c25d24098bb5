//! The large tier on the crate `linked_list_allocator`: first fit over an address-ordered list of holes.

use super::bitmap::Bitmap;
use super::{Backend, Ground, Large, Resized, Run, TableBytes};
use crate::config::Reason;
use crate::config::geometry::{GRANULE, GRANULE_BYTES};
use core::alloc::Layout;
use core::ptr::NonNull;
use linked_list_allocator::Heap;

/// The large tier on the crate `linked_list_allocator`: the least code, O(holes) time.
///
/// When the pools hold the small blocks, few holes exist; how many is not bounded, and neither is the time. The crate
/// knows no neighbours, so blocks don't change size in place. (One that shrinks while the tier is held stays as it is.)
/// It asserts on some wrong frees; bits for each block's first and last granule find them before they get there. It
/// keeps addresses: a heap that was moved after its first use refuses everything. Where pages lie is the crate's
/// choice:
///
/// ```compile_fail
/// use larder::{Frugal, Heap, large, policy};
///
/// static HEAP: Heap<4096, Frugal, policy::Default, large::LinkedList> = Heap::new(); // pools in a part of the arena
/// ```
pub struct LinkedList;

/// The backend's table: the crate's heap, and where it believes its memory to be.
struct Table {
    heap: Heap,
    home: usize,
}

const TABLE_BYTES: usize = size_of::<Table>().next_multiple_of(8);

/// The crate's heap, unless the memory was moved since it was set up: it keeps addresses.
///
/// # Safety
///
/// Inside the entry, after `init`; the reference is the only one.
unsafe fn heap<'a>(ground: impl Ground) -> Option<&'a mut Heap> {
    // SAFETY: the table is the backend's own, and inside the entry nobody else has a reference to it.
    let table = unsafe { &mut *ground.table().cast::<Table>() };
    (table.home == ground.word(GRANULE).addr()).then_some(&mut table.heap)
}

/// Which granules are a block's first.
fn starts(ground: impl Ground) -> Bitmap {
    // SAFETY: `TABLE_BYTES` counts the table and the two bitmaps behind it.
    unsafe { Bitmap::new(ground.table().add(TABLE_BYTES)) }
}

/// The number of a live block's last granule.
fn last_of(ground: impl Ground, first: u32, bytes: u32) -> Result<u32, Reason> {
    let start = first / GRANULE;
    if !starts(ground).get(start) {
        return Err(Reason::NoBlock);
    }
    if bytes > ground.bytes() + GRANULE - first {
        return Err(Reason::Size);
    }
    let last = (first + bytes) / GRANULE - 1;
    if lasts(ground).next_set(start, last + 1) != last { Err(Reason::Size) } else { Ok(last) }
}

/// Which granules are a block's last.
fn lasts(ground: impl Ground) -> Bitmap {
    let before = TABLE_BYTES + Bitmap::bytes(ground.bytes());
    // SAFETY: as in `starts`.
    unsafe { Bitmap::new(ground.table().add(before)) }
}

/// `None`: rounded up, a block is longer than the crate's layouts can be.
fn layout(bytes: u32, align: u32) -> Option<Layout> {
    debug_assert!(align.is_power_of_two());
    Layout::from_size_align(bytes as usize, align as usize).ok()
}

// SAFETY: the crate's heap keeps blocks apart and inside the memory it was given; `give` passes on
// only what `take` returned and was not given back, as the bitmaps say.
unsafe impl Backend for LinkedList {
    const TABLE_BYTES: TableBytes = TableBytes {
        before: 0,
        per_doubling: 0,
        behind: TABLE_BYTES + 2 * Bitmap::BYTES_FIXED,
        per_page: 2 * Bitmap::BYTES_PER_PAGE,
    };

    unsafe fn init(ground: impl Ground) {
        let home = ground.word(GRANULE);
        // SAFETY: the table is the backend's own, inside the entry; the ground is the heap's for good.
        unsafe {
            let table = ground.table().cast::<Table>();
            table.write(Table { heap: Heap::empty(), home: home.addr() });
            (*table).heap.init(home.cast(), ground.bytes() as usize);
        }
    }

    unsafe fn take(ground: impl Ground, bytes: u32, align: u32) -> u32 {
        // SAFETY: passed on.
        let Some(heap) = (unsafe { heap(ground) }) else { return 0 };
        let Some(layout) = layout(bytes, align) else { return 0 };
        let Ok(block) = heap.allocate_first_fit(layout) else { return 0 };
        let offset = block.as_ptr().addr() - ground.word(GRANULE).addr();
        let place = offset as u32 + GRANULE;
        starts(ground).flip(place / GRANULE);
        lasts(ground).flip((place + bytes) / GRANULE - 1);
        place
    }

    unsafe fn give(ground: impl Ground, first: u32, bytes: u32) -> Result<(), Reason> {
        let last = last_of(ground, first, bytes)?;
        // SAFETY: passed on.
        let heap = unsafe { heap(ground) }.ok_or(Reason::Foreign)?;
        let layout = layout(bytes, GRANULE).ok_or(Reason::Size)?;
        starts(ground).flip(first / GRANULE);
        lasts(ground).flip(last);
        // SAFETY: `first` is what `take` returned, and so not null. The crate rounds sizes alone, so
        // the alignment need not be the one that the block was asked for.
        unsafe { heap.deallocate(NonNull::new_unchecked(ground.word(first).cast()), layout) };
        Ok(())
    }

    unsafe fn resize(ground: impl Ground, first: u32, old: u32, _: u32) -> Resized {
        last_of(ground, first, old).map_or_else(Resized::Wrong, |_| Resized::Move)
    }

    unsafe fn is_live(ground: impl Ground, first: u32) -> bool {
        starts(ground).get(first / GRANULE)
    }

    unsafe fn true_bytes(ground: impl Ground, first: u32) -> u32 {
        let start = first / GRANULE;
        // From its start to its end, the bits are the block's: the context that asks owns it.
        (lasts(ground).next_set(start, ground.bytes() / GRANULE) + 1 - start) * GRANULE
    }

    unsafe fn free_bytes(ground: impl Ground) -> u32 {
        // SAFETY: passed on.
        unsafe { heap(ground) }.map_or(0, |heap| heap.free() as u32)
    }

    /// Time: a load for each 256 bytes of the run.
    unsafe fn next_run(ground: impl Ground, from: u32) -> Option<Run> {
        if from > ground.bytes() {
            return None;
        }
        let free = !starts(ground).get(from / GRANULE);
        // SAFETY: inside the entry: the context that asks owns all blocks.
        let bytes = if free { next_block(ground, from) - from } else { unsafe { Self::true_bytes(ground, from) } };
        Some(Run { first: from, bytes, free, begins: true })
    }

    unsafe fn next_start(ground: impl Ground, from: u32) -> Result<u32, u32> {
        Ok(next_block(ground, from))
    }

    unsafe fn check(ground: impl Ground) -> Result<(), &'static str> {
        let (mut from, mut free) = (GRANULE, 0);
        // SAFETY: inside the entry; each run begins where the one before ends.
        unsafe {
            while let Some(run) = Self::next_run(ground, from) {
                from += run.bytes;
                free += if run.free { run.bytes } else { 0 };
            }
            if free == Self::free_bytes(ground) { Ok(()) } else { Err("free bytes are not those between the blocks") }
        }
    }
}

impl Large for LinkedList {}

/// The first block at or behind a place; or behind the last granule.
fn next_block(ground: impl Ground, from: u32) -> u32 {
    starts(ground).next_set(from / GRANULE, ground.bytes() / GRANULE + 1) * GRANULE
}

const _: () = assert!(GRANULE_BYTES % align_of::<Heap>() == 0);
