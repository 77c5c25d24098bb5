//! Results as plots.

use anyhow::Result;

use super::results::{Measured, Results};
use crate::bench::pages::Page;
use crate::bench::plot::{Axis, Plot, Row};

struct Figure {
    file: &'static str,
    title: &'static str,
    axis: Axis,
    /// Of an allocation or a release.
    value: fn(&Measured, &str) -> Option<f64>,
}

const FIGURES: [Figure; 2] = [
    Figure {
        file: "mcu-churn.svg",
        title: "Instructions a call on a Cortex-M3, average in a random churn at 75 % full, by magnitude (less is better)",
        axis: Axis::Magnitude(1.0, 1e5),
        value: |measured, operation| measured.average(&["churn-mix-75"], operation),
    },
    Figure {
        file: "mcu-worst.svg",
        title: "Instructions of the longest call on a Cortex-M3, any workload, by magnitude (less is better)",
        axis: Axis::Magnitude(1.0, 1e6),
        value: |measured, operation| measured.worst(operation).map(|(_, worst)| worst as f64),
    },
];

/// What is worth a picture, at opt-level "s".
pub fn pages(results: &Results) -> Result<Vec<Page>> {
    FIGURES.iter().map(|figure| Ok(Page::new(figure.file, figure.svg(results)?))).collect()
}

impl Figure {
    fn svg(&self, results: &Results) -> Result<String> {
        let rows = results.at("s").map(|(allocator, measured)| {
            let figures = ["alloc", "dealloc"].map(|operation| (self.value)(measured, operation));
            Row { name: allocator.title.clone(), figures: figures.to_vec(), dots: Vec::new() }
        });
        let bars = &["allocation", "release"];
        Plot { title: self.title, bars, note: "", axis: self.axis, rows: rows.collect() }.svg()
    }
}
