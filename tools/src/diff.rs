//! What grew between two traces.

use std::cmp::Reverse;
use std::fmt::Write;

use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::report::text::{grouped, table};
use crate::report::{Holder, Report};

/// What one call site and tag held in both traces, before and after.
#[derive(Debug, Serialize)]
pub struct Row {
    pub place: String,
    pub function: Option<String>,
    pub tag: Option<String>,
    pub peak_bytes: [u64; 2],
    pub end_bytes: [u64; 2],
    pub end_blocks: [u64; 2],
    pub allocs: [u64; 2],
}

/// Two traces side by side.
#[derive(Debug, Serialize)]
pub struct Diff {
    pub names: [String; 2],
    pub events: [u64; 2],
    pub peak_bytes: [u64; 2],
    pub end_bytes: [u64; 2],
    /// What changed most first.
    pub rows: Vec<Row>,
}

fn grown([before, after]: [u64; 2]) -> i128 {
    i128::from(after) - i128::from(before)
}

impl Diff {
    /// The difference of two reports. Call sites are the same if function and tag are: lines move.
    pub fn new(before: &Report, after: &Report) -> Self {
        let mut rows: Vec<Row> = Vec::new();
        let mut index: FxHashMap<(String, Option<String>), usize> = FxHashMap::default();
        for (side, report) in [before, after].into_iter().enumerate() {
            for holder in &report.holders {
                let key = (holder.function.clone().unwrap_or_else(|| holder.place.clone()), holder.tag.clone());
                let at = *index.entry(key).or_insert_with(|| {
                    rows.push(Row::empty(holder));
                    rows.len() - 1
                });
                rows[at].add(side, holder);
            }
        }
        rows.retain(Row::is_changed);
        rows.sort_by_key(|row| {
            let most = grown(row.end_bytes).abs().max(grown(row.peak_bytes).abs());
            (Reverse(most), Reverse(grown(row.allocs).abs()), row.place.clone())
        });
        let both = |figure: fn(&Report) -> u64| [figure(before), figure(after)];
        Self {
            names: [before.trace.name.clone(), after.trace.name.clone()],
            events: both(|report| report.trace.events),
            peak_bytes: both(|report| report.peak.bytes),
            end_bytes: both(|report| report.end.bytes),
            rows,
        }
    }

    /// As text, with up to `top` rows.
    pub fn text(&self, top: usize) -> String {
        let mut out = format!("from {} to {}\n", self.names[0], self.names[1]);
        for (what, both) in [("events", self.events), ("peak", self.peak_bytes), ("live at the end", self.end_bytes)] {
            let _ =
                writeln!(out, "  {what:<16}{:>14}{:>14}  {}", grouped(both[0]), grouped(both[1]), signed(grown(both)));
        }
        if self.rows.is_empty() {
            out.push_str("\nNo call site or tag holds another number of bytes.\n");
            return out;
        }
        let _ = writeln!(out, "\nWhat changed, {} call sites and tags", self.rows.len());
        out.push_str(&table(
            &["at the end", "blocks", "at the peak", "allocations", "call site"],
            &[4],
            self.rows.iter().take(top).map(|row| {
                let function = row.function.as_ref().map_or(String::new(), |function| format!(" {function}"));
                let tag = row.tag.as_ref().map_or(String::new(), |tag| format!(" [{tag}]"));
                let mut cells: Vec<_> =
                    [row.end_bytes, row.end_blocks, row.peak_bytes, row.allocs].map(|both| signed(grown(both))).into();
                cells.push(format!("{}{function}{tag}", row.place));
                cells
            }),
        ));
        out
    }
}

impl Row {
    fn empty(holder: &Holder) -> Self {
        Self {
            place: String::new(),
            function: holder.function.clone(),
            tag: holder.tag.clone(),
            peak_bytes: [0; 2],
            end_bytes: [0; 2],
            end_blocks: [0; 2],
            allocs: [0; 2],
        }
    }

    fn add(&mut self, side: usize, holder: &Holder) {
        // The line of the newer trace.
        self.place.clone_from(&holder.place);
        self.peak_bytes[side] += holder.peak_bytes;
        self.end_bytes[side] += holder.end_bytes;
        self.end_blocks[side] += holder.end_blocks;
        self.allocs[side] += holder.allocs;
    }

    fn is_changed(&self) -> bool {
        [self.peak_bytes, self.end_bytes, self.end_blocks, self.allocs].iter().any(|both| both[0] != both[1])
    }
}

fn signed(number: i128) -> String {
    let digits = grouped(number.unsigned_abs() as u64);
    match number {
        0 => "0".to_owned(),
        1.. => format!("+{digits}"),
        _ => format!("-{digits}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Analysis;
    use crate::read::{self, Options};
    use crate::symbols::Symbols;

    fn report(text: &str, sites: &[u64]) -> Report {
        struct Sited<'a>(&'a mut Analysis, &'a [u64]);
        impl read::Sink for Sited<'_> {
            fn begin(&mut self, _: read::Format) {
                self.0.begin(read::Format::Binary);
            }
            fn event(&mut self, event: &read::Event, at: &read::At) -> Result<(), String> {
                let site = if let read::Event::Alloc { block, .. } = event { self.1[*block as usize] } else { 0 };
                self.0.event(event, &read::At { site, ..*at })
            }
        }
        let mut analysis = Analysis::new(0);
        read::stream(&mut text.as_bytes(), Options::default(), &mut Sited(&mut analysis, sites)).unwrap();
        analysis.finish();
        Report::new("x", &analysis, &mut Symbols::default())
    }

    #[test]
    fn what_grew_most_comes_first() {
        let before = report("a 0 10 8\na 1 100 8\na 2 7 8\nf 1\n", &[16, 32, 48]);
        let after = report("a 0 10 8\na 1 100 8\na 2 7 8\na 3 50 8\nf 2\n", &[16, 32, 48, 16]);
        let diff = Diff::new(&before, &after);
        let rows: Vec<_> =
            diff.rows.iter().map(|row| (row.place.as_str(), grown(row.end_bytes), grown(row.end_blocks))).collect();
        assert_eq!(rows, [("0x20", 100, 1), ("0x10", 50, 1), ("0x30", -7, -1)]);
        assert!(diff.text(10).contains("+100"));
        assert!(Diff::new(&before, &before).rows.is_empty());
    }
}
