//! Who holds memory, counted in the program itself.
//!
//! ```text
//!   a block     │ the program's bytes … │ row, check │ age │
//!   its row     │ who │ live, peak, total │ blocks and bytes by age: spare, 3 young ones │ older │
//! ```
//!
//! A block carries the number of its row, and the age in which it was allocated: a release finds both without a search.
//! [`mark`](Holders::mark) begins an age. The cells of the ages, which everything here cites:
//!
//! | an age is | its blocks are counted in |
//! |---|---|
//! | the present one, or one of the two before it | the cell of its number modulo 4 |
//! | older | the cell for all of these |
//!
//! So one cell of the four is spare. `mark` first moves what the cells of the next age and of the one behind it hold
//! into the older ones' cell, and then moves the age on. A release that had chosen its cell before a `mark` leaves the
//! spare cell at -1, and the next `mark` moves that too. Only a context that is suspended in the middle of a call over
//! two marks leaves a count in the wrong age; the sums over all ages stay right.

use super::snapshot::{AGES, Count, Holder, SIZES, Snapshot, size_class};
use super::{Observed, Observer};
use crate::large::peek::peek;
use crate::sync::{AtomicU32, Ordering::*};
use core::alloc::Layout;

/// Counts for each holder what it has: live bytes and blocks, peak and total, and how many of these are older than a
/// [`mark`](Holders::mark). A *holder* is a number that `who` gives each request, a tag or a call site. There is room
/// for `ROWS` holders, the nobody of requests without a number among them; what others ask for is counted together, as
/// *others*.
///
/// Cost: 8 bytes for each block, 60 for each row, 400 besides; `mark` and `snapshot` take O(`ROWS`) steps, a call at
/// most `ROWS` to find its row, and a fixed number of read-modify-writes. No lock, no walk, no allocation: it may all
/// happen in interrupt handlers. Bytes and totals wrap at 4 GiB.
///
/// A block that `realloc` resizes belongs to whoever resized it, from then on.
///
/// ```
/// use core::alloc::{GlobalAlloc, Layout};
/// use larder::observe::{Holders, Observed, TAG};
///
/// type Heap = Observed<larder::Heap<4096>, Holders<16>>;
/// static HEAP: Heap = Observed::new(larder::Heap::new(), Holders::new(|| TAG.current().unwrap_or(0)));
///
/// let layout = Layout::new::<[u8; 16]>();
/// let before = HEAP.mark();
/// // SAFETY: the size is not zero; one of the blocks is freed, with its layout.
/// unsafe {
///     let _net = larder::tag!("net");
///     HEAP.alloc(layout); // never freed
///     HEAP.dealloc(HEAP.alloc(layout), layout);
/// }
/// let leaked = HEAP.since(&before);
/// assert_eq!((leaked.live().bytes, leaked.live().blocks), (16, 1));
/// assert_eq!(leaked.holders()[0].total.blocks, 2);
/// println!("{leaked}");
/// ```
pub struct Holders<const ROWS: usize> {
    rows: [Row; ROWS],
    others: Row,
    sizes: [Ages; SIZES],
    /// The present age.
    age: AtomicU32,
    /// Releases of blocks that carry no row.
    strange: AtomicU32,
    who: fn() -> u32,
}

/// One holder.
struct Row {
    who: AtomicU32,
    live_bytes: AtomicU32,
    peak_bytes: AtomicU32,
    total: Cell,
    ages: Ages,
}

/// Live blocks, by the age in which they were allocated: see the table above.
struct Ages {
    young: [Cell; AGES],
    older: Cell,
}

struct Cell {
    blocks: AtomicU32,
    bytes: AtomicU32,
}

/// A moment, to compare with: what [`Holders::mark`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Mark {
    age: u32,
}

/// What a block carries behind its bytes.
#[derive(Clone, Copy)]
#[repr(C)]
struct Stamp {
    /// The number of its row in the lower half, a check of its place in the upper.
    row: u32,
    age: u32,
}

impl Stamp {
    fn new(block: *mut u8, layout: Layout, row: usize, age: u32) -> Self {
        Self { row: row as u32 & 0xffff | Self::check(block, layout), age }
    }

    /// Tells a block's stamp from other bytes: but for one case in 65,536.
    fn check(block: *mut u8, layout: Layout) -> u32 {
        ((block.addr() ^ layout.size()) as u32 ^ 0x5bd1_e995).wrapping_mul(0x9E37_79B1) & 0xffff_0000
    }

    /// The stamp of a block; `None`: there is none.
    ///
    /// # Safety
    ///
    /// `extra` is null, or 8 bytes there can be read.
    unsafe fn read(block: *mut u8, layout: Layout, extra: *mut u8) -> Option<Self> {
        let place = extra.cast::<u32>();
        if place.is_null() || !place.is_aligned() {
            return None;
        }
        // SAFETY: by the caller's contract. If the free is wrong, another context may be writing there.
        let stamp = unsafe { Self { row: peek(place), age: peek(place.add(1)) } };
        (stamp.row & 0xffff_0000 == Self::check(block, layout)).then_some(stamp)
    }
}

impl Cell {
    #[cfg(not(all(test, loom)))]
    #[allow(clippy::declare_interior_mutable_const, reason = "it fills a table that is made at compile time")]
    const NEW: Self = Self { blocks: AtomicU32::new(0), bytes: AtomicU32::new(0) };

    // Relaxed, here and below: each word is a number of its own, and orders nothing else.
    #[inline]
    fn add(&self, blocks: u32, bytes: u32) {
        self.blocks.fetch_add(blocks, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
    }

    #[inline]
    fn sub(&self, bytes: u32) {
        self.add(1_u32.wrapping_neg(), bytes.wrapping_neg());
    }

    fn count(&self) -> Count {
        let (blocks, bytes) = (self.blocks.load(Relaxed), self.bytes.load(Relaxed));
        Count { blocks: blocks as usize, bytes: bytes as usize }
    }

    fn take(&self) -> (u32, u32) {
        (self.blocks.swap(0, Relaxed), self.bytes.swap(0, Relaxed))
    }
}

impl Ages {
    #[cfg(not(all(test, loom)))]
    #[allow(clippy::declare_interior_mutable_const, reason = "it fills a table that is made at compile time")]
    const NEW: Self = Self { young: [Cell::NEW; AGES], older: Cell::NEW };

    /// The cell of the blocks that were allocated in the age `born`.
    #[inline]
    fn cell(&self, born: u32, age: u32) -> &Cell {
        // Of a later age than the present one, because a mark came in between: young as well.
        if (age.wrapping_sub(born) as i32) < AGES as i32 - 1 { &self.young[born as usize % AGES] } else { &self.older }
    }

    fn retire(&self, age: u32) {
        let (blocks, bytes) = self.young[age as usize % AGES].take();
        self.older.add(blocks, bytes);
    }

    /// The blocks of all ages.
    fn blocks(&self) -> u32 {
        let blocks = |cell: &Cell| cell.blocks.load(Relaxed);
        self.young.iter().map(blocks).fold(blocks(&self.older), u32::wrapping_add)
    }

    /// The blocks by how many marks were made since they were allocated; those of the last row by that many or more.
    fn counts(&self, age: u32) -> [Count; AGES] {
        core::array::from_fn(|back| match back {
            // A cell may be negative in the middle of a mark: see above.
            _ if back == AGES - 1 => self.older.count().or_none(),
            _ => self.young[age.wrapping_sub(back as u32) as usize % AGES].count().or_none(),
        })
    }
}

impl Row {
    #[cfg(not(all(test, loom)))]
    #[allow(clippy::declare_interior_mutable_const, reason = "it fills a table that is made at compile time")]
    const NEW: Self = Self {
        who: AtomicU32::new(0),
        live_bytes: AtomicU32::new(0),
        peak_bytes: AtomicU32::new(0),
        total: Cell::NEW,
        ages: Ages::NEW,
    };

    #[inline]
    fn add(&self, bytes: u32) {
        self.total.add(1, bytes);
        let live = self.live_bytes.fetch_add(bytes, Relaxed).wrapping_add(bytes);
        let mut peak = self.peak_bytes.load(Relaxed);
        while live > peak {
            match self.peak_bytes.compare_exchange_weak(peak, live, Relaxed, Relaxed) {
                Ok(_) => return,
                Err(seen) => peak = seen,
            }
        }
    }

    fn holder(&self, who: Option<u32>, age: u32) -> Holder {
        let ages = self.ages.counts(age);
        let live = Count { blocks: self.ages.blocks() as usize, bytes: self.live_bytes.load(Relaxed) as usize };
        Holder { who, live, peak_bytes: self.peak_bytes.load(Relaxed) as usize, total: self.total.count(), ages }
    }
}

impl<const ROWS: usize> Holders<ROWS> {
    /// Nobody holds anything yet. `who` says who asks for memory, as a number; 0: nobody in particular. It is called in
    /// each request, in its context, and must not allocate.
    #[cfg(not(all(test, loom)))]
    pub const fn new(who: fn() -> u32) -> Self {
        const {
            assert!(ROWS >= 2 && ROWS < 1 << 16, "larder: a table of holders has 2 to 65535 rows");
        }
        let (rows, sizes) = ([const { Row::NEW }; ROWS], [const { Ages::NEW }; SIZES]);
        Self { rows, others: Row::NEW, sizes, age: AtomicU32::new(0), strange: AtomicU32::new(0), who }
    }

    /// Remembers this moment, for [`since`](Holders::since). What a mark tells apart is lost with the third mark after
    /// it.
    pub fn mark(&self) -> Mark {
        let mut age = self.age.load(Relaxed);
        loop {
            let next = age.wrapping_add(1);
            self.ages().for_each(|ages| {
                ages.retire(next);
                ages.retire(next.wrapping_add(1));
            });
            // Release: pairs with the Acquire in `allocated` and `forget`: who sees the age sees its cell empty.
            match self.age.compare_exchange(age, next, Release, Relaxed) {
                Ok(_) => return Mark { age: next },
                Err(seen) => age = seen,
            }
        }
    }

    /// What was allocated since the mark, and is still live: by holder, by size and by age. `None` if three or more
    /// marks were made since then: it can't be told any more.
    pub fn try_since(&self, mark: &Mark) -> Option<Snapshot<ROWS>> {
        let back = self.age.load(Relaxed).wrapping_sub(mark.age) as usize;
        (back < AGES - 1).then(|| self.snapshot().younger(back))
    }

    /// As [`try_since`](Holders::try_since).
    ///
    /// # Panics
    ///
    /// If three or more marks were made since then.
    pub fn since(&self, mark: &Mark) -> Snapshot<ROWS> {
        self.try_since(mark).expect("larder: three or more marks were made since this one")
    }

    /// Who holds what, now. The figures are of one moment if no context uses the heap meanwhile.
    pub fn snapshot(&self) -> Snapshot<ROWS> {
        // Acquire: pairs with the Release in `mark`.
        let age = self.age.load(Acquire);
        let rows = self.rows.iter().enumerate();
        let rows = rows.map(|(at, row)| (at, row.who.load(Relaxed), row)).filter(|&(at, who, _)| at == 0 || who != 0);
        let rows = rows.map(|(_, who, row)| row.holder(Some(who), age));
        Snapshot::new(rows, self.others.holder(None, age), self.sizes.each_ref().map(|ages| ages.counts(age)))
    }

    /// How many releases and resizes were of blocks that carry no row: wrong ones, those whose layout was another, and
    /// those behind whose end the program has written.
    pub fn strange(&self) -> u32 {
        self.strange.load(Relaxed)
    }

    fn ages(&self) -> impl Iterator<Item = &Ages> {
        self.rows.iter().map(|row| &row.ages).chain([&self.others.ages]).chain(&self.sizes)
    }

    #[inline]
    fn row(&self, at: usize) -> &Row {
        self.rows.get(at).unwrap_or(&self.others)
    }

    /// The number of the holder's row, which it gets if it has none; `ROWS`: it is one of the others.
    #[inline]
    fn find(&self, who: u32) -> usize {
        if who == 0 {
            return 0;
        }
        let hash = who.wrapping_mul(0x9E37_79B1) >> 16;
        let first = (hash as usize * (ROWS - 1)) >> 16;
        let places = (first..ROWS - 1).chain(0..first).map(|place| place + 1);
        for place in places {
            let row = &self.rows[place];
            let found = match row.who.load(Relaxed) {
                0 => row.who.compare_exchange(0, who, Relaxed, Relaxed).unwrap_or_else(|seen| seen),
                found => found,
            };
            if found == who || found == 0 {
                return place;
            }
        }
        ROWS
    }

    /// Counts a block that was allocated in the age `born`, and returns its stamp.
    #[inline]
    fn count(&self, block: *mut u8, layout: Layout, row: usize, born: u32) -> Stamp {
        let bytes = layout.size() as u32;
        // Acquire: pairs with the Release in `mark`.
        let age = self.age.load(Acquire);
        self.row(row).ages.cell(born, age).add(1, bytes);
        self.sizes[size_class(layout.size())].cell(born, age).add(1, bytes);
        Stamp::new(block, layout, row, born)
    }

    /// Counts a block no longer.
    #[inline]
    fn forget(&self, layout: Layout, stamp: Stamp) {
        let bytes = layout.size() as u32;
        // Acquire: pairs with the Release in `mark`.
        let age = self.age.load(Acquire);
        let row = self.row(stamp.row as usize & 0xffff);
        row.live_bytes.fetch_sub(bytes, Relaxed);
        row.ages.cell(stamp.age, age).sub(bytes);
        self.sizes[size_class(layout.size())].cell(stamp.age, age).sub(bytes);
    }

    /// Counts a new block, for whoever runs.
    #[inline]
    fn come(&self, block: *mut u8, layout: Layout, extra: *mut u8) {
        let row = self.find((self.who)());
        self.row(row).add(layout.size() as u32);
        // Acquire: pairs with the Release in `mark`.
        let stamp = self.count(block, layout, row, self.age.load(Acquire));
        // SAFETY: the extra bytes are the block's, and the block is new.
        unsafe { extra.cast::<Stamp>().write(stamp) };
    }
}

impl<const ROWS: usize> Observer for Holders<ROWS> {
    const EXTRA_BYTES: usize = size_of::<Stamp>();

    #[inline]
    unsafe fn allocated(&self, block: *mut u8, layout: Layout, extra: *mut u8) {
        self.come(block, layout, extra);
    }

    /// Counts the block no longer. If the free is wrong nevertheless, there is no stamp: the right one has erased it.
    #[inline]
    unsafe fn may_free(&self, block: *mut u8, layout: Layout, extra: *mut u8) -> bool {
        // SAFETY: `extra` is null or in the heap's memory.
        match unsafe { Stamp::read(block, layout, extra) } {
            Some(stamp) => {
                self.forget(layout, stamp);
                // SAFETY: it was read, and the block is still the caller's.
                unsafe { extra.cast::<Stamp>().write(Stamp { row: 0, age: 0 }) };
            }
            None => {
                self.strange.fetch_add(1, Relaxed);
            }
        }
        true
    }

    #[inline]
    unsafe fn may_resize(&self, block: *mut u8, layout: Layout, _: usize, extra: *mut u8) -> bool {
        // SAFETY: as in `may_free`.
        match unsafe { Stamp::read(block, layout, extra) } {
            Some(stamp) => self.forget(layout, stamp),
            None => {
                self.strange.fetch_add(1, Relaxed);
            }
        }
        true
    }

    #[inline]
    unsafe fn resized(&self, block: *mut u8, layout: Layout, new: *mut u8, new_size: usize, extra: *mut u8) {
        if !new.is_null() {
            // SAFETY: the heap has served this size, at this alignment.
            self.come(new, unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) }, extra);
            return;
        }
        // Refused: the block is as before, and its stamp too.
        // SAFETY: `extra` is the old block's then, or null.
        if let Some(stamp) = unsafe { Stamp::read(block, layout, extra) } {
            let row = stamp.row as usize & 0xffff;
            self.row(row).live_bytes.fetch_add(layout.size() as u32, Relaxed);
            self.count(block, layout, row, stamp.age);
        }
    }
}

impl<H, const ROWS: usize> Observed<H, Holders<ROWS>> {
    /// See [`Holders::mark`].
    pub fn mark(&self) -> Mark {
        self.observer().mark()
    }

    /// See [`Holders::since`].
    ///
    /// # Panics
    ///
    /// If three or more marks were made since then.
    pub fn since(&self, mark: &Mark) -> Snapshot<ROWS> {
        self.observer().since(mark)
    }

    /// See [`Holders::snapshot`].
    pub fn snapshot(&self) -> Snapshot<ROWS> {
        self.observer().snapshot()
    }
}

/// Runs a block, and panics with the holders and their bytes if what it allocated is not all freed at its end: for
/// tests, on a host as on a target. `$heap` is an [`Observed`] heap with [`Holders`]. Other contexts that use the heap
/// meanwhile count as well, and so does what the block returns.
///
/// ```
/// use larder::observe::{Holders, Observed};
///
/// type Heap = Observed<larder::Heap<{ 64 * 1024 }>, Holders<16>>;
/// #[global_allocator]
/// static HEAP: Heap = Observed::new(larder::Heap::new(), Holders::new(|| 0));
///
/// let sum: i32 = larder::assert_no_leaks!(HEAP, { vec![1, 2, 3].iter().sum() });
/// assert_eq!(sum, 6);
/// ```
///
/// ```should_panic
/// # use core::alloc::{GlobalAlloc, Layout};
/// # use larder::observe::{Holders, Observed};
/// # static HEAP: Observed<larder::Heap<4096>, Holders<16>> = Observed::new(larder::Heap::new(), Holders::new(|| 0));
/// // SAFETY: the size is not zero.
/// let block = larder::assert_no_leaks!(HEAP, { unsafe { HEAP.alloc(Layout::new::<u64>()) } });
/// ```
#[macro_export]
macro_rules! assert_no_leaks {
    ($heap:expr, $body:block) => {{
        let before = $heap.mark();
        let result = $body;
        let leaked = $heap.since(&before);
        ::core::assert!(leaked.live().blocks == 0, "larder: not freed: {leaked}");
        result
    }};
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_release_that_marks_overtake_is_counted_with_the_next_mark() {
        let holders = Holders::<2>::new(|| 0);
        let ages = &holders.rows[0].ages;
        ages.cell(0, 0).add(1, 8);
        let chosen = ages.cell(0, 2);
        for _ in 0..3 {
            holders.mark();
        }
        // By now, the block is counted among the older ones.
        chosen.sub(8);
        assert_eq!((ages.blocks(), ages.counts(3)[AGES - 1].blocks), (0, 1));
        holders.mark();
        assert_eq!(ages.counts(4), [Count::default(); AGES]);
    }
}
