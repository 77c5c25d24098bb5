//! What the heap asks of a large tier.

use crate::config::Reason;
use crate::config::geometry::GRANULE;

/// The memory that a backend works on. A *place* is a multiple of 8: the start of a granule, numbered
/// so that 0 is none.
///
/// # Safety
///
/// - Places `8..=bytes()` are memory of the heap's; `word(8)` is aligned to a page, and all pointers are derived
///   from the arena's own.
/// - Around `table()`, which is aligned to 8, lies the backend's own zeroed memory, as long before it and behind it as
///   the backend's constants ask for, and before or behind all places; `word(table_place())` is the same address.
///   Places before the first are negative, as two's complement: larger than all others.
pub unsafe trait Ground: Copy {
    /// Whether pools take pages of it.
    const HAS_PAGES: bool;

    /// How many bytes there are, a multiple of 8.
    fn bytes(self) -> u32;
    /// Where pages for the pools may begin: a multiple of 256, and 8.
    fn pages_from(self) -> u32 {
        GRANULE
    }
    /// Where pages for the pools have to end: a multiple of 256, and 8, or later than all places.
    fn pages_to(self) -> u32 {
        self.bytes() + GRANULE
    }
    /// What lies at a place.
    fn word(self, place: u32) -> *mut u32;
    /// The backend's table: where the part behind begins.
    fn table(self) -> *mut u8;
    /// The same, as a place.
    fn table_place(self) -> u32;
}

/// The most table bytes that a backend needs: `before + per_doubling * log2(bytes / 8)` before [`Ground::table`], and
/// `behind + per_page * pages` behind it. So what lies before and behind is found without knowing how long the arena
/// is.
#[derive(Clone, Copy)]
pub struct TableBytes {
    /// Before, for any arena.
    pub before: usize,
    /// Before, for each time that the arena doubles.
    pub per_doubling: usize,
    /// Behind, for any arena.
    pub behind: usize,
    /// Behind, for each page of the arena, also one that was begun.
    pub per_page: usize,
}

/// A run of bytes: what a walk over the arena meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Its place.
    pub first: u32,
    /// Its length.
    pub bytes: u32,
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

/// What a large tier does.
///
/// The heap calls everything but `is_live` and `true_bytes` inside the lock, never two at a time. How long each method
/// takes is how long others are kept out, or interrupts masked.
///
/// On fresh ground, blocks (at 8) must be taken in ascending order, from the first byte on: the heap takes the pages
/// that its configuration reserves before anything else, behind one block as long as what the pools may not have, and
/// knows them by their numbers. Later pages are asked for as 256 bytes at 256.
///
/// # Safety
///
/// - Blocks that were taken and not given back don't overlap and lie inside the ground.
/// - A block's granules are not read or written between `take` and `give`.
/// - All-zero bytes in the table stand for *not yet set up*; `init` is called once before all else.
/// - `give` and `resize` change nothing when they refuse. No method unwinds.
/// - If [`Backend::KEEPS_PAGES_APART`] says so, it is so: such a block before [`Ground::pages_from`], or one that
///   reaches behind [`Ground::pages_to`], has no entry in the heap's tables.
pub unsafe trait Backend: 'static {
    /// Size of the table.
    const TABLE_BYTES: TableBytes;

    /// Whether blocks of 256 bytes at 256 never lie before [`Ground::pages_from`], nor reach behind
    /// [`Ground::pages_to`]. If they may, [`Config::POOLED_PERCENT`](crate::Config::POOLED_PERCENT) has to be 100, and
    /// a memory of a [`Region`](crate::Region) has at most 16 MiB.
    const KEEPS_PAGES_APART: bool = false;

    /// Makes all of the ground one free run.
    ///
    /// # Safety
    ///
    /// Called once, inside the entry, on zeroed tables, before any other method.
    unsafe fn init(ground: impl Ground);

    /// Takes a block at a multiple of `align` bytes. Returns its place, or 0.
    ///
    /// # Safety
    ///
    /// Inside the entry. `bytes` is a multiple of 8, at least 16 and at most `ground.bytes()`; `align`
    /// is a power of two from 8 to 64 KiB.
    unsafe fn take(ground: impl Ground, bytes: u32, align: u32) -> u32;

    /// Gives a block back, or says why that would be wrong.
    ///
    /// # Safety
    ///
    /// Inside the entry. If the block is live, it is the caller's and no longer used.
    /// `first` is a place of the ground; `bytes` as for `take`.
    unsafe fn give(ground: impl Ground, first: u32, bytes: u32) -> Result<(), Reason>;

    /// Whether a block looks live. For correct callers it does, also outside of the entry and while a visit changes
    /// the large tier elsewhere. Where visits have ended meanwhile, the heap asks again.
    ///
    /// # Safety
    ///
    /// `first` is a place of the ground.
    unsafe fn is_live(ground: impl Ground, first: u32) -> bool;

    /// Changes the size of a block where it is.
    ///
    /// # Safety
    ///
    /// As `give`; `new` too is as for `take`.
    unsafe fn resize(ground: impl Ground, first: u32, old: u32, new: u32) -> Resized {
        let _ = (ground, first, old, new);
        Resized::Move
    }

    /// Whether the ground can grow at its end: [`Backend::move_table`] and [`Backend::extend`] do something. If not, a
    /// [`Region`](crate::Region)'s memory does not become longer, and a heap that grows takes all further memory as
    /// memories of their own. If so, the table may be longer than the ground needs.
    const GROWS: bool = false;

    /// Moves the table, of which the new place lies behind the old, and may overlap it. Writes every byte of the new
    /// one.
    ///
    /// # Safety
    ///
    /// Inside the entry, after `init`. `old` and `new` begin at the same address, and `new` is longer. Nothing but the
    /// table is there yet; `extend` follows before all else.
    unsafe fn move_table(old: impl Ground, new: impl Ground) {
        let _ = (old, new);
    }

    /// Makes what lies behind `old_bytes`, at least 16 bytes, free.
    ///
    /// # Safety
    ///
    /// Inside the entry. After `move_table`, which had a ground of `old_bytes`; or the ground had that many bytes until
    /// now, and the table, where it is, has room for the longer one.
    unsafe fn extend(ground: impl Ground, old_bytes: u32) {
        let _ = (ground, old_bytes);
    }

    /// How many bytes are free at the end of the ground: what a request need not ask the source for, if what is got
    /// joins them.
    ///
    /// # Safety
    ///
    /// Inside the entry.
    unsafe fn free_at_end(ground: impl Ground) -> u32 {
        let _ = ground;
        0
    }

    /// How long a live block really is. Its owner may ask outside of the entry: what lies between a
    /// block's start and its end does not change while it is live.
    ///
    /// # Safety
    ///
    /// `first` is a place of the ground.
    unsafe fn true_bytes(ground: impl Ground, first: u32) -> u32;

    /// Bytes that are free.
    ///
    /// # Safety
    ///
    /// Inside the entry.
    unsafe fn free_bytes(ground: impl Ground) -> u32;

    /// The run that starts at `from`; `None` at the end.
    /// `from` is 8, or the end of the run returned before, while the large tier has not changed since.
    /// A live run is cut after [`WALK_GRANULES`].
    ///
    /// # Safety
    ///
    /// Inside the entry.
    unsafe fn next_run(ground: impl Ground, from: u32) -> Option<Run>;

    /// A place at or after `from` at which a run begins for sure, or, after [`WALK_GRANULES`]
    /// without one, the place from which to ask again. For a walk during which the large tier has changed.
    ///
    /// # Safety
    ///
    /// Inside the entry.
    unsafe fn next_start(ground: impl Ground, from: u32) -> Result<u32, u32>;

    /// Verifies every invariant of the backend.
    ///
    /// # Safety
    ///
    /// Inside the entry.
    unsafe fn check(ground: impl Ground) -> Result<(), &'static str>;
}
