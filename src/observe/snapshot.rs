//! What holders have at a moment, and how two moments differ.

use core::cmp::Ordering;
use core::fmt;

/// How many ages are told apart: since the last mark, between this and the one before, between that and the third, and
/// older.
pub(super) const AGES: usize = 4;

/// How many groups of sizes there are.
pub(super) const SIZES: usize = 8;

/// The group of a size: up to 16 bytes, up to 32, and so on, and the last for all that are longer.
#[inline]
pub(super) fn size_class(size: usize) -> usize {
    (usize::BITS - (size.saturating_sub(1) >> 4).leading_zeros()).min(SIZES as u32 - 1) as usize
}

/// Blocks, and their bytes as requested.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Count {
    /// How many blocks.
    pub blocks: usize,
    /// How many bytes were requested for them.
    pub bytes: usize,
}

impl Count {
    pub(super) fn sum(counts: &[Self]) -> Self {
        counts.iter().fold(Self::default(), |sum, count| Self {
            blocks: sum.blocks + count.blocks,
            bytes: sum.bytes.wrapping_add(count.bytes),
        })
    }

    /// Without what is negative: counted in another age at this moment.
    pub(super) fn or_none(self) -> Self {
        if (self.blocks as u32 as i32) < 0 { Self::default() } else { self }
    }
}

/// What one holder has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Holder {
    /// Its number: a tag, a call site; 0: nobody in particular; `None`: all that found no room in the table.
    pub who: Option<u32>,
    /// What is live.
    pub live: Count,
    /// The most bytes that ever were live.
    pub peak_bytes: usize,
    /// What was ever allocated. Wraps at 2³².
    pub total: Count,
    /// What is live, by how many marks were made since it was allocated: none, one, two, more.
    pub ages: [Count; AGES],
}

impl Holder {
    fn younger(mut self, back: usize) -> Self {
        self.ages[back + 1..].fill(Count::default());
        self.live = Count::sum(&self.ages);
        self
    }
}

/// Who holds what, the largest first. Prints as a table.
///
/// It is as large as 60 bytes for each row, on 32-bit targets: mind the stack.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<const ROWS: usize> {
    rows: [Holder; ROWS],
    len: usize,
    others: Holder,
    sizes: [[Count; AGES]; SIZES],
}

impl<const ROWS: usize> Snapshot<ROWS> {
    pub(super) fn new(holders: impl Iterator<Item = Holder>, others: Holder, sizes: [[Count; AGES]; SIZES]) -> Self {
        let mut snapshot = Self { rows: [Holder::default(); ROWS], len: 0, others, sizes };
        for (row, holder) in snapshot.rows.iter_mut().zip(holders) {
            *row = holder;
            snapshot.len += 1;
        }
        snapshot.sort();
        snapshot
    }

    fn sort(&mut self) {
        sort(&mut self.rows[..self.len], |a, b| b.live.bytes.cmp(&a.live.bytes));
    }

    /// Without what was allocated more than so many marks ago.
    pub(super) fn younger(mut self, back: usize) -> Self {
        self.rows.iter_mut().for_each(|holder| *holder = holder.younger(back));
        self.others = self.others.younger(back);
        self.sizes.iter_mut().for_each(|ages| ages[back + 1..].fill(Count::default()));
        self.sort();
        self
    }

    /// Each holder that has a row, even if it has nothing now; the largest first.
    pub fn holders(&self) -> &[Holder] {
        &self.rows[..self.len]
    }

    /// What the table had no room for.
    pub fn others(&self) -> &Holder {
        &self.others
    }

    /// All that is live.
    pub fn live(&self) -> Count {
        self.rows().fold(Count::default(), |sum, row| Count::sum(&[sum, row.live]))
    }

    /// What is live by size: the most bytes of a block of the group, `usize::MAX` for the last, and the blocks.
    pub fn sizes(&self) -> impl Iterator<Item = (usize, Count)> {
        let most = |at| if at + 1 == SIZES { usize::MAX } else { 16_usize << at };
        self.sizes.iter().enumerate().map(move |(at, ages)| (most(at), Count::sum(ages)))
    }

    /// What is live, by how many marks were made since it was allocated: none, one, two, more.
    pub fn ages(&self) -> [Count; AGES] {
        core::array::from_fn(|at| Count::sum(&self.sizes.map(|ages| ages[at])))
    }

    /// How this differs from an older snapshot: the largest change first, in the order of Python's tracemalloc, by the
    /// size of the change, then by what is live, then the same of blocks.
    ///
    /// ```
    /// # use core::alloc::{GlobalAlloc, Layout};
    /// # use larder::observe::{Holders, Observed, TAG};
    /// # static HEAP: Observed<larder::Heap<4096>, Holders<16>> =
    /// #     Observed::new(larder::Heap::new(), Holders::new(|| TAG.current().unwrap_or(0)));
    /// let before = HEAP.snapshot();
    /// // SAFETY: the size is not zero.
    /// unsafe { HEAP.alloc(Layout::new::<[u8; 100]>()) };
    /// let grown = HEAP.snapshot().difference(&before);
    /// assert_eq!((grown.changes()[0].bytes, grown.changes()[0].blocks), (100, 1));
    /// println!("{grown}");
    /// ```
    pub fn difference(&self, older: &Self) -> Difference<ROWS> {
        let others = Change::new(&self.others, &older.others);
        let mut difference = Difference { rows: [Change::default(); ROWS], len: self.len, others };
        for (row, holder) in difference.rows.iter_mut().zip(self.holders()) {
            // A holder keeps its row for ever: one that is only in the older snapshot can't be.
            let old = older.holders().iter().find(|old| old.who == holder.who);
            *row = Change::new(holder, old.unwrap_or(&Holder::default()));
        }
        sort(&mut difference.rows[..self.len], Change::order);
        difference
    }

    fn rows(&self) -> impl Iterator<Item = &Holder> {
        self.holders().iter().chain([&self.others])
    }
}

impl<const ROWS: usize> fmt::Display for Snapshot<ROWS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let live = self.live();
        writeln!(f, "{} bytes in {} blocks", live.bytes, live.blocks)?;
        writeln!(f, "{:>10}  {:>7}  {:>10}  holder", "bytes", "blocks", "peak")?;
        for row in self.rows().filter(|row| row.live.blocks != 0) {
            let Count { bytes, blocks } = row.live;
            writeln!(f, "{bytes:>10}  {blocks:>7}  {:>10}  {}", row.peak_bytes, Who(row.who))?;
        }
        Ok(())
    }
}

/// How a holder's number is printed.
pub(super) struct Who(pub(super) Option<u32>);

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("others"),
            Some(0) => f.write_str("nobody"),
            Some(who) => write!(f, "{who:#010x}"),
        }
    }
}

/// How one holder differs between two snapshots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Change {
    /// As in [`Holder::who`].
    pub who: Option<u32>,
    /// How many bytes it has more.
    pub bytes: isize,
    /// How many blocks it has more.
    pub blocks: isize,
    /// What it has in the later snapshot.
    pub live: Count,
}

impl Change {
    fn new(now: &Holder, old: &Holder) -> Self {
        let less = |now: usize, old: usize| now.wrapping_sub(old) as isize;
        let (bytes, blocks) = (less(now.live.bytes, old.live.bytes), less(now.live.blocks, old.live.blocks));
        Self { who: now.who, bytes, blocks, live: now.live }
    }

    /// As `StatisticDiff` of tracemalloc.
    fn order(&self, other: &Self) -> Ordering {
        let key = |change: &Self| {
            let Count { bytes, blocks } = change.live;
            (change.bytes.unsigned_abs(), bytes, change.blocks.unsigned_abs(), blocks)
        };
        key(other).cmp(&key(self))
    }
}

/// How two snapshots differ: see [`Snapshot::difference`]. Prints as a table.
#[derive(Debug, Clone, Copy)]
pub struct Difference<const ROWS: usize> {
    rows: [Change; ROWS],
    len: usize,
    others: Change,
}

impl<const ROWS: usize> Difference<ROWS> {
    /// Each holder that has a row, the one that has changed most first.
    pub fn changes(&self) -> &[Change] {
        &self.rows[..self.len]
    }

    /// What the table had no room for.
    pub fn others(&self) -> &Change {
        &self.others
    }
}

impl<const ROWS: usize> fmt::Display for Difference<ROWS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>10}  {:>7}  {:>10}  {:>7}  holder", "change", "blocks", "bytes", "blocks")?;
        let changed = |row: &&Change| (row.bytes, row.blocks) != (0, 0);
        for row in self.changes().iter().chain([&self.others]).filter(changed) {
            let Count { bytes, blocks } = row.live;
            writeln!(f, "{:>+10}  {:>+7}  {bytes:>10}  {blocks:>7}  {}", row.bytes, row.blocks, Who(row.who))?;
        }
        Ok(())
    }
}

/// By insertion: rows are few, and this is short.
fn sort<T: Copy>(rows: &mut [T], order: impl Fn(&T, &T) -> Ordering) {
    for end in 1..rows.len() {
        let mut at = end;
        while at > 0 && order(&rows[at - 1], &rows[at]) == Ordering::Greater {
            rows.swap(at - 1, at);
            at -= 1;
        }
    }
}
