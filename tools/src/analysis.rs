//! What a trace says, gathered in one pass: time O(1) an event, memory O(live blocks + call sites).

use crate::gaps::{self, Separator};
use crate::ledger::{Change, Ledger, Live};
use crate::read::{At, Event, Format, Sink, Start};

/// Points of the timeline, at most.
const POINTS_MAX: usize = 512;
/// Refusals and wrong frees that are kept one by one.
const FAILURES_MAX: usize = 100;
/// A block that is freed within so many events is short-lived.
pub const SHORT_EVENTS: u64 = 64;
/// Classes of lifetimes: powers of two of events.
pub const LIFETIMES: usize = 24;

/// What blocks of one origin did.
#[derive(Debug, Clone, Default)]
pub struct Group {
    pub allocs: u64,
    pub frees: u64,
    pub total_bytes: u64,
    pub live_bytes: u64,
    pub live_blocks: u64,
    /// The most bytes that the group ever held.
    pub own_peak_bytes: u64,
    /// What the group held when the whole heap was at its peak.
    pub at_peak_bytes: u64,
    pub at_peak_blocks: u64,
    /// Which peak that is: see `Analysis::peak_number`.
    peak_number: u64,
    pub size_min: u64,
    pub size_max: u64,
    /// Sum of lifetimes, in events, of the blocks that were freed.
    pub lived_events: u64,
    pub short_lived: u64,
    pub lifetimes: [u64; LIFETIMES],
    /// Blocks that live at the end, by the quarter of the trace in which they were allocated.
    pub born: [u64; 4],
    pub oldest: Option<u64>,
}

impl Group {
    /// Brings the figures of the peak up to date before the group changes.
    fn remember(&mut self, peak_number: u64) {
        if self.peak_number != peak_number {
            self.peak_number = peak_number;
            (self.at_peak_bytes, self.at_peak_blocks) = (self.live_bytes, self.live_blocks);
        }
    }
}

/// Requests of about one size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SizeRow {
    pub allocs: u64,
    pub live_blocks: u64,
    /// The most blocks that ever were live at once.
    pub most_blocks: u64,
    pub size_max: u64,
}

/// A stretch of the trace.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct Point {
    /// Events up to its end.
    pub event: u64,
    pub time: u64,
    /// The most live bytes in it.
    pub live_bytes: u64,
    pub live_blocks: u64,
    /// At its end, and if blocks have addresses: the share of the free bytes that is not in the longest gap, in percent.
    pub fragmentation_percent: Option<f32>,
    pub largest_gap_bytes: Option<u64>,
}

/// A refusal or a wrong free.
#[derive(Debug, Clone)]
pub struct Failure {
    pub event: u64,
    pub time: Option<u64>,
    pub group: u32,
    pub live_bytes: u64,
    pub what: FailureKind,
}

#[derive(Debug, Clone)]
pub enum FailureKind {
    Refused { size: u64, align: u64, largest_gap: Option<u64> },
    WrongFree { address: u64, reason: u8 },
}

/// Everything that a report needs.
pub struct Analysis {
    pub format: Format,
    pub start: Option<Start>,
    pub ledger: Ledger,
    pub groups: Vec<Group>,
    pub sizes: Vec<SizeRow>,
    pub allocs: u64,
    pub frees: u64,
    pub reallocs: u64,
    pub refused: u64,
    pub wrong_frees: u64,
    pub gaps: u64,
    pub lost_events: u64,
    pub live_bytes: u64,
    pub live_blocks: u64,
    pub total_bytes: u64,
    pub peak_bytes: u64,
    pub peak_blocks: u64,
    pub peak_event: u64,
    pub peak_time: u64,
    peak_number: u64,
    pub largest_bytes: u64,
    pub has_time: bool,
    pub timeline: Vec<Point>,
    stride: u64,
    point: Point,
    /// Lowest and highest byte of all blocks.
    pub lowest: u64,
    pub highest: u64,
    pub failures: Vec<Failure>,
    /// Blocks that kept gaps apart when memory was most fragmented, and at the end.
    pub separators_worst: Vec<Separator>,
    pub separators_end: Vec<Separator>,
    pub worst_percent: f32,
    pub worst_event: u64,
}

impl Analysis {
    /// An analysis of a trace of about so many events; 0: nobody knows.
    pub fn new(about_events: u64) -> Self {
        Self {
            format: Format::Binary,
            start: None,
            ledger: Ledger::new(Format::Binary),
            groups: Vec::new(),
            sizes: vec![SizeRow::default(); size_row(u64::MAX) + 1],
            allocs: 0,
            frees: 0,
            reallocs: 0,
            refused: 0,
            wrong_frees: 0,
            gaps: 0,
            lost_events: 0,
            live_bytes: 0,
            live_blocks: 0,
            total_bytes: 0,
            peak_bytes: 0,
            peak_blocks: 0,
            peak_event: 0,
            peak_time: 0,
            peak_number: 0,
            largest_bytes: 0,
            has_time: false,
            timeline: Vec::with_capacity(POINTS_MAX),
            stride: (about_events / 400).max(1),
            point: Point::default(),
            lowest: u64::MAX,
            highest: 0,
            failures: Vec::new(),
            separators_worst: Vec::new(),
            separators_end: Vec::new(),
            worst_percent: 0.0,
            worst_event: 0,
        }
    }

    /// Where blocks can lie: the arena if the trace says so, else from the lowest to the highest block.
    pub fn range(&self) -> (u64, u64) {
        match self.start {
            Some(start) if start.arena_bytes != 0 => {
                (start.arena as u64, (start.arena as u64).saturating_add(start.arena_bytes as u64))
            }
            _ => (self.lowest.min(self.highest), self.highest),
        }
    }

    fn gone(&mut self, live: &Live) {
        self.live_bytes -= live.size;
        self.live_blocks -= 1;
        let group = &mut self.groups[live.group as usize];
        group.remember(self.peak_number);
        group.live_bytes -= live.size;
        group.live_blocks -= 1;
        group.frees += 1;
        let lived = self.ledger.events.saturating_sub(live.born);
        group.lived_events += lived;
        group.short_lived += u64::from(lived <= SHORT_EVENTS);
        group.lifetimes[(lived.max(1).ilog2() as usize).min(LIFETIMES - 1)] += 1;
        self.sizes[size_row(live.size)].live_blocks -= 1;
    }

    fn come(&mut self, block: u64, live: &Live) {
        self.live_bytes = self.live_bytes.saturating_add(live.size);
        self.live_blocks += 1;
        self.total_bytes = self.total_bytes.saturating_add(live.size);
        let group = &mut self.groups[live.group as usize];
        group.remember(self.peak_number);
        group.size_min = if group.allocs == 0 { live.size } else { group.size_min.min(live.size) };
        group.size_max = group.size_max.max(live.size);
        group.allocs += 1;
        group.total_bytes = group.total_bytes.saturating_add(live.size);
        group.live_bytes = group.live_bytes.saturating_add(live.size);
        group.live_blocks += 1;
        group.own_peak_bytes = group.own_peak_bytes.max(group.live_bytes);
        self.largest_bytes = self.largest_bytes.max(live.size);
        let row = &mut self.sizes[size_row(live.size)];
        row.allocs += 1;
        row.live_blocks += 1;
        row.most_blocks = row.most_blocks.max(row.live_blocks);
        row.size_max = row.size_max.max(live.size);
        self.lowest = self.lowest.min(block);
        self.highest = self.highest.max(block.saturating_add(live.size));
        if self.live_bytes > self.peak_bytes {
            self.peak_number += 1;
            (self.peak_bytes, self.peak_blocks) = (self.live_bytes, self.live_blocks);
            (self.peak_event, self.peak_time) = (self.ledger.events, self.ledger.now);
        }
    }

    fn failed(&mut self, at: &At, what: FailureKind) {
        if self.failures.len() < FAILURES_MAX {
            let group = self.ledger.group(at);
            let (event, live_bytes) = (self.ledger.events, self.live_bytes);
            self.failures.push(Failure { event, time: at.time, group, live_bytes, what });
        }
    }

    fn largest_gap(&self) -> Option<u64> {
        let (from, to) = self.range();
        self.format.has_addresses().then(|| gaps::measure(self.ledger.all(), from, to).largest)
    }

    /// Counts an event into the timeline.
    fn tick(&mut self) {
        self.point.live_bytes = self.point.live_bytes.max(self.live_bytes);
        if self.ledger.events >= self.point.event + self.stride {
            self.close_point();
            if self.timeline.len() == POINTS_MAX {
                self.halve();
            }
        }
    }

    fn close_point(&mut self) {
        let mut point = self.point;
        point.event = self.ledger.events;
        point.time = self.ledger.now;
        point.live_blocks = self.live_blocks;
        if self.format.has_addresses() && self.live_blocks != 0 {
            let (from, to) = self.range();
            let measured = gaps::measure(self.ledger.all(), from, to);
            point.largest_gap_bytes = Some(measured.largest);
            point.fragmentation_percent = Some(measured.fragmentation_percent());
            // Little that is free says little.
            if measured.fragmentation_percent() > self.worst_percent && measured.free > (to - from) / 20 {
                self.worst_percent = measured.fragmentation_percent();
                self.worst_event = self.ledger.events;
                self.separators_worst = gaps::separators(self.ledger.all(), from, to);
            }
        }
        self.timeline.push(point);
        self.point = Point { event: point.event, live_bytes: self.live_bytes, ..Point::default() };
    }

    /// Joins points in pairs: from now on, each stands for twice as many events.
    fn halve(&mut self) {
        self.timeline = self
            .timeline
            .chunks(2)
            .map(|pair| {
                let last = pair[pair.len() - 1];
                Point { live_bytes: pair.iter().map(|point| point.live_bytes).max().unwrap_or(0), ..last }
            })
            .collect();
        self.stride *= 2;
    }

    /// Closes the books when the trace has been read.
    pub fn finish(&mut self) {
        if self.ledger.events > self.point.event {
            self.close_point();
        }
        self.groups.resize(self.ledger.origins.len(), Group::default());
        for group in &mut self.groups {
            group.remember(self.peak_number);
        }
        let events = self.ledger.events.max(1);
        for (_, live) in self.ledger.all() {
            let group = &mut self.groups[live.group as usize];
            group.born[((live.born as u128 * 4 / u128::from(events)) as usize).min(3)] += 1;
            group.oldest = Some(group.oldest.map_or(live.born, |oldest| oldest.min(live.born)));
        }
        if self.format.has_addresses() {
            let (from, to) = self.range();
            self.separators_end = gaps::separators(self.ledger.all(), from, to);
        }
    }
}

impl Sink for Analysis {
    fn begin(&mut self, format: Format) {
        self.format = format;
        self.ledger = Ledger::new(format);
    }

    fn event(&mut self, event: &Event, at: &At) -> Result<(), String> {
        self.has_time |= at.time.is_some();
        match *event {
            Event::Start(start) => self.start = Some(start),
            Event::Name { .. } => {}
            Event::Alloc { .. } => self.allocs += 1,
            Event::Free { .. } => self.frees += 1,
            Event::Realloc { .. } => self.reallocs += 1,
            Event::Refused { size, align } => {
                self.refused += 1;
                if self.failures.len() < FAILURES_MAX {
                    let largest_gap = self.largest_gap();
                    self.failed(at, FailureKind::Refused { size, align, largest_gap });
                }
            }
            Event::WrongFree { address, reason } => {
                self.wrong_frees += 1;
                self.failed(at, FailureKind::WrongFree { address, reason });
            }
            Event::Gap { events } => {
                self.gaps += 1;
                self.lost_events = self.lost_events.saturating_add(events);
            }
        }
        let Change { gone, come } = self.ledger.apply(event, at)?;
        if self.groups.len() < self.ledger.origins.len() {
            self.groups.resize(self.ledger.origins.len(), Group::default());
        }
        if let Some((_, live)) = gone {
            self.gone(&live);
        }
        if let Some((block, live)) = come {
            if self.live_bytes.checked_add(live.size).is_none() {
                return Err("more bytes are live than 64 bits can count".to_owned());
            }
            self.come(block, &live);
        }
        self.tick();
        Ok(())
    }
}

/// Sizes up to here have a row each.
pub const EXACT_SIZES: u64 = 1024;

/// The row of a size: its own, or one of eight to a doubling.
pub fn size_row(size: u64) -> usize {
    if size <= EXACT_SIZES {
        return size as usize;
    }
    let log = (size - 1).ilog2();
    EXACT_SIZES as usize + 1 + ((log - 10) * 8 + ((size - 1) >> (log - 3) & 7) as u32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_ascend_and_are_at_most_an_eighth_wide() {
        let mut last = (0, 0);
        for size in (1..5000).chain((5000..1 << 22).step_by(997)) {
            let row = size_row(size);
            assert!(row >= last.1, "{size}");
            if row != last.1 {
                last = (size, row);
            }
            assert!(size - last.0 <= size / 8, "{size} is in the row of {}", last.0);
        }
        assert_eq!((size_row(1024), size_row(1025), size_row(1152), size_row(1153)), (1024, 1025, 1025, 1026));
    }

    /// The figures by group, when the peak is known only later, against a second pass.
    #[test]
    fn the_peak_by_group_is_that_of_the_moment() {
        let mut random = fastrand::Rng::with_seed(3);
        let (mut analysis, mut live, mut best) = (Analysis::new(0), vec![], (0, [0u64; 6]));
        analysis.begin(Format::Binary);
        for number in 0..3000u64 {
            let grows = number % 700 < 400;
            if random.u8(..10) < if grows { 6 } else { 4 } || live.is_empty() {
                let (block, size, site) = (number * 8, random.u64(1..100), random.u64(1..6));
                live.push((block, size, site));
                let at = At { site, ..At::default() };
                analysis.event(&Event::Alloc { block, size, align: 8 }, &at).unwrap();
            } else {
                let (block, ..) = live.swap_remove(random.usize(..live.len()));
                analysis.event(&Event::Free { block }, &At::default()).unwrap();
            }
            let mut sums = [0; 6];
            live.iter().for_each(|&(_, size, site)| sums[site as usize] += size);
            if sums.iter().sum::<u64>() > best.0 {
                best = (sums.iter().sum(), sums);
            }
        }
        analysis.finish();
        assert_eq!(analysis.peak_bytes, best.0);
        for (group, origin) in analysis.groups.iter().zip(&analysis.ledger.origins).skip(2) {
            assert_eq!(group.at_peak_bytes, best.1[origin.site as usize]);
        }
        assert_eq!(analysis.groups.iter().map(|group| group.at_peak_blocks).sum::<u64>(), analysis.peak_blocks);
        assert!(analysis.timeline.len() <= POINTS_MAX);
        assert_eq!(analysis.timeline.iter().map(|point| point.live_bytes).max(), Some(best.0));
    }
}
