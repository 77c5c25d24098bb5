//! The aggregates: what a station knows of its sensors.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::record::{Body, Record};

/// How many bars a histogram has.
pub const BARS: usize = 8;

/// A reading is an outlier when it is that many times the sensor's median.
const OUTLIER_FACTOR: f32 = 3.0;

#[derive(Default)]
pub struct Station {
    /// By site, then by kind.
    pub sensors: BTreeMap<String, BTreeMap<String, Sensor>>,
    pub tags: BTreeMap<String, u32>,
    /// By code: when and where.
    pub faults: BTreeMap<u16, Faults>,
    pub damaged_lines: u32,
}

pub struct Sensor {
    pub unit: String,
    pub values: Vec<f32>,
    sum_hundredths: i64,
}

#[derive(Default)]
pub struct Faults {
    pub text: String,
    pub seen: Vec<(u32, String)>,
}

impl Station {
    pub fn take_in(&mut self, line: &str) {
        match serde_json::from_str::<Record>(line) {
            Ok(record) => self.record(record),
            Err(_) => self.damaged_lines += 1,
        }
    }

    pub fn reading_count(&self) -> u32 {
        self.all_sensors().map(|sensor| sensor.values.len() as u32).sum()
    }

    pub fn fault_count(&self) -> u32 {
        self.faults.values().map(|faults| faults.seen.len() as u32).sum()
    }

    pub fn outlier_count(&self) -> u32 {
        self.all_sensors().map(|sensor| sensor.outliers().len() as u32).sum()
    }

    pub fn sum_hundredths(&self) -> i64 {
        self.all_sensors().map(|sensor| sensor.sum_hundredths).sum()
    }

    fn all_sensors(&self) -> impl Iterator<Item = &Sensor> {
        self.sensors.values().flat_map(BTreeMap::values)
    }

    fn record(&mut self, Record { at, site, body }: Record) {
        match body {
            Body::Reading { kind, unit, value, tags } => {
                let sensors = self.sensors.entry(site).or_default();
                sensors.entry(kind).or_insert_with(|| Sensor::new(unit)).take_in(value);
                tags.into_iter().for_each(|tag| *self.tags.entry(tag).or_default() += 1);
            }
            Body::Fault { code, fault } => {
                let faults = self.faults.entry(code).or_default();
                faults.text = fault;
                faults.seen.push((at, site));
            }
        }
    }
}

impl Sensor {
    fn new(unit: String) -> Self {
        Self { unit, values: Vec::new(), sum_hundredths: 0 }
    }

    fn take_in(&mut self, value: f64) {
        self.values.push(value as f32);
        self.sum_hundredths += (value * 100.0 + 0.5) as i64;
    }

    pub fn average(&self) -> f64 {
        self.sum_hundredths as f64 / 100.0 / self.values.len() as f64
    }

    pub fn outliers(&self) -> Vec<f32> {
        let limit = self.sorted()[self.values.len() / 2] * OUTLIER_FACTOR;
        self.values.iter().copied().filter(|&value| value > limit).collect()
    }

    /// Lowest, highest, and how many values lie in each eighth between them.
    pub fn histogram(&self) -> (f32, f32, [u32; BARS]) {
        let sorted = self.sorted();
        let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
        let mut bars = [0; BARS];
        for value in sorted {
            let bar = (value - low) / (high - low + f32::EPSILON) * BARS as f32;
            bars[(bar as usize).min(BARS - 1)] += 1;
        }
        (low, high, bars)
    }

    fn sorted(&self) -> Vec<f32> {
        let mut sorted = self.values.to_owned();
        sorted.sort_by(f32::total_cmp);
        sorted
    }
}
