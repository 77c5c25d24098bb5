//! The report as text.

use std::fmt::Write;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::{Holder, Report, is_exact};

/// A table without lines, whose numbers stand to the right.
pub fn table(head: &[&str], left: &[usize], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_header(head.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if !left.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let text = table.to_string();
    text.lines().map(|line| format!("  {}\n", line.trim_end())).collect()
}

/// A number with commas.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index != 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn name(holder: &Holder) -> String {
    let mut name = holder.place.clone();
    if let Some(function) = &holder.function {
        let _ = write!(name, " {}", shorten(function, 48));
    }
    if let Some(tag) = &holder.tag {
        let _ = write!(name, " [{tag}]");
    }
    name
}

fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let skipped = text.chars().count() - (most - 1);
    format!("…{}", text.chars().skip(skipped).collect::<String>())
}

fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { String::new() } else { format!("{:.1} %", part as f64 * 100.0 / whole as f64) }
}

/// The timeline in one line of blocks.
pub fn spark(values: &[u64], columns: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    let columns = columns.min(values.len()).max(1);
    let bar = |column: usize| {
        let part = &values[column * values.len() / columns..(column + 1) * values.len() / columns];
        let value = part.iter().copied().max().unwrap_or(0);
        BARS[(value as u128 * 7 / u128::from(most)) as usize]
    };
    if values.is_empty() { String::new() } else { (0..columns).map(bar).collect() }
}

impl Report {
    /// The report with tables of up to `top` rows.
    pub fn text(&self, top: usize) -> String {
        let mut out = String::new();
        self.summary(&mut out);
        if self.has_origins() {
            self.holders_text(&mut out, top);
        }
        self.leaks_text(&mut out, top);
        self.churn_text(&mut out, top);
        self.sizes_text(&mut out, top);
        self.fragmentation_text(&mut out, top);
        self.failures_text(&mut out, top);
        out
    }

    fn summary(&self, out: &mut String) {
        let (trace, peak, end) = (&self.trace, &self.peak, &self.end);
        let _ = writeln!(
            out,
            "{}: {} events: {} allocations, {} releases, {} resizes",
            trace.name,
            grouped(trace.events),
            grouped(trace.allocs),
            grouped(trace.frees),
            grouped(trace.reallocs)
        );
        let arena = trace.arena_bytes.map_or(String::new(), |bytes| {
            format!(", {} of an arena of {}", percent(peak.bytes, bytes), grouped(bytes))
        });
        let at = |moment: &super::Moment| match (moment.time, trace.ticks_per_second) {
            (Some(ticks), Some(rate)) => {
                format!("event {}, {:.3} s", grouped(moment.event), ticks as f64 / f64::from(rate))
            }
            (Some(ticks), None) => format!("event {}, tick {}", grouped(moment.event), grouped(ticks)),
            _ => format!("event {}", grouped(moment.event)),
        };
        let _ = writeln!(
            out,
            "peak   {} bytes in {} blocks{arena}, at {}",
            grouped(peak.bytes),
            grouped(peak.blocks),
            at(peak)
        );
        let _ = writeln!(out, "end    {} bytes in {} blocks, at {}", grouped(end.bytes), grouped(end.blocks), at(end));
        let _ = writeln!(
            out,
            "total  {} bytes; the largest request has {}",
            grouped(self.total_bytes),
            grouped(self.largest_request_bytes)
        );
        let live: Vec<u64> = self.timeline.iter().map(|point| point.live_bytes).collect();
        let _ = writeln!(out, "live   {}", spark(&live, 72));
        if trace.gaps != 0 {
            let _ = writeln!(
                out,
                "gaps   {}, in which {} or more events are missing: figures are those of what is left",
                grouped(trace.gaps),
                grouped(trace.lost_events)
            );
        }
        if trace.unknown_frees != 0 {
            let count = grouped(trace.unknown_frees);
            let _ = writeln!(out, "       {count} releases of blocks that were allocated unseen");
        }
    }

    fn holders_text(&self, out: &mut String, top: usize) {
        let rows = self.holders.iter().filter(|holder| holder.peak_bytes != 0);
        let _ = writeln!(out, "\nWho held the peak ({} call sites and tags)", rows.clone().count());
        out.push_str(&table(
            &["bytes", "share", "blocks", "own peak", "call site"],
            &[4],
            rows.take(top).map(|holder| {
                vec![
                    grouped(holder.peak_bytes),
                    percent(holder.peak_bytes, self.peak.bytes),
                    grouped(holder.peak_blocks),
                    grouped(holder.own_peak_bytes),
                    name(holder),
                ]
            }),
        ));
    }

    fn leaks_text(&self, out: &mut String, top: usize) {
        let leaks = self.leaks();
        if leaks.is_empty() {
            out.push_str("\nNothing is live at the end.\n");
            return;
        }
        let _ = writeln!(out, "\nLive at the end, by the quarter of the trace in which it was allocated");
        out.push_str(&table(
            &["bytes", "blocks", "1st", "2nd", "3rd", "4th", "", "call site"],
            &[6, 7],
            leaks.iter().take(top).map(|holder| {
                let mut row = vec![grouped(holder.end_bytes), grouped(holder.end_blocks)];
                row.extend(holder.born_in_quarter.map(grouped));
                row.push(if holder.keeps_growing { "grows".to_owned() } else { String::new() });
                row.push(name(holder));
                row
            }),
        ));
    }

    fn churn_text(&self, out: &mut String, top: usize) {
        let _ = writeln!(out, "\nWho allocates most often");
        out.push_str(&table(
            &["allocations", "bytes", "sizes", "mean life", "short-lived", "call site"],
            &[5],
            self.churn().into_iter().take(top).map(|holder| {
                let sizes = if holder.size_min_bytes == holder.size_max_bytes {
                    grouped(holder.size_min_bytes)
                } else {
                    format!("{} to {}", grouped(holder.size_min_bytes), grouped(holder.size_max_bytes))
                };
                let life = holder.mean_lifetime_events.map_or("-".to_owned(), grouped);
                let short = percent(holder.short_lived, holder.frees);
                vec![grouped(holder.allocs), grouped(holder.total_bytes), sizes, life, short, name(holder)]
            }),
        ));
        out.push_str("  (lives are counted in events; short-lived: freed within 64)\n");
    }

    fn sizes_text(&self, out: &mut String, top: usize) {
        let mut sizes: Vec<_> = self.sizes.iter().collect();
        sizes.sort_by_key(|size| {
            (std::cmp::Reverse(size.most_live_blocks.saturating_mul(size.largest_bytes)), size.largest_bytes)
        });
        let _ = writeln!(out, "\nSizes that hold most");
        out.push_str(&table(
            &["size", "allocations", "most live", "live at the end"],
            &[],
            sizes.iter().take(top).map(|size| {
                let bytes = grouped(size.largest_bytes);
                let bytes = if is_exact(size) { bytes } else { format!("about {bytes}") };
                vec![bytes, grouped(size.allocs), grouped(size.most_live_blocks), grouped(size.end_blocks)]
            }),
        ));
    }

    fn fragmentation_text(&self, out: &mut String, top: usize) {
        let Some(fragmentation) = &self.fragmentation else { return };
        let values: Vec<u64> =
            self.timeline.iter().map(|point| point.fragmentation_percent.unwrap_or(0.0).max(0.0) as u64).collect();
        let _ = writeln!(
            out,
            "\nFragmentation: at worst {:.0} % of the free bytes outside of the longest gap, at event {}",
            fragmentation.worst_percent,
            grouped(fragmentation.worst_event)
        );
        let _ = writeln!(out, "  {}", spark(&values, 72));
        if fragmentation.worst_separators.is_empty() {
            return;
        }
        out.push_str("  blocks that kept gaps apart then\n");
        out.push_str(&table(
            &["gap", "block", "gap", "address", "call site"],
            &[4],
            fragmentation.worst_separators.iter().take(top).map(|row| {
                let tag = row.tag.as_ref().map_or(String::new(), |tag| format!(" [{tag}]"));
                vec![
                    grouped(row.gap_before_bytes),
                    grouped(row.bytes),
                    grouped(row.gap_behind_bytes),
                    format!("{:#x}", row.address),
                    format!("{}{tag}", row.place),
                ]
            }),
        ));
    }

    fn failures_text(&self, out: &mut String, top: usize) {
        if self.failures.is_empty() {
            return;
        }
        let (refused, wrong) = (grouped(self.trace.refused), grouped(self.trace.wrong_frees));
        let _ = writeln!(out, "\nRefused requests: {refused}, wrong frees: {wrong}; the first ones");
        for failure in self.failures.iter().take(top) {
            let tag = failure.tag.as_ref().map_or(String::new(), |tag| format!(" [{tag}]"));
            let _ = writeln!(
                out,
                "  event {}: {}, with {} bytes live; {}{tag}",
                grouped(failure.event),
                failure.what,
                grouped(failure.live_bytes),
                failure.place
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lines_are_readable() {
        assert_eq!([0, 12, 123, 1234, 1_234_567].map(grouped), ["0", "12", "123", "1,234", "1,234,567"]);
        assert_eq!(spark(&[0, 7, 14], 72), "▁▄█");
        assert_eq!(spark(&[0; 1000], 72).chars().count(), 72);
        assert_eq!(spark(&[], 72), "");
        assert_eq!(shorten("abcdef", 4), "…def");
    }
}
