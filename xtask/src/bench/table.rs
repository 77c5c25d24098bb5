//! Tables as Markdown.

use std::fmt;

/// A table with its columns padded, readable as it is.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(|&cell| cell.to_owned()).collect()] }
    }

    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    fn width(&self, column: usize) -> usize {
        self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(3)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let widths: Vec<usize> = (0..self.rows[0].len()).map(|column| self.width(column)).collect();
        for (index, row) in self.rows.iter().enumerate() {
            write!(f, "| {:<width$} |", row[0], width = widths[0])?;
            for (cell, &width) in row.iter().zip(&widths).skip(1) {
                write!(f, " {cell:>width$} |")?;
            }
            writeln!(f)?;
            if index == 0 {
                write!(f, "|{}|", "-".repeat(widths[0] + 2))?;
                for width in &widths[1..] {
                    write!(f, "{}:|", "-".repeat(width + 1))?;
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

/// Digits in groups of three.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).unwrap_or("")).collect();
    format!("{}{}", if number < 0 { "-" } else { "" }, groups.join(","))
}

/// With so many digits, or a dash.
pub fn fixed(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// Cells of one row, the least of those that compete bold.
pub fn bold_best(values: &[Option<f64>], digits: usize, competes: impl Fn(usize) -> bool) -> Vec<String> {
    let competing = values.iter().enumerate().filter(|&(index, _)| competes(index));
    let least = competing.filter_map(|(_, value)| *value).fold(f64::INFINITY, f64::min);
    let cell = |(index, &value): (usize, &Option<f64>)| {
        let shown = fixed(value, digits);
        if competes(index) && value == Some(least) { format!("**{shown}**") } else { shown }
    };
    values.iter().enumerate().map(cell).collect()
}
