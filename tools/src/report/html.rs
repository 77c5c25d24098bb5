//! The report as one page that needs nothing else: no network, no other file.

use std::fmt::{self, Display, Write};

use anyhow::{Context, Result};
use inferno::flamegraph::{self, Options};

use super::text::grouped;
use super::{Holder, Report, SeparatorRow, is_exact};

/// Rows of a table, at most.
const ROWS_MAX: usize = 500;

/// Text that is no markup.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '&' => out.write_str("&amp;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                c if c.is_control() => write!(out, "{}", c.escape_default())?,
                c => out.write_char(c)?,
            }
        }
        Ok(())
    }
}

enum Cell {
    Number(u64),
    /// What is shown, and what is sorted by.
    Value(String, f64),
    /// Markup.
    Text(String),
}

fn table(out: &mut String, name: &str, head: &[&str], rows: impl Iterator<Item = Vec<Cell>>) {
    let _ = write!(out, "<div class=scroll tabindex=0 role=region aria-label=\"{name}\"><table><thead><tr>");
    // What a row is about stands first, and stays where it is when a small screen scrolls.
    for title in head.iter().cycle().skip(head.len() - 1).take(head.len()) {
        let _ = write!(out, "<th scope=col><button type=button>{title}</button></th>");
    }
    out.push_str("</tr></thead><tbody>\n");
    for mut row in rows.take(ROWS_MAX) {
        row.rotate_right(1);
        out.push_str("<tr>");
        for cell in row {
            let _ = match cell {
                Cell::Number(number) => write!(out, "<td data-n={number}>{}</td>", grouped(number)),
                Cell::Value(shown, number) => write!(out, "<td data-n={number}>{}</td>", Escaped(&shown)),
                Cell::Text(markup) => write!(out, "<td>{markup}</td>"),
            };
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
}

fn place(place: &str, function: Option<&str>, tag: Option<&str>) -> String {
    let mut out = Escaped(place).to_string();
    if let Some(tag) = tag {
        let _ = write!(out, " [{}]", Escaped(tag));
    }
    if let Some(function) = function {
        let _ = write!(out, " <small>{}</small>", Escaped(function));
    }
    out
}

fn holder_name(holder: &Holder) -> Cell {
    Cell::Text(place(&holder.place, holder.function.as_deref(), holder.tag.as_deref()))
}

fn share(part: u64, whole: u64) -> Cell {
    let percent = if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 };
    Cell::Value(format!("{percent:.1} %"), percent)
}

impl Report {
    /// The page.
    ///
    /// # Errors
    /// If the flame graph can't be drawn.
    pub fn html(&self) -> Result<String> {
        let mut out = String::with_capacity(1 << 17);
        let name = Escaped(&self.trace.name);
        let _ = write!(
            out,
            "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<meta name=viewport content=\"width=device-width, initial-scale=1\">\n\
             <title>{name}: what the heap held</title>\n<link rel=icon href=\"data:,\">\n<style>\n{}</style>\n<h1>{name}</h1>\n",
            include_str!("page.css")
        );
        self.cards(&mut out);
        self.timeline_html(&mut out);
        self.holders_html(&mut out)?;
        self.leaks_html(&mut out);
        self.churn_html(&mut out);
        self.sizes_html(&mut out);
        self.fragmentation_html(&mut out);
        self.failures_html(&mut out);
        let _ = write!(out, "<script>\n{}</script>\n</html>\n", include_str!("page.js"));
        Ok(out)
    }

    fn cards(&self, out: &mut String) {
        let trace = &self.trace;
        let _ = writeln!(
            out,
            "<p>{} events: {} allocations, {} releases, {} resizes. Bytes are as the program asked for them.</p>",
            grouped(trace.events),
            grouped(trace.allocs),
            grouped(trace.frees),
            grouped(trace.reallocs)
        );
        if trace.gaps != 0 {
            let (gaps, lost) = (grouped(trace.gaps), grouped(trace.lost_events));
            let _ = writeln!(
                out,
                "<p>In {gaps} gaps, {lost} or more events are missing: figures are those of what is left.</p>"
            );
        }
        out.push_str("<ul class=cards>\n");
        let mut card = |is_bad: bool, value: String, what: &str| {
            let class = if is_bad { " class=bad" } else { "" };
            let _ = writeln!(out, "<li{class}><b>{value}</b><span>{what}</span></li>");
        };
        card(false, grouped(self.peak.bytes), "bytes live at the peak");
        card(false, grouped(self.peak.blocks), "blocks live at the peak");
        card(self.leaks().iter().any(|holder| holder.keeps_growing), grouped(self.end.bytes), "bytes live at the end");
        card(false, grouped(self.largest_request_bytes), "bytes, the largest request");
        card(trace.refused != 0, grouped(trace.refused), "requests refused");
        card(trace.wrong_frees != 0, grouped(trace.wrong_frees), "wrong frees");
        if let Some(fragmentation) = &self.fragmentation {
            let percent = fragmentation.worst_percent;
            card(percent > 75.0, format!("{percent:.0} %"), "fragmentation at worst");
        }
        if let Some(arena) = trace.arena_bytes {
            card(self.peak.bytes > arena - arena / 10, grouped(arena), "bytes of arena");
        }
        out.push_str("</ul>\n");
    }

    fn timeline_html(&self, out: &mut String) {
        let points = &self.timeline;
        if points.is_empty() {
            return;
        }
        let most = points.iter().map(|point| point.live_bytes).max().unwrap_or(0).max(1) as f64;
        let mut live = String::from("M0 100");
        let mut frag = String::new();
        for (index, point) in points.iter().enumerate() {
            let y = 100.0 - point.live_bytes as f64 * 96.0 / most;
            let _ = write!(live, "L{index} {y:.2}L{} {y:.2}", index + 1);
            if let Some(percent) = point.fragmentation_percent {
                let letter = if frag.is_empty() { 'M' } else { 'L' };
                let _ = write!(frag, "{letter}{}.5 {:.2}", index, 100.0 - percent * 0.96);
            }
        }
        let _ = write!(live, "L{} 100Z", points.len());
        let has_frag = !frag.is_empty();
        let _ = write!(
            out,
            "<h2>Over time</h2>\n<svg class=line viewBox=\"0 0 {} 100\" preserveAspectRatio=none role=img aria-label=\"live bytes over time\">\
             <path class=live d=\"{live}\"/><path class=frag d=\"{frag}\"/><line id=mark y1=0 y2=100 x1=0 x2=0 /></svg>\n",
            points.len()
        );
        let _ = write!(
            out,
            "<label for=at><span class=\"key live\"></span> live bytes{}. Move to look at a moment:</label>\n\
             <input type=range id=at min=0 max={} value={}>\n<p id=says aria-live=polite></p>\n",
            if has_frag { ", <span class=\"key frag\"></span> fragmentation" } else { "" },
            points.len() - 1,
            points.iter().position(|point| point.live_bytes as f64 >= most).unwrap_or(0)
        );
        out.push_str("<script type=application/json id=points>[");
        for (index, point) in points.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let percent = point.fragmentation_percent.map_or("null".to_owned(), |percent| format!("{percent:.1}"));
            let gap = point.largest_gap_bytes.unwrap_or(0);
            let _ = write!(out, "{comma}[{},{},{},{percent},{gap}]", point.event, point.live_bytes, point.live_blocks);
        }
        out.push_str("]</script>\n");
    }

    fn holders_html(&self, out: &mut String) -> Result<()> {
        if !self.has_origins() {
            return Ok(());
        }
        out.push_str("<h2>Who held the peak</h2>\n");
        let rows = self.holders.iter().map(|holder| {
            vec![
                Cell::Number(holder.peak_bytes),
                share(holder.peak_bytes, self.peak.bytes),
                Cell::Number(holder.peak_blocks),
                Cell::Number(holder.end_bytes),
                Cell::Number(holder.own_peak_bytes),
                holder_name(holder),
            ]
        });
        table(out, "Who held the peak", &["bytes", "share", "blocks", "at the end", "own peak", "call site"], rows);
        if let Some((svg, height)) = self.flame_graph()? {
            let _ = write!(
                out,
                "<h2>The peak as a flame graph</h2>\n<iframe title=\"flame graph\" height={height} src=\"data:image/svg+xml,"
            );
            for byte in svg.bytes() {
                match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b' ' | b'/' | b'=' | b';' | b':' => {
                        out.push(char::from(byte));
                    }
                    byte => _ = write!(out, "%{byte:02X}"),
                }
            }
            out.push_str("\"></iframe>\n");
        }
        Ok(())
    }

    /// Bytes at the peak by tag and stack, and the picture's height.
    fn flame_graph(&self) -> Result<Option<(String, usize)>> {
        let (mut lines, mut deepest) = (Vec::new(), 0);
        for holder in self.holders.iter().filter(|holder| holder.peak_bytes != 0) {
            let mut stack: Vec<String> = holder.tag.iter().cloned().collect();
            stack.extend(holder.frames.iter().rev().map(|frame| match frame.line {
                Some(_) => format!("{} ({})", frame.function, frame.place()),
                None => frame.function.clone(),
            }));
            if holder.frames.is_empty() {
                stack.push(holder.place.clone());
            }
            deepest = deepest.max(stack.len());
            let stack: Vec<_> =
                stack.iter().map(|frame| frame.replace(';', ",").replace(char::is_control, " ")).collect();
            lines.push(format!("{} {}", stack.join(";"), holder.peak_bytes));
        }
        if lines.is_empty() {
            return Ok(None);
        }
        let mut options = Options::default();
        options.title = "bytes live at the peak".to_owned();
        options.count_name = "bytes".to_owned();
        options.deterministic = true;
        let mut svg = Vec::new();
        flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), &mut svg)
            .context("the flame graph can't be drawn")?;
        Ok(Some((String::from_utf8(svg).context("the flame graph is no text")?, 110 + deepest * 18)))
    }

    fn leaks_html(&self, out: &mut String) {
        let leaks = self.leaks();
        out.push_str("<h2>Live at the end</h2>\n");
        if leaks.is_empty() {
            out.push_str("<p>Nothing.</p>\n");
            return;
        }
        out.push_str("<p>By the quarter of the trace in which blocks were allocated. What has blocks of every quarter <em>grows</em>: a leak, or a cache.</p>\n");
        let rows = leaks.into_iter().map(|holder| {
            let mut row = vec![Cell::Number(holder.end_bytes), Cell::Number(holder.end_blocks)];
            row.extend(holder.born_in_quarter.map(Cell::Number));
            row.push(Cell::Text(if holder.keeps_growing { "<em>grows</em>".to_owned() } else { String::new() }));
            row.push(holder_name(holder));
            row
        });
        table(out, "Live at the end", &["bytes", "blocks", "1st", "2nd", "3rd", "4th", "trend", "call site"], rows);
    }

    fn churn_html(&self, out: &mut String) {
        out.push_str(
            "<h2>Who allocates most often</h2>\n<p>Lives are counted in events. Short-lived: freed within 64.</p>\n",
        );
        let rows = self.churn().into_iter().map(|holder| {
            let life = holder.mean_lifetime_events;
            vec![
                Cell::Number(holder.allocs),
                Cell::Number(holder.total_bytes),
                Cell::Number(holder.size_min_bytes),
                Cell::Number(holder.size_max_bytes),
                life.map_or(Cell::Value("-".to_owned(), -1.0), Cell::Number),
                share(holder.short_lived, holder.frees),
                holder_name(holder),
            ]
        });
        let head = ["allocations", "bytes", "smallest", "largest", "mean life", "short-lived", "call site"];
        table(out, "Who allocates most often", &head, rows);
    }

    fn sizes_html(&self, out: &mut String) {
        out.push_str("<h2>Sizes</h2>\n<details><summary>Every size</summary>\n");
        let rows = self.sizes.iter().map(|size| {
            let about = if is_exact(size) { "" } else { "about " };
            vec![
                Cell::Number(size.allocs),
                Cell::Number(size.most_live_blocks),
                Cell::Number(size.end_blocks),
                Cell::Value(format!("{about}{}", grouped(size.largest_bytes)), size.largest_bytes as f64),
            ]
        });
        table(out, "Sizes", &["allocations", "most live", "at the end", "size"], rows);
        out.push_str("</details>\n");
    }

    fn fragmentation_html(&self, out: &mut String) {
        let Some(fragmentation) = &self.fragmentation else { return };
        let rows = |out: &mut String, name: &str, rows: &[SeparatorRow]| {
            if rows.is_empty() {
                return;
            }
            let _ = writeln!(out, "<h2>{name}</h2>");
            let rows = rows.iter().map(|row| {
                vec![
                    Cell::Number(row.gap_before_bytes),
                    Cell::Number(row.bytes),
                    Cell::Number(row.gap_behind_bytes),
                    Cell::Value(format!("{:#x}", row.address), row.address as f64),
                    Cell::Number(row.born_event),
                    Cell::Text(place(&row.place, None, row.tag.as_deref())),
                ]
            });
            table(out, name, &["gap before", "block", "gap behind", "address", "since event", "call site"], rows);
        };
        rows(out, "Blocks that kept gaps apart when memory was most fragmented", &fragmentation.worst_separators);
        rows(out, "Blocks that keep gaps apart at the end", &fragmentation.end_separators);
    }

    fn failures_html(&self, out: &mut String) {
        if self.failures.is_empty() {
            return;
        }
        out.push_str("<h2>Refusals and wrong frees</h2>\n");
        let rows = self.failures.iter().map(|failure| {
            let from = place(&failure.place, None, failure.tag.as_deref());
            vec![
                Cell::Number(failure.event),
                Cell::Number(failure.live_bytes),
                Cell::Text(format!("{} <small>{from}</small>", Escaped(&failure.what))),
            ]
        });
        table(out, "Refusals and wrong frees", &["event", "live bytes", "what"], rows);
    }
}
