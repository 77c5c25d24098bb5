//! Results as plots: a row an allocator, a dot a trace, a bar the mean.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::figures::Figures;
use super::wasm::{FLOOR, LOOP, Times};

const OURS: RGBColor = RGBColor(0xd9, 0x5f, 0x02);
const THEIRS: RGBColor = RGBColor(0x6b, 0x7a, 0x8f);
const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);

const WIDTH: i32 = 860;
const ROW: i32 = 30;
const LEFT: i32 = 190;
const RIGHT: i32 = 70;
const TOP: i32 = 64;
const BOTTOM: i32 = 40;

struct Row<'a> {
    name: &'a str,
    mean: f64,
    dots: Vec<f64>,
}

/// A scale from `low` to `high`; what lies beyond is drawn at its end.
struct Scale {
    low: f64,
    high: f64,
    tick: f64,
    digits: usize,
}

impl Scale {
    fn x(&self, value: f64) -> i32 {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        LEFT + (share * f64::from(WIDTH - LEFT - RIGHT)) as i32
    }
}

pub fn memory(figures: &Figures, file: &Path) -> Result<()> {
    let real = || figures.traces.iter().filter(|trace| trace.is_real());
    let rows = figures.allocators().into_iter().filter_map(|name| {
        let dots = real().filter_map(|trace| figures.smallest(trace, name)).collect();
        Some(Row { name, mean: figures.smallest_mean(name)?, dots })
    });
    let title = "Smallest arena over the peak of live bytes, traces of real programs (less is better)";
    draw(file, title, rows.collect(), &Scale { low: 1.0, high: 2.0, tick: 0.1, digits: 1 })
}

pub fn wasm(times: &Times, file: &Path) -> Result<()> {
    let real = || times.traces.iter().filter(|trace| trace.is_real());
    let rows = times.allocators().into_iter().filter(|&name| name != LOOP && name != FLOOR).filter_map(|name| {
        let dots = real().filter_map(|trace| times.net(trace, name)).collect();
        Some(Row { name, mean: times.mean(name)?, dots })
    });
    let title = "Nanoseconds a call on wasm above the replay loop, traces of real programs (less is better)";
    draw(file, title, rows.collect(), &Scale { low: 0.0, high: 80.0, tick: 10.0, digits: 0 })
}

fn draw(file: &Path, title: &str, mut rows: Vec<Row>, scale: &Scale) -> Result<()> {
    rows.sort_by(|a, b| a.mean.total_cmp(&b.mean));
    let height = TOP + BOTTOM + ROW * rows.len() as i32;
    let area = SVGBackend::new(file, (WIDTH as u32, height as u32)).into_drawing_area();
    let broken = |error| anyhow!("{}: {error:?}", file.display());
    area.fill(&WHITE).map_err(broken)?;
    let text = |size: i32, color: RGBColor, h: HPos| {
        ("sans-serif", size).into_font().color(&color).pos(Pos::new(h, VPos::Center))
    };
    area.draw(&Text::new(title, (16, 22), text(15, INK, HPos::Left))).map_err(broken)?;
    let ticks = ((scale.high - scale.low) / scale.tick).round() as i32;
    for tick in 0..=ticks {
        let value = scale.low + f64::from(tick) * scale.tick;
        let (x, digits) = (scale.x(value), scale.digits);
        area.draw(&PathElement::new([(x, TOP - 8), (x, height - BOTTOM + 4)], GRID)).map_err(broken)?;
        let more = if tick == ticks { "+" } else { "" };
        area.draw(&Text::new(
            format!("{value:.digits$}{more}"),
            (x, height - BOTTOM + 18),
            text(12, INK, HPos::Center),
        ))
        .map_err(broken)?;
    }
    for (index, row) in rows.iter().enumerate() {
        let y = TOP + ROW * index as i32 + ROW / 2;
        let color = if row.name.starts_with("larder") { OURS } else { THEIRS };
        area.draw(&Text::new(row.name, (LEFT - 10, y), text(13, INK, HPos::Right))).map_err(broken)?;
        let bar = [(scale.x(scale.low), y - 8), (scale.x(row.mean), y + 8)];
        area.draw(&Rectangle::new(bar, color.mix(0.35).filled())).map_err(broken)?;
        for &dot in &row.dots {
            area.draw(&Circle::new((scale.x(dot), y), 3, color.mix(0.7).filled())).map_err(broken)?;
        }
        let digits = scale.digits + 2 - usize::from(scale.digits == 0);
        area.draw(&Text::new(format!("{:.digits$}", row.mean), (WIDTH - RIGHT + 14, y), text(13, INK, HPos::Left)))
            .map_err(broken)?;
    }
    area.draw(&Text::new("bar: geometric mean; dots: the traces", (16, 44), text(12, INK, HPos::Left)))
        .map_err(broken)?;
    area.present().map_err(broken)
}
