//! Results as plots: SVG, a row an allocator, a bar a figure, a dot a trace. Readable on light and on dark pages.

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
const INK: RGBColor = RGBColor(0x24, 0x29, 0x2f);
const GRID: RGBColor = RGBColor(0xd8, 0xde, 0xe4);
/// A row's first bar, and its second.
const OURS: [RGBColor; 2] = [RGBColor(0xc4, 0x4e, 0x24), RGBColor(0xee, 0xa2, 0x7a)];
const THEIRS: [RGBColor; 2] = [RGBColor(0x4a, 0x65, 0x84), RGBColor(0x9f, 0xb6, 0xce)];
const DOT: RGBColor = RGBColor(0x16, 0x1b, 0x22);

/// What each color is on a dark page.
const DARK: [(RGBColor, &str); 8] = [
    (PAPER, "#0d1117"),
    (INK, "#c9d1d9"),
    (GRID, "#30363d"),
    (OURS[0], "#e8743b"),
    (OURS[1], "#8f4a2b"),
    (THEIRS[0], "#7d9cc0"),
    (THEIRS[1], "#475a70"),
    (DOT, "#f0f6fc"),
];

const WIDTH: i32 = 860;
const LEFT: i32 = 230;
const RIGHT: i32 = 80;
const TOP: i32 = 70;
const BOTTOM: i32 = 36;
const BAR: i32 = 15;
const GAP: i32 = 12;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

pub struct Plot<'a> {
    pub title: &'a str,
    /// What the bars of a row are; a name each.
    pub bars: &'a [&'a str],
    /// Stands behind the bars' names.
    pub note: &'a str,
    pub axis: Axis,
    pub rows: Vec<Row>,
}

pub struct Row {
    pub name: String,
    /// A bar each; nothing where there is no figure.
    pub figures: Vec<Option<f64>>,
    /// Beside the only bar.
    pub dots: Vec<f64>,
}

/// What lies beyond an end is drawn at it.
#[derive(Clone, Copy)]
pub enum Axis {
    /// From, to, and how far from one line to the next.
    Linear(f64, f64, f64),
    /// By magnitude: from, to; a line at each power of ten.
    Magnitude(f64, f64),
}

impl Axis {
    fn x(self, value: f64) -> i32 {
        let share = match self {
            Self::Linear(low, high, _) => (value - low) / (high - low),
            Self::Magnitude(low, high) => (value.max(low) / low).ln() / (high / low).ln(),
        };
        LEFT + (share.clamp(0.0, 1.0) * f64::from(WIDTH - LEFT - RIGHT)).round() as i32
    }

    /// Where a bar begins.
    fn low(self) -> f64 {
        match self {
            Self::Linear(low, ..) | Self::Magnitude(low, _) => low,
        }
    }

    fn is_cut(self, value: f64) -> bool {
        match self {
            Self::Linear(_, high, _) | Self::Magnitude(_, high) => value > high,
        }
    }

    fn lines(self) -> Vec<f64> {
        match self {
            Self::Linear(low, high, step) => {
                (0..=((high - low) / step).round() as i32).map(|line| low + f64::from(line) * step).collect()
            }
            Self::Magnitude(low, high) => {
                std::iter::successors(Some(low), |line| Some(line * 10.0)).take_while(|&line| line <= high).collect()
            }
        }
    }

    /// A line's number, in as many digits as the lines' distance needs.
    fn shown(self, value: f64) -> String {
        match self {
            Self::Linear(_, _, step) if step < 1.0 => format!("{value:.1}"),
            _ => super::table::grouped(value.round() as i64),
        }
    }

    /// A bar's number: a digit or two more.
    fn shown_finely(self, value: f64) -> String {
        match self {
            Self::Linear(_, _, step) if step <= 0.1 => format!("{value:.3}"),
            Self::Linear(_, _, step) if step < 1.0 => format!("{value:.2}"),
            Self::Linear(_, _, step) if step <= 10.0 => format!("{value:.1}"),
            _ => super::table::grouped(value.round() as i64),
        }
    }
}

impl Plot<'_> {
    /// The same figures always give the same text.
    pub fn svg(&self) -> Result<String> {
        let mut text = String::new();
        {
            let height = TOP + BOTTOM + self.row_height() * self.rows.len() as i32;
            let area = SVGBackend::with_string(&mut text, (WIDTH as u32, height as u32)).into_drawing_area();
            self.draw(&area, height).map_err(|error| anyhow!("{}: {error}", self.title))?;
        }
        Ok(with_dark_colors(&text))
    }

    fn row_height(&self) -> i32 {
        BAR * self.bars.len() as i32 + GAP
    }

    fn draw(&self, area: &Area, height: i32) -> Result<(), Box<dyn std::error::Error>> {
        area.fill(&PAPER)?;
        area.draw(&Text::new(self.title, (16, 22), text(16, HPos::Left)))?;
        self.draw_legend(area)?;
        for line in self.axis.lines() {
            let (x, bottom) = (self.axis.x(line), height - BOTTOM);
            area.draw(&PathElement::new([(x, TOP - 6), (x, bottom)], GRID))?;
            area.draw(&Text::new(self.axis.shown(line), (x, bottom + 16), text(12, HPos::Center)))?;
        }
        for (index, row) in self.rows.iter().enumerate() {
            self.draw_row(area, row, TOP + GAP / 2 + self.row_height() * index as i32)?;
        }
        area.present()?;
        Ok(())
    }

    /// What the bars are; the note alone where there is only one.
    fn draw_legend(&self, area: &Area) -> Result<(), Box<dyn std::error::Error>> {
        let mut left = 16;
        if self.bars.len() > 1 {
            for (index, name) in self.bars.iter().enumerate() {
                area.draw(&Rectangle::new([(left, 40), (left + 6, 52)], OURS[index].filled()))?;
                area.draw(&Rectangle::new([(left + 6, 40), (left + 12, 52)], THEIRS[index].filled()))?;
                area.draw(&Text::new(*name, (left + 18, 47), text(13, HPos::Left)))?;
                left += 40 + 8 * name.chars().count() as i32;
            }
        }
        area.draw(&Text::new(self.note, (left, 47), text(13, HPos::Left)))?;
        Ok(())
    }

    fn draw_row(&self, area: &Area, row: &Row, top: i32) -> Result<(), Box<dyn std::error::Error>> {
        let middle = top + BAR * self.bars.len() as i32 / 2;
        area.draw(&Text::new(row.name.as_str(), (LEFT - 10, middle), text(14, HPos::Right)))?;
        let mut colors = if row.name.starts_with("larder") { OURS } else { THEIRS };
        if !row.dots.is_empty() {
            // Dots are seen on the light one.
            colors.reverse();
        }
        for (index, figure) in row.figures.iter().enumerate() {
            let Some(figure) = *figure else { continue };
            let (top, right) = (top + BAR * index as i32, self.axis.x(figure));
            let bar = [(self.axis.x(self.axis.low()), top), (right, top + BAR - 1)];
            area.draw(&Rectangle::new(bar, colors[index].filled()))?;
            let number = self.axis.shown_finely(figure) + if self.axis.is_cut(figure) { " →" } else { "" };
            // Dots may lie anywhere in the row, so the number stands beside the plot.
            let x = if row.dots.is_empty() { right + 6 } else { WIDTH - RIGHT + 14 };
            area.draw(&Text::new(number, (x, top + BAR / 2), text(12, HPos::Left)))?;
        }
        for &dot in &row.dots {
            area.draw(&Circle::new((self.axis.x(dot), middle), 2, DOT.filled()))?;
        }
        Ok(())
    }
}

fn text(size: i32, side: HPos) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK).pos(Pos::new(side, VPos::Center))
}

/// A style sheet, for readers who prefer a dark page; it wins over the colors in the shapes.
fn with_dark_colors(svg: &str) -> String {
    let rules = DARK.map(|(RGBColor(red, green, blue), dark)| {
        let light = format!("#{red:02X}{green:02X}{blue:02X}");
        format!("[fill=\"{light}\"]{{fill:{dark}}}[stroke=\"{light}\"]{{stroke:{dark}}}")
    });
    let style = format!("<style>@media (prefers-color-scheme: dark){{{}}}</style>\n", rules.concat());
    let inside = svg.find(">\n").map_or(svg.len(), |end| end + 2);
    format!("{}{style}{}\n", &svg[..inside], svg[inside..].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(axis: Axis, figure: f64) -> String {
        let row = Row { name: "larder".to_owned(), figures: vec![Some(figure)], dots: Vec::new() };
        Plot { title: "t", bars: &["b"], note: "", axis, rows: vec![row] }.svg().unwrap()
    }

    #[test]
    fn every_color_has_one_for_dark_pages() {
        let svg = plot(Axis::Linear(0.0, 10.0, 5.0), 7.0);
        let dark = svg.lines().find(|line| line.starts_with("<style>")).unwrap();
        let shapes = svg.lines().filter(|line| !line.starts_with("<style>"));
        for attribute in ["fill=\"#", "stroke=\"#"] {
            for color in shapes.clone().filter_map(|line| line.split_once(attribute)).map(|(_, rest)| &rest[..6]) {
                assert!(dark.contains(&format!("[{attribute}{color}\"]")), "{color} has no dark color");
            }
        }
        assert!(svg.contains("7"));
    }

    #[test]
    fn a_magnitude_is_as_far_as_the_next() {
        let axis = Axis::Magnitude(1.0, 1e4);
        let steps: Vec<i32> = axis.lines().windows(2).map(|pair| axis.x(pair[1]) - axis.x(pair[0])).collect();
        assert_eq!(axis.lines().len(), 5);
        assert!(steps.iter().all(|step| (step - steps[0]).abs() <= 1), "{steps:?}");
    }

    #[test]
    fn what_lies_beyond_the_axis_says_so() {
        assert!(plot(Axis::Linear(0.0, 10.0, 5.0), 11.0).contains("→"));
        assert!(!plot(Axis::Linear(0.0, 10.0, 5.0), 9.0).contains("→"));
    }
}
