//! The arena that provably suffices for declared maxima, under any order of calls. The argument is in `docs/tools.md`.

use std::fmt::Write;
use std::str::FromStr;

use anyhow::{Result, bail};
use serde::Serialize;

use crate::report::text::{grouped, table};

/// A block of the large tier is this long at least, and may get a granule that nobody else could use.
const LARGE_MIN: u64 = 16;
const GRANULE: u64 = 8;
const PAGE: u64 = 256;
/// A run of so many bytes has a page wherever it lies, and the large tier finds it.
const PAGE_RUN: u64 = 640;
/// The largest pooled block of the default configuration, whose classes are all multiples of a granule up to here.
const POOLED: u64 = 64;
const ARENA_MAX: u64 = 1 << 30;

/// So many blocks of one layout are live at once, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Maximum {
    pub count: u64,
    pub size: u64,
    pub align: u64,
}

impl FromStr for Maximum {
    type Err = String;

    /// `COUNTxSIZE` or `COUNTxSIZE@ALIGN`.
    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (count, layout) = text.split_once('x')?;
            let (size, align) = layout.split_once('@').unwrap_or((layout, "8"));
            Some(Self { count: count.parse().ok()?, size: size.parse().ok()?, align: align.parse().ok()? })
        };
        let maximum = parse().ok_or("say COUNTxSIZE or COUNTxSIZE@ALIGN, for example 20x48 or 1x1024@32")?;
        if maximum.count == 0 || maximum.count > 1 << 24 || maximum.size == 0 || maximum.size > ARENA_MAX {
            return Err("a count is 1 to 16,777,216, a size 1 byte to 1 GiB".to_owned());
        }
        if !maximum.align.is_power_of_two() || maximum.align > 1 << 16 {
            return Err("an alignment is a power of two up to 65,536".to_owned());
        }
        Ok(maximum)
    }
}

/// Which heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Heap {
    /// The default configuration: blocks of up to 64 bytes lie in pages
    Default,
    /// `Compact`: no pools
    Compact,
}

/// What the large tier has to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Item {
    pub count: u64,
    /// The most bytes that one takes.
    pub takes: u64,
    /// A request for one is served if any free run has so many bytes.
    pub served_by: u64,
}

/// The arena, and what it is made of.
#[derive(Debug, Serialize)]
pub struct Bound {
    pub heap: Heap,
    pub maxima: Vec<Maximum>,
    /// Of all maxima together, as requested.
    pub live_bytes: u64,
    pub pages: u64,
    pub items: Vec<Item>,
    /// What the large tier needs.
    pub ground_bytes: u64,
    /// The arena: that, and the tables.
    pub arena_bytes: u64,
}

/// The least length of a run in a bin above that of `bytes`: bins are four to a doubling.
fn next_bin(bytes: u64) -> u64 {
    let quarter = 1 << (bytes.ilog2() - 2);
    (bytes / quarter + 1) * quarter
}

/// The size class of a layout in the default configuration, if it is pooled.
fn class(size: u64, align: u64) -> Option<u64> {
    let size = size.next_multiple_of(align.max(GRANULE));
    (size <= POOLED).then_some(size)
}

/// What the large tier holds for these maxima, and how many pages there are among it.
fn items(heap: Heap, maxima: &[Maximum]) -> (Vec<Item>, u64) {
    let mut items = Vec::new();
    let mut pooled = [0; (POOLED / GRANULE) as usize + 1];
    for maximum in maxima {
        if heap == Heap::Default
            && let Some(class) = class(maximum.size, maximum.align)
        {
            pooled[(class / GRANULE) as usize] += maximum.count;
            continue;
        }
        let bytes = maximum.size.next_multiple_of(GRANULE).max(LARGE_MIN);
        let served_by = next_bin(if maximum.align > GRANULE { bytes + maximum.align } else { bytes });
        items.push(Item { count: maximum.count, takes: bytes + GRANULE, served_by });
    }
    let per_page = |row: usize| PAGE / (row as u64 * GRANULE);
    let pages = (1..pooled.len()).map(|row| pooled[row].div_ceil(per_page(row))).sum();
    if pages != 0 {
        items.push(Item { count: pages, takes: PAGE + GRANULE, served_by: PAGE_RUN });
    }
    (items, pages)
}

/// What the ground must have so that none of the items is ever refused.
fn ground(items: &[Item]) -> u64 {
    let all: u64 = items.iter().map(|item| item.count * item.takes).sum();
    let runs: u64 = items.iter().map(|item| item.count).sum();
    let needs = items.iter().map(|item| all - item.takes + runs * (item.served_by - GRANULE) + GRANULE);
    needs.max().unwrap_or(0)
}

/// The tables of an arena of so many bytes.
fn tables(heap: Heap, arena_bytes: u64) -> Option<u64> {
    fn measured<C: larder::Config>(bytes: usize) -> Option<u64> {
        let layout = std::alloc::Layout::from_size_align(bytes, 1 << 16).ok()?;
        // SAFETY: the size is not zero.
        let memory = unsafe { std::alloc::alloc_zeroed(layout) };
        if memory.is_null() {
            return None;
        }
        let region: larder::Region<C, larder::policy::Try> = larder::Region::new();
        // SAFETY: the memory is nobody else's, and outlives the region, which is used no more behind this.
        let claimed = unsafe { region.claim(memory, bytes) };
        let stats = claimed.is_ok().then(|| region.stats());
        // SAFETY: it was allocated so.
        unsafe { std::alloc::dealloc(memory, layout) };
        stats.map(|stats| stats.metadata_bytes as u64)
    }
    match heap {
        Heap::Default => measured::<larder::Defaults>(arena_bytes as usize),
        Heap::Compact => measured::<larder::Compact>(arena_bytes as usize),
    }
}

/// Derives the arena.
///
/// # Errors
/// If it would be longer than 1 GiB.
pub fn derive(heap: Heap, maxima: &[Maximum]) -> Result<Bound> {
    let (items, pages) = items(heap, maxima);
    let ground_bytes = ground(&items);
    let mut arena_bytes = (ground_bytes + ground_bytes / 64 + 256).max(1024).next_multiple_of(GRANULE);
    loop {
        if arena_bytes > ARENA_MAX {
            bail!("the arena would be longer than 1 GiB: {} bytes for the blocks alone", grouped(ground_bytes));
        }
        // Tables at the start of a long static heap leave up to a page unused.
        let unused = if arena_bytes >= 64 * 1024 { PAGE } else { 0 };
        match tables(heap, arena_bytes) {
            Some(tables) if arena_bytes >= ground_bytes + tables + unused => break,
            Some(tables) => {
                arena_bytes = (ground_bytes + tables + unused).max(arena_bytes + GRANULE).next_multiple_of(GRANULE)
            }
            None => arena_bytes += 256,
        }
    }
    let live_bytes = maxima.iter().map(|maximum| maximum.count * maximum.size).sum();
    Ok(Bound { heap, maxima: maxima.to_vec(), live_bytes, pages, items, ground_bytes, arena_bytes })
}

impl Bound {
    /// As text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "{} bytes of arena suffice under any order of calls, if calls do not overlap: {:.2} times the {} bytes that can be live.\n",
            grouped(self.arena_bytes),
            self.arena_bytes as f64 / self.live_bytes as f64,
            grouped(self.live_bytes)
        );
        let rows = self.items.iter().map(|item| {
            let is_pages = item.served_by == PAGE_RUN && item.takes == PAGE + GRANULE && self.pages == item.count;
            vec![
                grouped(item.count),
                grouped(item.takes),
                grouped(item.served_by),
                if is_pages { "pages of small blocks".to_owned() } else { String::new() },
            ]
        });
        out += &table(&["blocks", "take at most", "served by a run of", ""], &[3], rows);
        let _ = writeln!(
            out,
            "  {} bytes for these, the rest for tables. A block that is resized counts twice, before and after.",
            grouped(self.ground_bytes)
        );
        out
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::Layout;

    use super::*;
    use crate::replay::engine::Subject;
    use crate::replay::subjects::Larder;

    fn maxima(text: &str) -> Vec<Maximum> {
        text.split(' ').map(|part| part.parse().unwrap()).collect()
    }

    #[test]
    fn maxima_are_read() {
        assert_eq!("20x48".parse(), Ok(Maximum { count: 20, size: 48, align: 8 }));
        assert_eq!("1x1024@32".parse(), Ok(Maximum { count: 1, size: 1024, align: 32 }));
        for wrong in ["", "x", "20", "0x8", "1x0", "1x8@3", "1x8@0", "-1x8", "1x8@131072", "1x99999999999"] {
            assert!(wrong.parse::<Maximum>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn bins_are_four_to_a_doubling() {
        let next: Vec<_> = [16, 19, 24, 31, 32, 512, 639, 640, 1000, 1024].map(next_bin).into();
        assert_eq!(next, [20, 20, 28, 32, 40, 640, 640, 768, 1024, 1280]);
    }

    /// Tries to get a refusal: fills up, frees in patterns, asks for others, and keeps what came closest.
    struct Adversary<S: Subject> {
        subject: Box<S>,
        maxima: Vec<Maximum>,
        live: Vec<Vec<*mut u8>>,
        random: fastrand::Rng,
    }

    impl<S: Subject> Adversary<S> {
        fn alloc(&mut self, kind: usize) -> bool {
            let Maximum { count, size, align } = self.maxima[kind];
            if self.live[kind].len() as u64 == count {
                return true;
            }
            let layout = Layout::from_size_align(size as usize, align as usize).unwrap();
            // SAFETY: the size is not zero.
            let block = unsafe { self.subject.alloc(layout) };
            self.live[kind].push(block);
            !block.is_null()
        }

        fn free(&mut self, kind: usize, index: usize) {
            let Maximum { size, align, .. } = self.maxima[kind];
            let block = self.live[kind].remove(index);
            // SAFETY: the block is live, and of this layout.
            unsafe { self.subject.dealloc(block, Layout::from_size_align(size as usize, align as usize).unwrap()) };
        }

        /// One attempt; `false`: a request was refused.
        fn attack(&mut self) -> bool {
            let kinds = self.maxima.len();
            for _ in 0..40 {
                let kind = self.random.usize(..kinds);
                let served = match self.random.u8(..6) {
                    // Fill up with one kind, or with all in turns.
                    0 => (0..self.maxima[kind].count).all(|_| self.alloc(kind)),
                    1 => (0..400).all(|_| {
                        let kind = self.random.usize(..kinds);
                        self.alloc(kind)
                    }),
                    // A comb: every other block in the order of addresses goes.
                    2 => {
                        self.live[kind].sort_unstable();
                        let step = self.random.usize(2..5);
                        let gone: Vec<_> = (0..self.live[kind].len()).rev().filter(|index| index % step != 0).collect();
                        gone.into_iter().for_each(|index| self.free(kind, index));
                        true
                    }
                    3 => {
                        while !self.live[kind].is_empty() {
                            self.free(kind, 0);
                        }
                        true
                    }
                    // Small ones are spread: each behind a large one, which goes.
                    4 => (0..200).all(|_| {
                        let other = self.random.usize(..kinds);
                        let served = self.alloc(other) && self.alloc(kind);
                        if served && !self.live[other].is_empty() {
                            self.free(other, self.live[other].len() - 1);
                        }
                        served
                    }),
                    _ => (0..300).all(|_| {
                        let kind = self.random.usize(..kinds);
                        if self.live[kind].is_empty() || self.random.bool() {
                            return self.alloc(kind);
                        }
                        let index = self.random.usize(..self.live[kind].len());
                        self.free(kind, index);
                        true
                    }),
                };
                if !served {
                    return false;
                }
            }
            true
        }
    }

    /// Whether an arena withstands so many attacks.
    fn withstands<C: larder::Config>(maxima: &[Maximum], arena_bytes: u64, attacks: u64) -> bool {
        let layout = Layout::from_size_align(arena_bytes as usize, 1 << 16).unwrap();
        // SAFETY: the size is not zero.
        let memory = unsafe { std::alloc::alloc_zeroed(layout) };
        let outcome = (0..attacks).all(|seed| {
            // SAFETY: the memory is used by one subject after the other.
            let Some(subject) = (unsafe { Larder::<C>::start(memory, arena_bytes as usize) }) else { return false };
            let live = vec![vec![]; maxima.len()];
            Adversary { subject, maxima: maxima.to_vec(), live, random: fastrand::Rng::with_seed(seed) }.attack()
        });
        // SAFETY: it was allocated so.
        unsafe { std::alloc::dealloc(memory, layout) };
        outcome
    }

    const CASES: [&str; 7] = [
        "40x24 8x200 1x1024",
        "100x16 100x48 3x4000",
        "20x300 20x70",
        "30x100@64 10x24@32",
        "5x1000 200x8",
        "60x64 1x5000@256",
        "12x16 12x512",
    ];

    /// No refusal at the bound, under any order of calls that the adversary finds; and it finds one in arenas that are shorter.
    #[test]
    fn no_order_of_calls_is_refused_at_the_bound() {
        let attacks = if cfg!(debug_assertions) { 10 } else { 1000 };
        let mut shares = Vec::new();
        for case in CASES {
            let maxima = maxima(case);
            for heap in [Heap::Default, Heap::Compact] {
                let bound = derive(heap, &maxima).unwrap();
                let withstands = match heap {
                    Heap::Default => withstands::<larder::Defaults>,
                    Heap::Compact => withstands::<larder::Compact>,
                };
                assert!(withstands(&maxima, bound.arena_bytes, attacks), "{case}, {heap:?}: {bound:?}");
                // The longest arena in which it finds a refusal, in steps of 5 %.
                let refused =
                    (1..20).rev().find(|part| !withstands(&maxima, bound.arena_bytes * part / 20 / 8 * 8, attacks));
                shares.push((case, heap, refused.map_or(0, |part| part * 5)));
            }
        }
        for (case, heap, percent) in &shares {
            println!("{case}, {heap:?}: an order of calls is refused in {percent} % of the arena");
        }
        // The adversary is one: of the arenas that the argument gives away least on, it breaks a third.
        assert!(shares.iter().any(|&(.., percent)| percent >= 30), "{shares:?}");
        assert!(shares.iter().filter(|&&(.., percent)| percent > 0).count() >= 8, "{shares:?}");
    }

    /// Counted by hand, for the largest of the requests.
    #[test]
    fn the_sum_is_that_of_the_argument() {
        let (items, pages) = items(Heap::Default, &maxima("40x24 8x200 1x1024"));
        assert_eq!(pages, 4);
        let others = 8 * (200 + 8) + 4 * (256 + 8);
        assert_eq!(ground(&items), others + (8 + 4 + 1) * (1280 - 8) + 8);
    }

    /// An arena that has room for all blocks, but not for holes, is no bound: the adversary shows it.
    #[test]
    fn the_adversary_breaks_arenas_without_room_for_holes() {
        let broken = CASES.iter().filter(|case| {
            let maxima = maxima(case);
            let (items, _) = items(Heap::Default, &maxima);
            let bytes: u64 = items.iter().map(|item| item.count * item.takes).sum();
            !withstands::<larder::Defaults>(&maxima, (bytes + bytes / 16 + 512).next_multiple_of(8), 20)
        });
        let broken: Vec<_> = broken.collect();
        assert!(broken.len() >= 4, "{broken:?}");
    }

    #[test]
    fn what_can_not_be_is_an_error() {
        assert!(derive(Heap::Default, &maxima("16777216x1000")).is_err());
    }
}
