//! The memory of one measurement: the ops, the slots, the allocator's state, the arena.

use crate::heap::{self, Fault, Heap, Wrong};
use crate::op::Op;
use crate::search;
use core::ptr::{NonNull, null_mut, slice_from_raw_parts_mut};

/// The arena begins at a multiple of this: no allocator loses bytes to alignment, buddies included.
pub const ARENA_ALIGN: usize = 1 << 16;

/// Bytes in front of and behind the arena that nobody may touch.
pub const GUARD_BYTES: usize = 64;
const GUARD: u8 = 0x5c;

/// What fills a fresh arena: memory is not zero when a program starts.
const GARBAGE: u8 = 0xa5;

/// Memory for the replays of one trace. All of it outlives every heap that is placed in it.
pub struct Room {
    pub ops: *const Op,
    pub ops_len: usize,
    pub slots: *mut *mut u8,
    pub slots_len: usize,
    /// Aligned to 16 bytes, large enough for the heap that is placed.
    pub state: *mut u8,
    /// Aligned to [`ARENA_ALIGN`], with [`GUARD_BYTES`] of the room's on both sides.
    pub arena: *mut u8,
    pub arena_limit: usize,
}

/// The arenas found, without the allocator's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The smallest that serves.
    pub smallest_bytes: usize,
    /// The smallest from which on every one that was tried serves.
    pub steady_bytes: usize,
}

impl Room {
    fn arena(&self, bytes: usize) -> NonNull<[u8]> {
        NonNull::new(slice_from_raw_parts_mut(self.arena, bytes)).expect("the arena has an address")
    }

    fn ops(&self) -> &[Op] {
        // SAFETY: the room's maker filled `ops_len` ops.
        unsafe { core::slice::from_raw_parts(self.ops, self.ops_len) }
    }

    #[expect(clippy::mut_from_ref, reason = "the slots are raw memory that one replay at a time uses")]
    fn slots(&self) -> &mut [*mut u8] {
        // SAFETY: the room owns `slots_len` slots, and the loops of this file use them one after the other.
        unsafe { core::slice::from_raw_parts_mut(self.slots, self.slots_len) }
    }

    /// A fresh heap over the first `bytes` of the arena; `None` if it can't begin with so few.
    pub fn fresh<H: Heap>(&self, bytes: usize) -> Option<NonNull<H>> {
        let heap = self.state.cast::<H>();
        // SAFETY: the room's maker left place for the heap, and the arena has at least `bytes`.
        unsafe {
            H::place(heap);
            (*heap).start(self.arena(bytes)).then(|| NonNull::new_unchecked(heap))
        }
    }

    /// Replays the trace on a fresh heap; the index of the op that was refused, 0 if the heap could not begin.
    pub fn attempt<H: Heap>(&self, bytes: usize) -> Option<usize> {
        match self.fresh::<H>(bytes) {
            None => Some(0),
            // SAFETY: the heap is fresh, and nobody else's.
            Some(mut heap) => self.replay(unsafe { heap.as_mut() }),
        }
    }

    /// Replays the trace on `heap`, which is fresh.
    pub fn replay<H: Heap>(&self, heap: &mut H) -> Option<usize> {
        // SAFETY: the trace is valid and its slots fit.
        unsafe { heap::replay(heap, self.ops(), self.slots()) }
    }

    /// Finds the arenas that serve the trace, whose peak is `peak_bytes`; `None` if the room's is too small.
    pub fn search<H: Heap>(&self, peak_bytes: usize) -> Option<Found> {
        search::search(peak_bytes, self.arena_limit, H::SEARCH_PARTS, |bytes| self.attempt::<H>(bytes).is_none())
    }

    /// A checked replay in an arena full of garbage.
    ///
    /// # Errors
    /// As for [`heap::check`].
    pub fn check<H: Heap>(&self, bytes: usize) -> Result<(), Wrong> {
        let guards = [self.arena.wrapping_sub(GUARD_BYTES), self.arena.wrapping_add(bytes)];
        // SAFETY: the arena and its guards are the room's.
        unsafe {
            self.arena.write_bytes(GARBAGE, bytes);
            guards.iter().for_each(|guard| guard.write_bytes(GUARD, GUARD_BYTES));
        }
        self.slots().fill(null_mut());
        let mut heap = self.fresh::<H>(bytes).ok_or((0, Fault::Refused))?;
        let arena = if H::ARENA_INSIDE {
            NonNull::new(slice_from_raw_parts_mut(self.state, size_of::<H>())).expect("the state has an address")
        } else {
            self.arena(bytes)
        };
        // SAFETY: the trace is valid, its slots fit and are null, and the heap is fresh.
        unsafe { heap::check(heap.as_mut(), self.ops(), self.slots(), arena) }?;
        let untouched = |guard: &*mut u8| {
            // SAFETY: as above.
            unsafe { core::slice::from_raw_parts(*guard, GUARD_BYTES) }.iter().all(|&byte| byte == GUARD)
        };
        if guards.iter().all(untouched) { Ok(()) } else { Err((self.ops_len, Fault::Overrun)) }
    }
}
