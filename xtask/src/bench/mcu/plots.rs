//! Results as plots: SVG, a bar for each allocator and operation.

use std::path::Path;

use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::results::{Allocator, Measured, Results};
use super::tables::grouped;

const WIDTH: i32 = 860;
const TITLE_HEIGHT: i32 = 64;
const ROW_HEIGHT: i32 = 46;
const BAR_HEIGHT: i32 = 16;
const BARS_LEFT: i32 = 250;
const BARS_RIGHT: i32 = WIDTH - 90;

const INK: RGBColor = RGBColor(40, 44, 52);
const OURS: [RGBColor; 2] = [RGBColor(196, 78, 36), RGBColor(236, 156, 112)];
const THEIRS: [RGBColor; 2] = [RGBColor(74, 101, 132), RGBColor(153, 176, 200)];

/// How long a bar is.
enum Scale {
    /// In proportion, and cut off beyond this.
    UpTo(f64),
    /// By magnitude, from this to that.
    Magnitude(f64, f64),
}

struct Plot<'a> {
    file: &'a str,
    title: &'a str,
    scale: Scale,
    /// Allocation and release.
    value: fn(&Measured, &str) -> Option<f64>,
}

const PLOTS: [Plot; 2] = [
    Plot {
        file: "mcu-churn.svg",
        title: "Instructions a call, random churn at 75 % full: alloc (dark) and free (light)",
        scale: Scale::UpTo(300.0),
        value: |measured, operation| measured.average(&["churn-mix-75"], operation),
    },
    Plot {
        file: "mcu-worst.svg",
        title: "Instructions of the longest call of any workload, by magnitude: alloc (dark) and free (light)",
        scale: Scale::Magnitude(1.0, 1e6),
        value: |measured, operation| measured.worst(operation).map(|(_, worst)| worst as f64),
    },
];

/// What is worth a picture, at opt-level "s".
pub fn draw(results: &Results, directory: &Path) -> Result<()> {
    let rows: Vec<(&Allocator, &Measured)> = results.at("s").collect();
    for plot in PLOTS {
        plot.draw(&rows, &directory.join(plot.file))?;
    }
    Ok(())
}

impl Scale {
    /// From 0 to 1, and whether the bar is cut off.
    fn length(&self, value: f64) -> (f64, bool) {
        match *self {
            Scale::UpTo(most) => ((value / most).min(1.0), value > most),
            Scale::Magnitude(least, most) => ((value.max(least) / least).ln() / (most / least).ln(), false),
        }
    }
}

impl Plot<'_> {
    fn draw(&self, rows: &[(&Allocator, &Measured)], file: &Path) -> Result<()> {
        let height = TITLE_HEIGHT + ROW_HEIGHT * rows.len() as i32;
        let area = SVGBackend::new(file, (WIDTH as u32, height as u32)).into_drawing_area();
        area.fill(&WHITE)?;
        area.draw(&Text::new(self.title, (20, 20), font(17)))?;
        for (index, (allocator, measured)) in rows.iter().enumerate() {
            let top = TITLE_HEIGHT + ROW_HEIGHT * index as i32;
            let label = font(15).pos(Pos::new(HPos::Right, VPos::Center));
            area.draw(&Text::new(allocator.title.as_str(), (BARS_LEFT - 12, top + BAR_HEIGHT), label))?;
            let colors = if allocator.is_ours() { OURS } else { THEIRS };
            for (bar, operation) in ["alloc", "dealloc"].into_iter().enumerate() {
                if let Some(value) = (self.value)(measured, operation) {
                    self.draw_bar(&area, top + bar as i32 * (BAR_HEIGHT + 1), value, colors[bar])?;
                }
            }
        }
        area.present()?;
        Ok(())
    }

    fn draw_bar<'b>(
        &self,
        area: &DrawingArea<SVGBackend<'b>, plotters::coord::Shift>,
        top: i32,
        value: f64,
        color: RGBColor,
    ) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'b> as DrawingBackend>::ErrorType>> {
        let (length, is_cut) = self.scale.length(value);
        let right = BARS_LEFT + (length * f64::from(BARS_RIGHT - BARS_LEFT)).round() as i32;
        area.draw(&Rectangle::new([(BARS_LEFT, top), (right, top + BAR_HEIGHT)], color.filled()))?;
        let number = format!("{}{}", grouped(value.round() as i64), if is_cut { " →" } else { "" });
        let label = font(13).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(number, (right + 6, top + BAR_HEIGHT / 2), label))
    }
}

fn font(size: i32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}
