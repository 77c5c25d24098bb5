//! What a trace says, for people and for programs.

pub mod html;
pub mod text;

use std::path::Path;

use anyhow::Result;
use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::analysis::{Analysis, EXACT_SIZES, FailureKind, Group, LIFETIMES, Point};
use crate::gaps::Separator;
use crate::ledger::{NOWHERE, OTHERS, Origin};
use crate::read::{self, Format, Options};
use crate::symbols::{Frame, Symbols};

/// Everything that a report shows.
#[derive(Debug, Serialize)]
pub struct Report {
    pub trace: TraceFacts,
    pub peak: Moment,
    pub end: Moment,
    pub largest_request_bytes: u64,
    pub total_bytes: u64,
    pub timeline: Vec<Point>,
    /// By bytes at the peak.
    pub holders: Vec<Holder>,
    pub sizes: Vec<Size>,
    pub failures: Vec<FailureRow>,
    pub fragmentation: Option<Fragmentation>,
}

#[derive(Debug, Serialize)]
pub struct TraceFacts {
    pub name: String,
    pub format: &'static str,
    pub events: u64,
    pub allocs: u64,
    pub frees: u64,
    pub reallocs: u64,
    pub refused: u64,
    pub wrong_frees: u64,
    pub gaps: u64,
    /// Events that are missing in these gaps, as far as is known.
    pub lost_events: u64,
    /// Releases of blocks whose allocation is not in the trace.
    pub unknown_frees: u64,
    pub duration_ticks: Option<u64>,
    pub ticks_per_second: Option<u32>,
    pub arena_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
pub struct Moment {
    pub event: u64,
    pub time: Option<u64>,
    pub bytes: u64,
    pub blocks: u64,
}

/// A call site with its tag, and what it holds.
#[derive(Debug, Clone, Serialize)]
pub struct Holder {
    pub place: String,
    pub function: Option<String>,
    pub tag: Option<String>,
    pub peak_bytes: u64,
    pub peak_blocks: u64,
    pub end_bytes: u64,
    pub end_blocks: u64,
    pub own_peak_bytes: u64,
    pub allocs: u64,
    pub frees: u64,
    pub total_bytes: u64,
    pub size_min_bytes: u64,
    pub size_max_bytes: u64,
    pub mean_lifetime_events: Option<u64>,
    /// Freed within 64 events.
    pub short_lived: u64,
    /// By powers of two of events.
    pub lifetimes: Vec<u64>,
    /// Blocks that live at the end, by the quarter of the trace that they come from.
    pub born_in_quarter: [u64; 4],
    pub oldest_event: Option<u64>,
    /// Whether blocks of every quarter are live at the end.
    pub keeps_growing: bool,
    #[serde(skip)]
    pub frames: Vec<Frame>,
}

#[derive(Debug, Serialize)]
pub struct Size {
    pub largest_bytes: u64,
    pub allocs: u64,
    pub most_live_blocks: u64,
    pub end_blocks: u64,
}

#[derive(Debug, Serialize)]
pub struct FailureRow {
    pub event: u64,
    pub time: Option<u64>,
    pub what: String,
    pub place: String,
    pub tag: Option<String>,
    pub live_bytes: u64,
}

#[derive(Debug, Serialize)]
pub struct Fragmentation {
    pub worst_percent: f32,
    pub worst_event: u64,
    /// Blocks between two gaps, when it was worst and at the end.
    pub worst_separators: Vec<SeparatorRow>,
    pub end_separators: Vec<SeparatorRow>,
}

#[derive(Debug, Serialize)]
pub struct SeparatorRow {
    pub address: u64,
    pub bytes: u64,
    pub gap_before_bytes: u64,
    pub gap_behind_bytes: u64,
    pub born_event: u64,
    pub place: String,
    pub tag: Option<String>,
}

/// Reads a trace file.
///
/// # Errors
/// If it can't be read or is no trace.
pub fn analyse(path: &Path, options: Options) -> Result<Analysis> {
    let bytes = std::fs::metadata(path).map_or(0, |file| file.len());
    // An event takes about 14 bytes; of the packed formats, fewer: then points are joined.
    let mut analysis = Analysis::new(bytes / 14);
    read::file(path, options, &mut analysis)?;
    analysis.finish();
    Ok(analysis)
}

impl Report {
    /// The report of an analysis.
    pub fn new(name: &str, analysis: &Analysis, symbols: &mut Symbols) -> Self {
        let time = |ticks| analysis.has_time.then_some(ticks);
        let start = analysis.start;
        Self {
            trace: TraceFacts {
                name: name.to_owned(),
                format: match analysis.format {
                    Format::Binary => "binary",
                    Format::Columns => "columns",
                    Format::Text => "text",
                },
                events: analysis.ledger.events,
                allocs: analysis.allocs,
                frees: analysis.frees,
                reallocs: analysis.reallocs,
                refused: analysis.refused,
                wrong_frees: analysis.wrong_frees,
                gaps: analysis.gaps,
                lost_events: analysis.lost_events,
                unknown_frees: analysis.ledger.unknown_frees,
                duration_ticks: time(analysis.ledger.now),
                ticks_per_second: start.map(|start| start.ticks_per_second).filter(|&ticks| ticks != 0),
                arena_bytes: start.map(|start| start.arena_bytes as u64).filter(|&bytes| bytes != 0),
            },
            peak: Moment {
                event: analysis.peak_event,
                time: time(analysis.peak_time),
                bytes: analysis.peak_bytes,
                blocks: analysis.peak_blocks,
            },
            end: Moment {
                event: analysis.ledger.events,
                time: time(analysis.ledger.now),
                bytes: analysis.live_bytes,
                blocks: analysis.live_blocks,
            },
            largest_request_bytes: analysis.largest_bytes,
            total_bytes: analysis.total_bytes,
            timeline: analysis.timeline.clone(),
            holders: holders(analysis, symbols),
            sizes: sizes(analysis),
            failures: failures(analysis, symbols),
            fragmentation: fragmentation(analysis, symbols),
        }
    }

    /// Those with blocks that are live at the end: what grows all the time first, then by bytes.
    pub fn leaks(&self) -> Vec<&Holder> {
        let mut leaks: Vec<_> = self.holders.iter().filter(|holder| holder.end_blocks != 0).collect();
        leaks.sort_by_key(|holder| (!holder.keeps_growing, std::cmp::Reverse(holder.end_bytes)));
        leaks
    }

    /// By how much they allocate.
    pub fn churn(&self) -> Vec<&Holder> {
        let mut churn: Vec<_> = self.holders.iter().collect();
        churn.sort_by_key(|holder| std::cmp::Reverse(holder.allocs));
        churn
    }

    /// Whether any block has a call site or a tag.
    pub fn has_origins(&self) -> bool {
        self.holders.iter().any(|holder| holder.place != UNKNOWN || holder.tag.is_some())
    }
}

/// The place of what has no call site.
pub const UNKNOWN: &str = "(no call site)";

/// Place, function, and tag of a group.
pub fn label(group: u32, analysis: &Analysis, symbols: &mut Symbols) -> (String, Option<String>, Option<String>) {
    if group == OTHERS {
        return ("(others: too many call sites)".to_owned(), None, None);
    }
    let Origin { site, tag } = analysis.ledger.origins[group as usize];
    let tag = tag.map(|tag| {
        let named = analysis.ledger.names.get(&tag).cloned().or_else(|| symbols.text(tag));
        named.unwrap_or_else(|| format!("tag {tag:#x}"))
    });
    if site == 0 || group == NOWHERE {
        return (UNKNOWN.to_owned(), None, tag);
    }
    let frame = symbols.frame(site);
    let function = frame.file.is_some().then(|| frame.function.clone());
    (frame.place(), function, tag)
}

/// Groups with the same place and tag are one holder.
fn holders(analysis: &Analysis, symbols: &mut Symbols) -> Vec<Holder> {
    let mut by_label: FxHashMap<(String, Option<String>), usize> = FxHashMap::default();
    let mut holders: Vec<(Holder, u64)> = Vec::new();
    for (group, figures) in (0..).zip(&analysis.groups) {
        if figures.allocs == 0 {
            continue;
        }
        let (place, function, tag) = label(group, analysis, symbols);
        let index = *by_label.entry((place.clone(), tag.clone())).or_insert_with(|| {
            let site = analysis.ledger.origins[group as usize].site;
            let frames = if site == 0 { Vec::new() } else { symbols.frames(site).to_vec() };
            holders.push((empty_holder(place, function, tag, frames), 0));
            holders.len() - 1
        });
        let (holder, lived) = &mut holders[index];
        add(holder, figures);
        *lived = lived.saturating_add(figures.lived_events);
    }
    let events = analysis.ledger.events;
    let mut holders: Vec<_> = holders
        .into_iter()
        .map(|(mut holder, lived)| {
            holder.mean_lifetime_events = lived.checked_div(holder.frees);
            // In a short trace, four blocks are no trend.
            holder.keeps_growing = events >= 64
                && holder.born_in_quarter.iter().all(|&born| born > 0)
                && holder.born_in_quarter.iter().sum::<u64>() >= 8;
            while holder.lifetimes.last() == Some(&0) {
                holder.lifetimes.pop();
            }
            holder
        })
        .collect();
    holders.sort_by(|a, b| {
        (b.peak_bytes, b.own_peak_bytes, &a.place, &a.tag).cmp(&(a.peak_bytes, a.own_peak_bytes, &b.place, &b.tag))
    });
    holders
}

fn empty_holder(place: String, function: Option<String>, tag: Option<String>, frames: Vec<Frame>) -> Holder {
    Holder {
        place,
        function,
        tag,
        peak_bytes: 0,
        peak_blocks: 0,
        end_bytes: 0,
        end_blocks: 0,
        own_peak_bytes: 0,
        allocs: 0,
        frees: 0,
        total_bytes: 0,
        size_min_bytes: u64::MAX,
        size_max_bytes: 0,
        mean_lifetime_events: None,
        short_lived: 0,
        lifetimes: vec![0; LIFETIMES],
        born_in_quarter: [0; 4],
        oldest_event: None,
        keeps_growing: false,
        frames,
    }
}

fn add(holder: &mut Holder, group: &Group) {
    holder.peak_bytes += group.at_peak_bytes;
    holder.peak_blocks += group.at_peak_blocks;
    holder.end_bytes += group.live_bytes;
    holder.end_blocks += group.live_blocks;
    // Peaks of several groups need not be at one time: this is at most too much.
    holder.own_peak_bytes = holder.own_peak_bytes.saturating_add(group.own_peak_bytes);
    holder.allocs += group.allocs;
    holder.frees += group.frees;
    holder.total_bytes = holder.total_bytes.saturating_add(group.total_bytes);
    holder.size_min_bytes = holder.size_min_bytes.min(group.size_min);
    holder.size_max_bytes = holder.size_max_bytes.max(group.size_max);
    holder.short_lived += group.short_lived;
    holder.lifetimes.iter_mut().zip(&group.lifetimes).for_each(|(sum, &count)| *sum += count);
    holder.born_in_quarter.iter_mut().zip(&group.born).for_each(|(sum, &count)| *sum += count);
    holder.oldest_event = [holder.oldest_event, group.oldest].into_iter().flatten().min();
}

fn sizes(analysis: &Analysis) -> Vec<Size> {
    let rows = analysis.sizes.iter().filter(|row| row.allocs != 0);
    rows.map(|row| Size {
        largest_bytes: row.size_max,
        allocs: row.allocs,
        most_live_blocks: row.most_blocks,
        end_blocks: row.live_blocks,
    })
    .collect()
}

fn failures(analysis: &Analysis, symbols: &mut Symbols) -> Vec<FailureRow> {
    let rows = analysis.failures.iter().map(|failure| {
        let (place, _, tag) = label(failure.group, analysis, symbols);
        let what = match failure.what {
            FailureKind::Refused { size, align, largest_gap } => {
                let gap = largest_gap.map_or(String::new(), |gap| format!("; the longest gap has {gap} bytes"));
                format!("refused: {size} bytes, aligned to {align}{gap}")
            }
            FailureKind::WrongFree { address, reason } => {
                let reasons =
                    ["is not in the heap", "is not the start of a block", "is free already", "has another size"];
                let reason = reasons.get(usize::from(reason)).unwrap_or(&"is wrong for another reason");
                format!("wrong free: {address:#x} {reason}")
            }
        };
        FailureRow { event: failure.event, time: failure.time, what, place, tag, live_bytes: failure.live_bytes }
    });
    rows.collect()
}

fn fragmentation(analysis: &Analysis, symbols: &mut Symbols) -> Option<Fragmentation> {
    if !analysis.format.has_addresses() || analysis.allocs == 0 {
        return None;
    }
    let mut rows = |separators: &[Separator]| {
        let rows = separators.iter().map(|separator| {
            let (place, _, tag) = label(separator.live.group, analysis, symbols);
            SeparatorRow {
                address: separator.block,
                bytes: separator.live.size,
                gap_before_bytes: separator.before,
                gap_behind_bytes: separator.behind,
                born_event: separator.live.born,
                place,
                tag,
            }
        });
        rows.collect()
    };
    Some(Fragmentation {
        worst_percent: analysis.worst_percent,
        worst_event: analysis.worst_event,
        worst_separators: rows(&analysis.separators_worst),
        end_separators: rows(&analysis.separators_end),
    })
}

/// Whether a row of sizes stands for one size alone.
pub fn is_exact(size: &Size) -> bool {
    size.largest_bytes <= EXACT_SIZES
}
