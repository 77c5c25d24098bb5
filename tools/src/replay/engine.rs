// Replays a script on an allocator over an arena. This file is part of the programs that `fit` makes, too: it uses nothing but `script`
// and the standard library.

use super::script::{Kind, Op, Script};
use std::alloc::Layout;

/// The arena begins at a multiple of this.
const ARENA_ALIGN: usize = 1 << 16;

/// Arenas are multiples of this.
pub const STEP_BYTES: usize = 16;

/// An allocator over an arena.
///
/// # Safety
///
/// As for `GlobalAlloc`: blocks are aligned, disjoint, in the arena, and keep their contents.
pub unsafe trait Subject: Sized {
    /// An allocator over `bytes` from `arena`; `None` if so few are no arena.
    ///
    /// # Safety
    ///
    /// The arena is unused, aligned to 64 KiB, and outlives the allocator, which stays in its box.
    unsafe fn start(arena: *mut u8, bytes: usize) -> Option<Box<Self>>;

    /// # Safety
    ///
    /// As for `GlobalAlloc::alloc`.
    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8;

    /// # Safety
    ///
    /// As for `GlobalAlloc::dealloc`.
    unsafe fn dealloc(&mut self, block: *mut u8, layout: Layout);

    /// # Safety
    ///
    /// As for `GlobalAlloc::realloc`.
    unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's contract; the blocks are disjoint, and hold what is copied.
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

/// Memory to replay a script in, again and again.
pub struct Room {
    memory: *mut u8,
    layout: Layout,
    slots: Vec<*mut u8>,
}

impl Drop for Room {
    fn drop(&mut self) {
        // SAFETY: it was allocated so, and is used no more.
        unsafe { std::alloc::dealloc(self.memory, self.layout) };
    }
}

impl Room {
    /// Memory for arenas of up to `limit` bytes; `None` if there is not so much.
    pub fn new(script: &Script, limit: usize) -> Option<Self> {
        let layout = Layout::from_size_align(limit.max(ARENA_ALIGN), ARENA_ALIGN).ok()?;
        // SAFETY: the size is not zero.
        let memory = unsafe { std::alloc::alloc_zeroed(layout) };
        let slots = vec![std::ptr::null_mut(); script.slots as usize];
        (!memory.is_null()).then_some(Self { memory, layout, slots })
    }

    /// The longest arena.
    pub fn limit(&self) -> usize {
        self.layout.size()
    }

    /// Replays the script on a fresh allocator up to the first refusal: the op's number, or `None` if all were served.
    pub fn first_refusal<S: Subject>(&mut self, ops: &[Op], bytes: usize) -> Option<usize> {
        assert!(bytes <= self.limit());
        // SAFETY: the memory is the room's, and each call's allocator is gone before the next.
        let Some(mut subject) = (unsafe { S::start(self.memory, bytes) }) else { return Some(0) };
        self.slots.fill(std::ptr::null_mut());
        // SAFETY: the slots are null, and a script frees and resizes only what it has allocated.
        ops.iter().position(|op| !unsafe { perform(&mut *subject, op, &mut self.slots) })
    }

    /// Replays the script to its end, and counts the refusals.
    pub fn refusals<S: Subject>(&mut self, ops: &[Op], bytes: usize) -> Option<usize> {
        assert!(bytes <= self.limit());
        // SAFETY: as above.
        let mut subject = unsafe { S::start(self.memory, bytes) }?;
        self.slots.fill(std::ptr::null_mut());
        // SAFETY: as above. A refused block stays null.
        Some(ops.iter().filter(|op| !unsafe { perform(&mut *subject, op, &mut self.slots) }).count())
    }
}

/// Does one request; `false` if it was refused. What was refused is not there later, and nothing is asked of it.
///
/// # Safety
///
/// The slot is in range, and null or a live block of the op's size and alignment.
#[inline(always)]
unsafe fn perform<S: Subject>(subject: &mut S, op: &Op, slots: &mut [*mut u8]) -> bool {
    let slot = &mut slots[op.slot as usize];
    // SAFETY: alignments are powers of two, and sizes are of 32 bits and not zero. The caller's contract.
    unsafe {
        let layout = Layout::from_size_align_unchecked(op.size as usize, 1 << op.align_log2);
        match op.kind {
            Kind::Alloc => {
                *slot = subject.alloc(layout);
                !slot.is_null()
            }
            Kind::Free => {
                if !slot.is_null() {
                    subject.dealloc(*slot, layout);
                    *slot = std::ptr::null_mut();
                }
                true
            }
            Kind::Realloc if slot.is_null() => true,
            Kind::Realloc => {
                let moved = subject.realloc(*slot, layout, op.new_size as usize);
                if moved.is_null() {
                    // The program gives up what it can't resize: later requests have the new size.
                    subject.dealloc(*slot, layout);
                }
                *slot = moved;
                !moved.is_null()
            }
        }
    }
}

/// Finds the smallest arena that serves, and the one from which on every one that was tried serves: a longer arena may refuse
/// what a shorter one served, because a block lands elsewhere. `None`: not even `limit` serves.
///
/// Time: about 100 attempts.
pub fn search(peak_bytes: usize, limit: usize, mut serves: impl FnMut(usize) -> bool) -> Option<(usize, usize)> {
    const PARTS: usize = 64;
    let row =
        |index: usize| (peak_bytes + peak_bytes * index / PARTS + 256 * index / PARTS).next_multiple_of(STEP_BYTES);
    let (mut first_serving, mut last_refused) = (None, None);
    for index in 0.. {
        if row(index) > limit {
            return None;
        }
        let serving = serves(row(index));
        if serving {
            first_serving = first_serving.or(Some(index));
        } else {
            last_refused = Some(index);
        }
        // A quarter as many in a row serve.
        if serving && index >= last_refused.map_or(0, |last: usize| last + PARTS / 4) {
            break;
        }
    }
    let first = first_serving?;
    let below =
        |index: Option<usize>| index.map_or(peak_bytes / STEP_BYTES * STEP_BYTES - STEP_BYTES.min(peak_bytes), row);
    let smallest = bisect(below(first.checked_sub(1)), row(first), &mut serves);
    let steady = bisect(below(last_refused), row(last_refused.map_or(0, |last| last + 1)), &mut serves);
    Some((smallest.min(steady), steady))
}

/// `high` serves; the result does too, and the step below it does not.
fn bisect(mut low: usize, mut high: usize, serves: &mut impl FnMut(usize) -> bool) -> usize {
    while high - low > STEP_BYTES {
        let middle = low + (high - low) / 2 / STEP_BYTES * STEP_BYTES;
        if serves(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}
