//! Fragmentation, from where the blocks lie. What a heap keeps for itself between blocks counts as free: a trace does not show it.

use crate::ledger::Live;

/// How many blocks that keep gaps apart are told.
const SEPARATORS: usize = 10;

/// The gaps between blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    pub free: u64,
    pub largest: u64,
}

impl Measured {
    /// The share of the free bytes that is not in the longest gap.
    pub fn fragmentation_percent(self) -> f32 {
        if self.free == 0 { 0.0 } else { 100.0 - (self.largest as f64 * 100.0 / self.free as f64) as f32 }
    }
}

/// A block between two gaps, which would be one without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Separator {
    pub block: u64,
    pub live: Live,
    pub before: u64,
    pub behind: u64,
}

fn sorted<'a>(blocks: impl Iterator<Item = (u64, &'a Live)>) -> Vec<(u64, u64)> {
    let mut spans: Vec<_> = blocks.map(|(block, live)| (block, block.saturating_add(live.size))).collect();
    spans.sort_unstable();
    spans
}

/// The gaps between blocks, from `from` to `to`.
pub fn measure<'a>(blocks: impl Iterator<Item = (u64, &'a Live)>, from: u64, to: u64) -> Measured {
    let mut measured = Measured { free: 0, largest: 0 };
    let mut end = from;
    let mut gap = |from: u64, to: u64| {
        let gap = to.saturating_sub(from);
        measured.free += gap;
        measured.largest = measured.largest.max(gap);
    };
    for (start, behind) in sorted(blocks) {
        gap(end, start.min(to));
        end = end.max(behind);
    }
    gap(end, to);
    measured
}

/// The blocks that keep the most free bytes apart: each between two gaps of which even the shorter is long.
pub fn separators<'a>(blocks: impl Iterator<Item = (u64, &'a Live)>, from: u64, to: u64) -> Vec<Separator> {
    let mut blocks: Vec<_> = blocks.collect();
    blocks.sort_unstable_by_key(|&(block, _)| block);
    let end_of = |index: usize| blocks[index].0.saturating_add(blocks[index].1.size);
    let mut all: Vec<Separator> = (0..blocks.len())
        .map(|index| {
            let (block, live) = blocks[index];
            let before = if index == 0 { from } else { end_of(index - 1) };
            let behind = blocks.get(index + 1).map_or(to, |&(next, _)| next);
            Separator {
                block,
                live: *live,
                before: block.saturating_sub(before),
                behind: behind.saturating_sub(end_of(index)),
            }
        })
        .filter(|separator| separator.before.min(separator.behind) > separator.live.size)
        .collect();
    all.sort_by_key(|separator| (std::cmp::Reverse(separator.before.min(separator.behind)), separator.block));
    all.truncate(SEPARATORS);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(size: u64) -> Live {
        Live { size, born: 0, time: 0, group: 0, align_log2: 3 }
    }

    #[test]
    fn gaps_are_what_lies_between() {
        let blocks = [(100, live(50)), (200, live(8)), (300, live(100))];
        let blocks = || blocks.iter().map(|(block, live)| (*block, live));
        assert_eq!(measure(blocks(), 0, 1000), Measured { free: 842, largest: 600 });
        let found = separators(blocks(), 0, 1000);
        assert_eq!((found[0].block, found[0].before, found[0].behind), (200, 50, 92));
        assert_eq!(found.len(), 1, "the others keep gaps apart that are not longer than they are");
    }
}
