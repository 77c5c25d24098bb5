//! A call that is interrupted, and what it needs.

use core::alloc::Layout;
use core::ptr::{NonNull, null_mut};

use alloc::alloc::{alloc, dealloc, realloc};
use larder_suite::{Block, Subject};

use crate::party::{Party, layout};
use crate::trap::Call;

/// A call, and what it needs.
pub struct Operation {
    pub name: &'static str,
    /// Whether somebody else holds the large tier meanwhile.
    pub is_held: bool,
    /// Whether the call visits the large tier, or changes several words of the one table, and so can be interrupted in the middle of that.
    pub has_middle: bool,
    /// Whether it gives back what it has of a run if somebody else takes the rest meanwhile.
    pub rolls_back: bool,
    pub prepare: Prepare,
}

/// Brings the heap into the right state: what main and, more than before, the party that interrupts hold, and the call.
pub type Prepare = fn(&mut Party, &mut Party) -> Step;

/// What is called.
pub enum Step {
    Alloc(Layout),
    Free(Block),
    Resize(Block, usize),
    /// A release that must be found wrong, and change nothing. Or else the block's owner's is, which comes later.
    WrongFree(*mut u8, Layout),
    Trim,
}

impl Step {
    /// The call of the global allocator.
    pub fn call(&self, heap: &'static &'static dyn Subject) -> Call {
        let (function, arguments) = match self {
            Step::Alloc(layout) => (raw_alloc as *const (), [layout.size(), layout.align(), 0, 0]),
            Step::Free(block) => {
                let layout = block.layout();
                (raw_free as *const (), [block.as_ptr().expose_provenance(), layout.size(), layout.align(), 0])
            }
            Step::Resize(block, size) => {
                let layout = block.layout();
                let start = block.as_ptr().expose_provenance();
                (raw_resize as *const (), [start, layout.size(), layout.align(), *size])
            }
            Step::WrongFree(start, layout) => {
                let heap = core::ptr::from_ref(heap).expose_provenance();
                (raw_wrong_free as *const (), [heap, start.expose_provenance(), layout.size(), layout.align()])
            }
            Step::Trim => (raw_trim as *const (), [core::ptr::from_ref(heap).expose_provenance(), 0, 0, 0]),
        };
        Call { function, arguments }
    }

    /// What main has when the call has returned that.
    pub fn finish(self, result: usize, mine: &mut Party) {
        let granted = NonNull::new(core::ptr::with_exposed_provenance_mut::<u8>(result));
        match (self, granted) {
            (Step::Alloc(layout), Some(start)) => {
                let seed = mine.next_seed();
                // SAFETY: the heap has just returned it for this layout.
                mine.keep(unsafe { Block::from_raw(start, layout, seed, 0) });
            }
            (Step::Alloc(_), None) => mine.refused += 1,
            (Step::Free(block), _) => core::mem::forget(block),
            (Step::Resize(block, size), Some(start)) => {
                let (_, old, seed) = block.into_raw();
                let kept = old.size().min(size);
                // SAFETY: the heap has just returned it for this layout, with the old block's contents.
                mine.keep(unsafe { Block::from_raw(start, layout(size, old.align()), seed, kept) });
            }
            (Step::Resize(block, _), None) => {
                mine.refused += 1;
                mine.keep(block);
            }
            (Step::WrongFree(..), _) => mine.wrong_frees += 1,
            (Step::Trim, _) => {}
        }
    }
}

extern "C" fn raw_alloc(size: usize, align: usize) -> *mut u8 {
    // SAFETY: the size is not zero, and both come from a layout.
    unsafe { alloc(Layout::from_size_align_unchecked(size, align)) }
}

extern "C" fn raw_free(start: *mut u8, size: usize, align: usize) {
    // SAFETY: a live block with its layout, which nobody uses any more.
    unsafe { dealloc(start, Layout::from_size_align_unchecked(size, align)) }
}

extern "C" fn raw_resize(start: *mut u8, size: usize, align: usize, new_size: usize) -> *mut u8 {
    // SAFETY: a live block with its layout; the new size is not zero.
    unsafe { realloc(start, Layout::from_size_align_unchecked(size, align), new_size) }
}

extern "C" fn raw_trim(heap: &&'static dyn Subject) -> *mut u8 {
    heap.trim();
    null_mut()
}

/// Not the global allocator's function, of which the compiler may assume that nobody does this.
extern "C" fn raw_wrong_free(heap: &&'static dyn Subject, start: *mut u8, size: usize, align: usize) -> *mut u8 {
    // SAFETY: none; that the heap finds out is what is tested. Both come from a layout.
    unsafe { heap.dealloc(start, Layout::from_size_align_unchecked(size, align)) };
    null_mut()
}
