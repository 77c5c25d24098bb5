//! The configurations that a fit tries: where it begins, and where it goes from what is best so far.

use std::fmt;

use crate::replay::script::{Kind, Script};

/// A pooled block is at most half a page.
const POOLED_MAX: usize = 128;
const GRANULE: usize = 8;
const PERCENTS: [usize; 8] = [3, 6, 12, 18, 25, 40, 60, 100];

/// What of `larder::Config` decides where blocks lie.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Candidate {
    pub classes: Vec<usize>,
    pub pooled_percent: usize,
    pub kept_pages: usize,
}

impl Candidate {
    /// larder as it comes.
    pub fn default_config() -> Self {
        Self { classes: (1..=8).map(|granules| granules * GRANULE).collect(), pooled_percent: 100, kept_pages: 1 }
    }

    fn compact() -> Self {
        Self { classes: vec![], pooled_percent: 100, kept_pages: 0 }
    }

    /// The constants of the trait's implementation, a line each.
    pub fn constants(&self, indent: &str) -> String {
        format!("{indent}const CLASSES: &'static [usize] = &{:?};\n", self.classes)
            + &format!("{indent}const POOLED_PERCENT: usize = {};\n", self.pooled_percent)
            + &format!("{indent}const KEPT_PAGES: usize = {};\n", self.kept_pages)
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        if self.classes.is_empty() {
            return out.write_str("no pools");
        }
        write!(out, "classes {:?}, {} % pooled, {} kept", self.classes, self.pooled_percent, self.kept_pages)
    }
}

/// The most blocks of each size that are live at once, in granules: what lists of classes are made from.
pub fn most_live(scripts: &[Script]) -> [u64; POOLED_MAX / GRANULE] {
    let mut most = [0u64; POOLED_MAX / GRANULE];
    for script in scripts {
        let mut live = [0u64; POOLED_MAX / GRANULE];
        let row = |size: u32| (size as usize - 1) / GRANULE;
        for op in &script.ops {
            if matches!(op.kind, Kind::Free | Kind::Realloc)
                && let Some(live) = live.get_mut(row(op.size))
            {
                *live -= 1;
            }
            let size = match op.kind {
                Kind::Alloc => op.size,
                Kind::Realloc => op.new_size,
                Kind::Free => continue,
            };
            if let Some(live) = live.get_mut(row(size)) {
                *live += 1;
                most[row(size)] = most[row(size)].max(*live);
            }
        }
    }
    most
}

/// The best list of `count` classes for blocks of up to `largest` bytes: those that waste the fewest bytes by rounding up and in
/// pages that are not full.
pub fn best_list(most: &[u64], largest: usize, count: usize) -> Vec<usize> {
    let rows = largest / GRANULE;
    // The waste if one class of `to` granules serves what has more than `from`.
    let waste = |from: usize, to: usize| {
        let blocks: u64 = most[from..to].iter().sum();
        let rounding: u64 = (from..to).map(|row| most[row] * ((to - row - 1) * GRANULE) as u64).sum();
        let size = to * GRANULE;
        let lost_in_page = (256 % size) as u64;
        rounding + blocks * size as u64 / 256 * lost_in_page + if blocks == 0 { 0 } else { 128 }
    };
    let mut best = vec![vec![(u64::MAX, 0); rows + 1]; count + 1];
    best[0][0] = (0, 0);
    for classes in 1..=count {
        for to in 1..=rows {
            for from in 0..to {
                let before = best[classes - 1][from].0;
                let total = before.saturating_add(waste(from, to));
                if total < best[classes][to].0 {
                    best[classes][to] = (total, from);
                }
            }
        }
    }
    let (mut list, mut to) = (vec![], rows);
    for classes in (1..=count).rev() {
        if best[classes][to].0 == u64::MAX {
            return vec![];
        }
        list.push(to * GRANULE);
        to = best[classes][to].1;
    }
    list.reverse();
    list
}

/// Where a fit begins: the configurations that larder has, and lists that fit the sizes, in parts of the arena from little to all.
pub fn first(scripts: &[Script]) -> Vec<Candidate> {
    let most = most_live(scripts);
    let mut candidates = vec![Candidate::default_config(), Candidate::compact()];
    let mut lists = vec![Candidate::default_config().classes];
    for (largest, count) in [(64, 4), (128, 6), (32, 3), (48, 2), (96, 4), (128, 10)] {
        lists.push(best_list(&most, largest, count));
    }
    lists.retain(|list| !list.is_empty());
    for (index, classes) in lists.iter().enumerate() {
        // The first lists in every part, the others in some.
        for percent in PERCENTS.into_iter().skip(index % 2).step_by(if index < 2 { 1 } else { 2 }) {
            candidates.push(Candidate { classes: classes.clone(), pooled_percent: percent, kept_pages: 1 });
        }
    }
    candidates
}

/// What is one step away.
pub fn around(best: &Candidate) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    if best.classes.is_empty() {
        return candidates;
    }
    for kept_pages in [0, 1, 2, 4] {
        candidates.push(Candidate { kept_pages, ..best.clone() });
    }
    for step in [1, 2, 4, 8, 16] {
        for percent in [best.pooled_percent.saturating_sub(step), best.pooled_percent + step] {
            if (1..=100).contains(&percent) {
                candidates.push(Candidate { pooled_percent: percent, ..best.clone() });
            }
        }
    }
    for size in (GRANULE..=POOLED_MAX).step_by(GRANULE) {
        let mut classes = best.classes.clone();
        match classes.binary_search(&size) {
            Ok(at) => _ = classes.remove(at),
            Err(at) => classes.insert(at, size),
        }
        if !classes.is_empty() {
            candidates.push(Candidate { classes, ..best.clone() });
        }
    }
    candidates.retain(|candidate| candidate != best);
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_the_sizes_that_are_there() {
        let mut most = [0; 16];
        (most[2], most[4], most[15]) = (1000, 800, 50);
        assert_eq!(best_list(&most, 128, 3), [24, 40, 128]);
        assert_eq!(best_list(&most, 40, 2), [24, 40]);
        // One class for both, when there may be one only.
        assert_eq!(best_list(&most, 40, 1), [40]);
        assert_eq!(best_list(&most, 16, 3), [0; 0], "two sizes are no three classes");
    }

    #[test]
    fn candidates_are_configurations() {
        let script = Script::default();
        let mut all = first(std::slice::from_ref(&script));
        all.extend(around(&Candidate { classes: vec![8, 128], pooled_percent: 1, kept_pages: 0 }));
        for candidate in all {
            assert!(
                candidate.classes.is_sorted() && candidate.classes.iter().all(|size| size % 8 == 0 && *size <= 128)
            );
            assert!((1..=100).contains(&candidate.pooled_percent) && candidate.kept_pages <= 64);
        }
    }
}
