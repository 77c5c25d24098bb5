//! What the heap holds, and how fragmented it is: derived from the tables when asked.

use crate::config::Table;
use crate::config::classes::CLASSES_MAX;
use crate::config::classes::owner;
use crate::config::geometry::*;
use crate::extent::{Extent, Storage};
use crate::hooks::events;
use crate::large::{Backend, Run};
use crate::pools::Tables;
use crate::sync::Ordering::*;
use core::fmt;

/// The heap, counted: see [`Heap::stats`](crate::Heap::stats).
///
/// If `consistent`, then `arena_bytes = metadata_bytes + live_bytes + free_bytes + deferred_bytes +
/// waste_bytes`. Sizes are in bytes, and now; peaks never fall; counters start at 0, only grow, and wrap at 2³².
///
/// ```
/// use core::alloc::{GlobalAlloc, Layout};
/// static HEAP: larder::Heap<{ 8 * 1024 }> = larder::Heap::new();
///
/// // SAFETY: the size is not zero; the block stays live.
/// let block = unsafe { HEAP.alloc(Layout::new::<[u8; 30]>()) };
/// assert!(!block.is_null());
/// let stats = HEAP.stats();
/// assert_eq!(stats.live_bytes, 32); // as a block
/// assert_eq!(stats.waste_bytes, 256 - 32); // the rest of its page
/// assert!(stats.fragmentation_percent().unwrap() < 5); // what is too short for a page, behind the last
/// let class = stats.classes().iter().find(|class| class.block_bytes == 32).unwrap();
/// assert_eq!((class.pages, class.blocks_live, class.blocks_free), (1, 1, 7));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// All of the memory that the heap was given.
    pub arena_bytes: usize,
    /// The heap's own tables.
    pub metadata_bytes: usize,
    /// Blocks that were handed out, at the size they occupy.
    pub live_bytes: usize,
    /// Of these, blocks of the large tier.
    pub live_large_bytes: usize,
    /// Free runs, empty pages and the stash: what any request can have. (Reserved pages are not: see `waste_bytes`.)
    pub free_bytes: usize,
    /// Releases that wait for the next visitor of the large tier, at the size of their layouts: what a block is longer
    /// than its layout counts as live until then.
    pub deferred_bytes: usize,
    /// Internal waste: free blocks in pages that are in use, which only their class can have, and what is left over at
    /// such pages' ends. Pages of [`Config::RESERVED`](crate::Config::RESERVED) are in use, even without a live block.
    pub waste_bytes: usize,
    /// The largest request that would succeed now, at an alignment of 8: the longest free run, of empty pages too,
    /// which are reclaimed for it, or the largest free block of a page. (Should ten shorter runs of the same bin stand
    /// before that run, the request is refused all the same.)
    pub largest_free_bytes: usize,
    /// How many pieces the free bytes are in.
    pub free_runs: usize,
    /// The most bytes that ever were out of the large tier at once, as blocks, pages and stash, deferred releases
    /// included. 0 until the first visit. `None`: a [`Small`](crate::Small) does not keep it.
    pub committed_peak_bytes: Option<usize>,
    /// How often a class got a page.
    pub refills: u32,
    /// How often a claim went on to another page: an entry was an old one, or its last block lost to other contexts.
    /// Without contention, at most one for each full page that is met.
    pub retries: u32,
    /// How many requests returned null.
    pub refused: u32,
    /// How many frees were wrong, and changed nothing: see [`WrongFree`](crate::WrongFree).
    pub wrong_frees: u32,
    /// How many events [`Config::ON_EVENT`](crate::Config::ON_EVENT) was not told, because it was running; wraps at
    /// 2³¹.
    pub events_untold: u32,
    /// Whether the large tier stayed as it was while the heap was counted, and all figures add up. If not, they are
    /// those of different moments. (Blocks that are taken from a page and put back meanwhile do not show: of the
    /// classes' rows, each page's is as of its own.)
    pub consistent: bool,
    classes: [ClassStats; CLASSES_MAX],
    class_count: u8,
}

/// A size class, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct ClassStats {
    /// Size of the class's blocks.
    pub block_bytes: usize,
    /// Pages that belong to the class.
    pub pages: usize,
    /// Of these, pages without a live block, which others get when they need them: so not those of
    /// [`Config::RESERVED`](crate::Config::RESERVED).
    pub pages_empty: usize,
    /// Blocks that were handed out.
    pub blocks_live: usize,
    /// Blocks that are free.
    pub blocks_free: usize,
}

impl Stats {
    /// A row for each size class, ascending.
    pub fn classes(&self) -> &[ClassStats] {
        &self.classes[..usize::from(self.class_count)]
    }

    /// External fragmentation in percent: 0 when all that is free is one run, towards 100 when it is
    /// in many small ones. `None`: nothing is free.
    pub fn fragmentation_percent(&self) -> Option<u32> {
        if self.free_bytes == 0 {
            return None;
        }
        let kept = self.largest_free_bytes as u64 * 100 / self.free_bytes as u64;
        Some(100u64.saturating_sub(kept) as u32)
    }

    /// The figures of no memory.
    pub(crate) fn none() -> Self {
        Self { consistent: true, committed_peak_bytes: Some(0), ..Self::default() }
    }

    /// Adds up the figures of several extents.
    pub(crate) fn add(&mut self, other: &Self) {
        self.arena_bytes += other.arena_bytes;
        self.metadata_bytes += other.metadata_bytes;
        self.live_bytes += other.live_bytes;
        self.live_large_bytes += other.live_large_bytes;
        self.free_bytes += other.free_bytes;
        self.deferred_bytes += other.deferred_bytes;
        self.waste_bytes += other.waste_bytes;
        self.largest_free_bytes = self.largest_free_bytes.max(other.largest_free_bytes);
        self.free_runs += other.free_runs;
        self.committed_peak_bytes = self.committed_peak_bytes.zip(other.committed_peak_bytes).map(|(a, b)| a + b);
        self.refills = self.refills.wrapping_add(other.refills);
        self.retries = self.retries.wrapping_add(other.retries);
        self.refused = self.refused.wrapping_add(other.refused);
        self.wrong_frees = self.wrong_frees.wrapping_add(other.wrong_frees);
        self.events_untold = self.events_untold.wrapping_add(other.events_untold);
        self.consistent &= other.consistent;
        self.class_count = other.class_count;
        for (row, other) in self.classes.iter_mut().zip(&other.classes) {
            row.block_bytes = other.block_bytes;
            row.pages += other.pages;
            row.pages_empty += other.pages_empty;
            row.blocks_live += other.blocks_live;
            row.blocks_free += other.blocks_free;
        }
    }
}

/// As `Debug` has it, but with a row for each class that there is.
#[cfg(feature = "defmt")]
impl defmt::Format for Stats {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Stats {{ arena_bytes: {=usize}, metadata_bytes: {=usize}, live_bytes: {=usize}, live_large_bytes: {=usize}, \
             free_bytes: {=usize}, deferred_bytes: {=usize}, waste_bytes: {=usize}, largest_free_bytes: {=usize}, free_runs: {=usize}, \
             committed_peak_bytes: {}",
            self.arena_bytes,
            self.metadata_bytes,
            self.live_bytes,
            self.live_large_bytes,
            self.free_bytes,
            self.deferred_bytes,
            self.waste_bytes,
            self.largest_free_bytes,
            self.free_runs,
            self.committed_peak_bytes
        );
        defmt::write!(
            f,
            ", refills: {=u32}, retries: {=u32}, refused: {=u32}, wrong_frees: {=u32}, events_untold: {=u32}, consistent: {=bool}, classes: {=[?]} }}",
            self.refills,
            self.retries,
            self.refused,
            self.wrong_frees,
            self.events_untold,
            self.consistent,
            self.classes()
        );
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |bytes: usize| (bytes as u64 * 100 / self.arena_bytes.max(1) as u64) as u32;
        let pooled = self.class_count != 0;
        for (name, bytes) in [
            ("arena", Some(self.arena_bytes)),
            ("tables", Some(self.metadata_bytes)),
            ("live", Some(self.live_bytes)),
            ("free", Some(self.free_bytes)),
            ("page waste", pooled.then_some(self.waste_bytes)),
            ("deferred", Some(self.deferred_bytes)),
            ("peak committed", self.committed_peak_bytes),
        ] {
            if let Some(bytes) = bytes {
                writeln!(f, "{name:<15}{bytes:>10} B {:>3} %", percent(bytes))?;
            }
        }
        let (largest, runs) = (self.largest_free_bytes, self.free_runs);
        let fragmentation = self.fragmentation_percent().unwrap_or(0);
        writeln!(f, "largest free   {largest:>10} B        {runs} free runs, fragmentation {fragmentation} %")?;
        if pooled {
            write!(f, "refills {}, retries {}, ", self.refills, self.retries)?;
        }
        write!(f, "refused {}, wrong frees {}", self.refused, self.wrong_frees)?;
        if self.events_untold != 0 {
            write!(f, ", events untold {}", self.events_untold)?;
        }
        writeln!(f, "{}", if self.consistent { "" } else { " (changed while counted)" })?;
        if !pooled {
            return Ok(());
        }
        writeln!(f, "{:>6} {:>6} {:>6} {:>6} {:>6}", "block", "pages", "empty", "live", "free")?;
        for row in self.classes().iter().filter(|row| row.pages > 0) {
            writeln!(
                f,
                "{:>6} {:>6} {:>6} {:>6} {:>6}",
                row.block_bytes, row.pages, row.pages_empty, row.blocks_live, row.blocks_free
            )?;
        }
        Ok(())
    }
}

/// A walk's sums.
#[derive(Default)]
pub(crate) struct Sums {
    largest: u32,
    runs: usize,
    /// The free run at the walk's place, not yet counted.
    open: u32,
    /// What pages of the pools have beyond their size, because it was too little for a run of its own:
    /// of pages in use, and of empty ones.
    spare_used: u32,
    spare_free: u32,
    /// The end of the run that was met last.
    end: u32,
}

impl Sums {
    fn meet(&mut self, run: Run, free: bool) {
        if run.first != self.end {
            // Something changed in between: what is free on both sides need not be one run.
            self.close();
        }
        if free {
            self.open += run.bytes;
        } else {
            self.close();
        }
        self.end = run.first + run.bytes;
    }

    fn close(&mut self) {
        self.largest = self.largest.max(self.open);
        self.runs += usize::from(self.open != 0);
        self.open = 0;
    }
}

impl<S: Storage> Extent<S> {
    /// Counts everything.
    ///
    /// Time: O(pages + runs). The large tier is entered for one run at a time, pages without.
    pub(crate) fn stats(self) -> Stats {
        let map = self.map();
        let header = self.header();
        let mut stats = Stats {
            arena_bytes: map.ground as usize + map.bytes,
            metadata_bytes: map.bytes,
            consistent: true,
            class_count: Self::TABLE.count as u8,
            ..Stats::default()
        };
        for class in 1..=u32::from(stats.class_count) {
            stats.classes[class as usize - 1].block_bytes = Self::TABLE.block_bytes(class);
        }
        let before = self.moment();
        let pooled = self.count_pages(&mut stats);
        self.count_large(&mut stats, pooled);
        stats.deferred_bytes = header.deferred_bytes.load(Relaxed) as usize;
        stats.live_large_bytes = stats.live_large_bytes.saturating_sub(stats.deferred_bytes);
        stats.live_bytes += stats.live_large_bytes;
        stats.refills = header.refills.load(Relaxed);
        stats.retries = header.retries.load(Relaxed);
        stats.refused = header.refused.load(Relaxed);
        stats.wrong_frees = header.wrong_frees.load(Relaxed);
        if S::Config::TELLS {
            stats.events_untold = events::untold(self.events().word());
        }
        stats.consistent = before == self.moment()
            && before.is_some()
            && stats.arena_bytes
                == stats.metadata_bytes
                    + stats.live_bytes
                    + stats.free_bytes
                    + stats.deferred_bytes
                    + stats.waste_bytes;
        stats
    }

    /// Changes whenever the large tier does; `None` while it is held.
    pub(crate) fn moment(self) -> Option<u32> {
        self.look(|_| self.header().moment.now())
    }

    /// Counts the pages, and returns how many the pools have.
    pub(crate) fn count_pages(self, stats: &mut Stats) -> u32 {
        let mut pooled = 0;
        for page in 1..=self.map().pages {
            let class = self.owner_of(page);
            if class == owner::LARGE {
                continue;
            }
            pooled += 1;
            if !Self::TABLE.is_class(class) {
                stats.free_bytes += PAGE_BYTES;
                continue;
            }
            let mask = Self::TABLE.mask(class);
            let free = (Tables::word(self, page).load(Relaxed) & mask).count_ones() as usize;
            let live = mask.count_ones() as usize - free;
            let row = &mut stats.classes[class as usize - 1];
            row.pages += 1;
            row.blocks_live += live;
            row.blocks_free += free;
            stats.live_bytes += live * row.block_bytes;
            if live == 0 && page > S::Config::RESERVED_PAGES {
                row.pages_empty += 1;
                stats.free_bytes += PAGE_BYTES;
            } else {
                stats.waste_bytes += PAGE_BYTES - live * row.block_bytes;
            }
        }
        pooled
    }

    /// Whether a page is free for the asking.
    pub(crate) fn is_reclaimable(self, page: u32) -> bool {
        let class = self.owner_of(page);
        let mask = Self::TABLE.mask(class);
        class != owner::LARGE
            && page > S::Config::RESERVED_PAGES
            && (!Self::TABLE.is_class(class) || Tables::word(self, page).load(Relaxed) == mask)
    }

    /// Counts the large tier's blocks and runs. Of its granules, that many pages belong to the pools.
    pub(crate) fn count_large(self, stats: &mut Stats, pooled: u32) {
        // SAFETY: inside the entry.
        let looked = self.look(|inside| unsafe { (S::Large::free_bytes(self), self.map().ground - inside.least_free) });
        let (free, peak) = looked.unwrap_or((0, 0));
        stats.free_bytes += free as usize;
        stats.committed_peak_bytes = Some(peak as usize);
        stats.live_large_bytes = (self.map().ground - free).saturating_sub(pooled * PAGE) as usize;
        let walk = self.sum_runs();
        let spare = (walk.spare_used + walk.spare_free) as usize;
        stats.live_large_bytes = stats.live_large_bytes.saturating_sub(spare);
        stats.waste_bytes += walk.spare_used as usize;
        stats.free_bytes += walk.spare_free as usize;
        let free_blocks = stats.classes().iter().filter(|class| class.blocks_free != 0);
        let largest_block = free_blocks.map(|class| class.block_bytes).max().unwrap_or(0);
        stats.largest_free_bytes = largest_block.max(walk.largest as usize);
        stats.free_runs = walk.runs;
    }

    pub(crate) fn sum_runs(self) -> Sums {
        let mut sums = Sums::default();
        self.runs(|run| {
            let page = self.page_of(run);
            let empty = page != 0 && self.is_reclaimable(page);
            if page != 0 {
                let spare = run.bytes.saturating_sub(PAGE);
                *(if empty { &mut sums.spare_free } else { &mut sums.spare_used }) += spare;
            }
            sums.meet(run, run.free || empty);
        });
        sums.close();
        sums
    }
}
