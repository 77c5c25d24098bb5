//! What an allocator must offer, and the loops that drive it.

use crate::op::{Kind, Op};
use core::alloc::Layout;
use core::ptr::{NonNull, null_mut};

/// An allocator over one arena that is given at run time.
///
/// # Safety
/// As for `GlobalAlloc`: blocks are aligned, disjoint, inside the arena, and keep their contents.
pub unsafe trait Heap: Sized {
    /// Name of the allocator and its configuration.
    const NAME: &'static str;

    /// Bytes that the allocator needs besides its arena; added to the arena in every figure.
    const STATE_BYTES: usize = size_of::<Self>();

    /// The allocator brings an arena of a fixed size in its own type, of which it may use as much as it is told.
    const ARENA_INSIDE: bool = false;

    /// How finely sizes are searched: in which part of the peak.
    const SEARCH_PARTS: usize = 64;

    /// Where the arena's bytes are, if the allocator can tell.
    fn anatomy(&self) -> Option<Anatomy> {
        None
    }

    /// Walks the whole heap, if the allocator can: whether everything in it is as it should be.
    fn verify(&self) -> bool {
        true
    }

    /// Writes an allocator without an arena.
    ///
    /// # Safety
    /// `at` is writable and aligned.
    unsafe fn place(at: *mut Self);

    /// Gives it its arena. `false` if the arena is too small for the allocator's own needs.
    ///
    /// # Safety
    /// The arena is unused and outlives the heap, which stays where it is.
    unsafe fn start(&mut self, arena: NonNull<[u8]>) -> bool;

    /// # Safety
    /// As for `GlobalAlloc::alloc`.
    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8;

    /// # Safety
    /// As for `GlobalAlloc::dealloc`.
    unsafe fn dealloc(&mut self, block: *mut u8, layout: Layout);

    /// # Safety
    /// As for `GlobalAlloc::alloc_zeroed`.
    unsafe fn alloc_zeroed(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract; a block that is not null has the layout's size.
        unsafe {
            let block = self.alloc(layout);
            if !block.is_null() {
                block.write_bytes(0, layout.size());
            }
            block
        }
    }

    /// # Safety
    /// As for `GlobalAlloc::realloc`.
    unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's contract; both blocks hold what is copied, and they are disjoint.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(block, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

/// The calls of a [`Heap`] whose first field is a `GlobalAlloc`, all of them that one's.
#[cfg(any(feature = "larder", feature = "talc"))]
macro_rules! calls_of_the_first_field {
    () => {
        unsafe fn alloc(&mut self, layout: core::alloc::Layout) -> *mut u8 {
            // SAFETY: `Heap::alloc` asks for what `GlobalAlloc`'s does: the size is not zero.
            unsafe { core::alloc::GlobalAlloc::alloc(&self.0, layout) }
        }

        unsafe fn dealloc(&mut self, block: *mut u8, layout: core::alloc::Layout) {
            // SAFETY: as `GlobalAlloc`'s: the block is live, this heap's, of this layout, and given back once.
            unsafe { core::alloc::GlobalAlloc::dealloc(&self.0, block, layout) }
        }

        unsafe fn alloc_zeroed(&mut self, layout: core::alloc::Layout) -> *mut u8 {
            // SAFETY: as `GlobalAlloc`'s: the size is not zero.
            unsafe { core::alloc::GlobalAlloc::alloc_zeroed(&self.0, layout) }
        }

        unsafe fn realloc(&mut self, block: *mut u8, layout: core::alloc::Layout, new_size: usize) -> *mut u8 {
            // SAFETY: as `GlobalAlloc`'s: the block is live, this heap's, of this layout, and the new size is not zero.
            unsafe { core::alloc::GlobalAlloc::realloc(&self.0, block, layout, new_size) }
        }
    };
}
#[cfg(any(feature = "larder", feature = "talc"))]
pub(crate) use calls_of_the_first_field;

/// Where an arena's bytes are at some moment.
#[derive(Clone, Copy, Debug)]
pub struct Anatomy {
    /// The allocator's own tables.
    pub tables_bytes: usize,
    /// Live blocks, at the size they occupy.
    pub live_bytes: usize,
    /// Free, but for one class only.
    pub bound_bytes: usize,
    /// Free for everybody.
    pub free_bytes: usize,
    /// Of these, the longest piece.
    pub largest_free_bytes: usize,
}

/// `GlobalAlloc`'s methods as calls that are not inlined, as the ones that programs make are not.
mod call {
    use super::{Heap, Op};

    #[inline(never)]
    pub unsafe fn alloc<H: Heap>(heap: &mut H, op: &Op) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { heap.alloc(op.layout()) }
    }

    #[inline(never)]
    pub unsafe fn alloc_zeroed<H: Heap>(heap: &mut H, op: &Op) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { heap.alloc_zeroed(op.layout()) }
    }

    #[inline(never)]
    pub unsafe fn realloc<H: Heap>(heap: &mut H, block: *mut u8, op: &Op) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { heap.realloc(block, op.layout(), op.new_size as usize) }
    }

    #[inline(never)]
    pub unsafe fn dealloc<H: Heap>(heap: &mut H, block: *mut u8, op: &Op) {
        // SAFETY: the caller's contract.
        unsafe { heap.dealloc(block, op.layout()) }
    }
}

/// Replays `ops`; the index of the op that was refused, if one was.
///
/// # Safety
/// The heap is started and holds no block; `slots` holds every slot of `ops`, which is a valid trace.
#[inline(never)]
pub unsafe fn replay<H: Heap>(heap: &mut H, ops: &[Op], slots: &mut [*mut u8]) -> Option<usize> {
    for (index, op) in ops.iter().enumerate() {
        // SAFETY: the trace is valid, so the slot is in range, and live for the last two.
        unsafe {
            let slot = slots.get_unchecked_mut(op.slot as usize);
            match op.kind() {
                Kind::Alloc => *slot = call::alloc(heap, op),
                Kind::AllocZeroed => *slot = call::alloc_zeroed(heap, op),
                Kind::Realloc => *slot = call::realloc(heap, *slot, op),
                Kind::Dealloc => {
                    call::dealloc(heap, *slot, op);
                    continue;
                }
            }
            if slot.is_null() {
                return Some(index);
            }
        }
    }
    None
}

/// An op that went wrong, by index, and how.
pub type Wrong = (usize, Fault);

/// What an allocator did wrong in a checked replay.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Refused = 1,
    Misaligned = 2,
    OutsideArena = 3,
    NotZeroed = 4,
    /// A block's contents changed: blocks overlap, or a copy went wrong.
    Corrupt = 5,
    /// Bytes next to the arena changed.
    Overrun = 6,
    /// The allocator's own check of itself failed.
    Damaged = 7,
}

/// The whole heap is walked each time that so many ops are done.
const VERIFIED_EVERY: usize = 64;

/// Every byte of the block in `slot` holds this, so that two blocks that overlap find out.
fn stamp(slot: u32, size: usize) -> u8 {
    (slot.wrapping_mul(0x9e37_79b1) >> 24) as u8 ^ (size as u8).rotate_left(3) | 1
}

unsafe fn holds(block: *const u8, size: usize, byte: u8) -> Result<(), Fault> {
    // SAFETY: the caller passes a live block of at least `size` bytes that was written.
    let bytes = unsafe { core::slice::from_raw_parts(block, size) };
    if bytes.iter().all(|&held| held == byte) { Ok(()) } else { Err(Fault::Corrupt) }
}

fn placed(block: *mut u8, size: usize, align: usize, arena: NonNull<[u8]>) -> Result<(), Fault> {
    let offset = (block as usize).wrapping_sub(arena.as_ptr().cast::<u8>() as usize);
    if block.is_null() {
        Err(Fault::Refused)
    } else if !(block as usize).is_multiple_of(align) {
        Err(Fault::Misaligned)
    } else if offset > arena.len() || arena.len() - offset < size {
        Err(Fault::OutsideArena)
    } else {
        Ok(())
    }
}

/// Replays `ops` with every block filled, and looked at before it is resized or freed; at the end, at all that live. Again and
/// again the heap checks itself.
///
/// # Safety
/// As for [`replay`]; `slots` is all null, and `arena` is the heap's.
///
/// # Errors
/// The first fault and the index of its op (`ops.len()` for the end).
pub unsafe fn check<H: Heap>(
    heap: &mut H,
    ops: &[Op],
    slots: &mut [*mut u8],
    arena: NonNull<[u8]>,
) -> Result<(), Wrong> {
    for (index, op) in ops.iter().enumerate() {
        // SAFETY: the caller's contract.
        unsafe { check_op(heap, op, &mut slots[op.slot as usize], arena) }.map_err(|fault| (index, fault))?;
        if index % VERIFIED_EVERY == 0 && !heap.verify() {
            return Err((index, Fault::Damaged));
        }
    }
    if !heap.verify() {
        return Err((ops.len(), Fault::Damaged));
    }
    // The last op of a live slot says what it holds.
    for op in ops.iter().rev() {
        let slot = &mut slots[op.slot as usize];
        let size = if op.kind() == Kind::Realloc { op.new_size as usize } else { op.layout().size() };
        if !slot.is_null() {
            // SAFETY: the slot is live and as large as its last op made it.
            unsafe { holds(*slot, size, stamp(op.slot, size)) }.map_err(|fault| (ops.len(), fault))?;
        }
        *slot = null_mut();
    }
    Ok(())
}

unsafe fn check_op<H: Heap>(heap: &mut H, op: &Op, slot: &mut *mut u8, arena: NonNull<[u8]>) -> Result<(), Fault> {
    let (size, align) = (op.layout().size(), op.layout().align());
    let new_size = if op.kind() == Kind::Realloc { op.new_size as usize } else { size };
    // SAFETY: the trace is valid; blocks are only read and written within their size, once they were seen in the arena.
    unsafe {
        match op.kind() {
            Kind::Alloc => *slot = heap.alloc(op.layout()),
            Kind::AllocZeroed => {
                *slot = heap.alloc_zeroed(op.layout());
                placed(*slot, size, align, arena)?;
                holds(*slot, size, 0).map_err(|_| Fault::NotZeroed)?;
            }
            Kind::Realloc => {
                holds(*slot, size, stamp(op.slot, size))?;
                *slot = heap.realloc(*slot, op.layout(), new_size);
                placed(*slot, new_size, align, arena)?;
                holds(*slot, size.min(new_size), stamp(op.slot, size))?;
            }
            Kind::Dealloc => {
                holds(*slot, size, stamp(op.slot, size))?;
                heap.dealloc(*slot, op.layout());
                *slot = null_mut();
                return Ok(());
            }
        }
        placed(*slot, new_size, align, arena)?;
        slot.write_bytes(stamp(op.slot, new_size), new_size);
    }
    Ok(())
}
