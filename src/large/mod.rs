//! Tier 2: everything that is not pooled, and the pages of the pools themselves.
//!
//! A backend works on granules of the arena, inside an entry that keeps everybody else out. Live
//! blocks carry no header: what a backend must know of them, it keeps in its own table.

mod bitmap;
#[cfg(feature = "linked-list")]
mod linked_list;
mod segregated;

#[cfg(feature = "linked-list")]
pub use linked_list::LinkedList;
pub use segregated::Segregated;

use crate::config::Reason;
use crate::geometry::{PAGE_GRANULES, page_granule};

/// The memory that a backend works on.
///
/// # Safety
///
/// - Granules `1..=granules()` are memory of the heap's that starts at `block(1)`, which is aligned to
///   a page and derived from the arena's own pointer; granule `g` lies `8 * (g - 1)` bytes after it.
/// - `table()` is the backend's own zeroed memory, as long as its constants ask for, aligned to 8.
pub unsafe trait Ground {
    /// How many granules there are.
    fn granules(&self) -> u32;
    /// The address of a granule.
    fn block(&self, granule: u32) -> *mut u8;
    /// The backend's table.
    fn table(&self) -> *mut u8;
}

/// The most table bytes that a backend needs: `fixed + per_page * pages + per_doubling * log2(granules)`.
#[derive(Clone, Copy)]
pub struct TableBytes {
    /// For any arena.
    pub fixed: usize,
    /// For each page of the arena, also one that was begun.
    pub per_page: usize,
    /// For each time that the number of granules doubles.
    pub per_doubling: usize,
}

/// A run of granules: what a walk over the arena meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Its first granule.
    pub first: u32,
    /// Its length, in granules.
    pub granules: u32,
    /// Whether it is free; if not, it is one live block, or one page of the pools.
    pub free: bool,
    /// Whether the run begins here. If not, it is the rest of a live one that the walk has cut.
    pub begins: bool,
}

/// How far one step of a walk looks, in granules: what bounds the time it stays inside the entry.
pub const WALK_GRANULES: u32 = 512;

/// The outcome of a change of size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resized {
    /// The block has the new size, where it is.
    InPlace,
    /// There is no room where it is, or the backend can't: the block is as before.
    Move,
    /// The block is none: nothing was changed.
    Wrong(Reason),
}

/// A large tier.
///
/// # Safety
///
/// - Blocks that were taken and not given back don't overlap and lie inside the ground.
/// - A block's granules are not read or written between `take` and `give`.
/// - All-zero bytes in the table stand for *not yet set up*; `init` is called once before all else.
/// - `give` and `resize` change nothing when they refuse.
pub unsafe trait Large: 'static {
    /// Size of the table.
    const TABLE_BYTES: TableBytes;

    /// Whether the backend can walk: [`Large::next_run`] and [`Large::check`] do something.
    const WALKS: bool;

    /// Makes all granules one free run.
    ///
    /// # Safety
    ///
    /// Called once, inside the entry, on zeroed tables, before any other method.
    unsafe fn init(ground: &impl Ground);

    /// Takes a block whose first granule's address is a multiple of `align_granules` granules.
    /// Returns its first granule, or 0.
    ///
    /// # Safety
    ///
    /// Inside the entry. `granules` is at least 2 and at most `ground.granules()`; `align_granules` is
    /// a power of two, at most 64 KiB.
    unsafe fn take(ground: &impl Ground, granules: u32, align_granules: u32) -> u32;

    /// Takes a page that the pools can use. Returns its first granule, or 0.
    ///
    /// # Safety
    ///
    /// Inside the entry.
    unsafe fn take_page(ground: &impl Ground) -> u32 {
        // SAFETY: passed on; a page is larger than the smallest block.
        unsafe { Self::take(ground, PAGE_GRANULES, PAGE_GRANULES) }
    }

    /// Gives a block back, or says why that would be wrong.
    ///
    /// # Safety
    ///
    /// Inside the entry. If the block is live, it is the caller's and no longer used.
    /// `first` is at least 1; `granules` at least 2.
    unsafe fn give(ground: &impl Ground, first: u32, granules: u32) -> Result<(), Reason>;

    /// Whether a block looks live. For correct callers it always does, also outside of the entry and
    /// while tier 2 changes elsewhere.
    fn is_live(ground: &impl Ground, first: u32) -> bool;

    /// Changes the size of a block where it is.
    ///
    /// # Safety
    ///
    /// As `give`; `new` is at least 2 and at most `ground.granules()`.
    unsafe fn resize(ground: &impl Ground, first: u32, old: u32, new: u32) -> Resized {
        let _ = (ground, first, old, new);
        Resized::Move
    }

    /// Whether blocks can shrink in place, and so may leave a tail that starts no block yet.
    const SHRINKS: bool = false;

    /// Gives back the tail of a block that has shrunk.
    ///
    /// # Safety
    ///
    /// Inside the entry. The tail is the end of a live block, and the caller's; the backend `SHRINKS`.
    unsafe fn give_tail(ground: &impl Ground, first: u32, granules: u32) {
        let _ = (ground, first, granules);
    }

    /// Granules that are free.
    ///
    /// # Safety
    ///
    /// Inside the entry.
    unsafe fn free_granules(ground: &impl Ground) -> u32;

    /// The run that starts at `from`; `None` at the end, or when the backend can't walk.
    /// `from` is 1, or the end of the run returned before, while tier 2 has not changed since.
    /// A live run is cut after [`WALK_GRANULES`].
    ///
    /// # Safety
    ///
    /// Inside the entry.
    unsafe fn next_run(ground: &impl Ground, from: u32) -> Option<Run> {
        let _ = (ground, from);
        None
    }

    /// A granule at or after `from` at which a run begins for sure, or, after [`WALK_GRANULES`]
    /// without one, the granule from which to ask again. For a walk during which tier 2 has changed.
    ///
    /// # Safety
    ///
    /// Inside the entry.
    unsafe fn next_start(ground: &impl Ground, from: u32) -> Result<u32, u32> {
        let _ = from;
        Ok(ground.granules() + 1)
    }

    /// Verifies every invariant of the backend.
    ///
    /// # Safety
    ///
    /// Inside the entry.
    unsafe fn check(ground: &impl Ground) -> Result<(), &'static str> {
        let _ = ground;
        Ok(())
    }
}

/// The page that starts at a granule.
pub(crate) fn page_of(first: u32) -> u32 {
    debug_assert_eq!(page_granule((first - 1) / PAGE_GRANULES + 1), first);
    (first - 1) / PAGE_GRANULES + 1
}
