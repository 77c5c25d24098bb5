//! What was measured, as the firmware prints it and as it is kept.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Results {
    pub compiler: String,
    pub allocators: Vec<Allocator>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Allocator {
    pub feature: String,
    pub title: String,
    pub version: Option<String>,
    /// What keeps others out while the allocator works.
    pub lock: String,
    /// By opt-level.
    pub levels: BTreeMap<String, Measured>,
    /// Not measured in this run.
    #[serde(skip)]
    pub is_stored: bool,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Measured {
    pub footprint: Footprint,
    pub workloads: Vec<Workload>,
}

/// What the allocator adds to a firmware.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Footprint {
    /// Flash: code, constants and initial values, without copying functions such as `memcpy`.
    pub code_bytes: i64,
    /// The same with the copying functions that it uses.
    pub code_bytes_charged: i64,
    /// RAM besides the arena.
    pub state_bytes: i64,
}

/// One workload, as the firmware prints it; `benches/mcu/src/record.rs` says what the numbers are.
#[derive(Clone, Serialize, Deserialize)]
pub struct Workload {
    pub workload: String,
    pub group: String,
    pub operations: BTreeMap<String, Calls>,
    pub extra: BTreeMap<String, u64>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Calls {
    pub served: u64,
    pub sum: u64,
    pub least: u64,
    pub p50: u64,
    pub p99: u64,
    pub most: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub refused: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub refused_sum: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub refused_most: u64,
    pub longest_raw: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub longest_raw_bytes: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub masked: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub masked_calls: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Calls {
    /// Of the calls that were served.
    pub fn average(&self) -> f64 {
        self.sum as f64 / self.served.max(1) as f64
    }

    /// Of all calls, refused ones included.
    pub fn worst(&self) -> u64 {
        self.most.max(self.refused_most)
    }
}

/// The first line that the firmware prints.
#[derive(Deserialize)]
pub struct Header {
    pub lock: String,
}

/// What the firmware printed.
pub struct Output {
    pub header: Header,
    pub workloads: Vec<Workload>,
}

impl Output {
    pub fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines().filter(|line| line.starts_with('{'));
        let header = lines.next().context("the firmware printed nothing")?;
        Ok(Self {
            header: serde_json::from_str(header)?,
            workloads: lines.map(serde_json::from_str).collect::<Result<_, _>>()?,
        })
    }

    /// Takes over what only the measuring build knows.
    pub fn take_masking_from(&mut self, measuring: &Output) -> Result<()> {
        for (mine, theirs) in self.workloads.iter_mut().zip(&measuring.workloads) {
            for (name, calls) in &mut mine.operations {
                let measured = theirs.operations.get(name).context("the two builds did not do the same")?;
                if (calls.served, calls.refused) != (measured.served, measured.refused) {
                    bail!("{}: the two builds did not do the same", mine.workload);
                }
                calls.masked = measured.masked;
                calls.masked_calls = measured.masked_calls;
            }
        }
        Ok(())
    }
}

impl Allocator {
    /// Whether it is a variant of larder: `benches/mcu/src/heap/larder.rs` has them.
    pub fn is_ours(&self) -> bool {
        self.feature.starts_with("larder")
    }

    /// Whether interrupt handlers may use it, so that it matters how long it masks them.
    pub fn is_for_interrupts(&self) -> bool {
        is_for_interrupts(&self.lock)
    }
}

pub fn is_for_interrupts(lock: &str) -> bool {
    ["critical-section", "try", "lock-free"].contains(&lock)
}

impl Measured {
    pub fn workload(&self, name: &str) -> Option<&Workload> {
        self.workloads.iter().find(|workload| workload.workload == name)
    }

    pub fn calls(&self, workload: &str, operation: &str) -> Option<&Calls> {
        self.workload(workload)?.operations.get(operation)
    }

    /// One operation in every workload but the first call, which sets things up.
    pub fn all(&self, operation: &str) -> impl Iterator<Item = (&str, &Calls)> {
        let workloads = self.workloads.iter().filter(|workload| workload.group != "first");
        workloads.filter_map(move |workload| Some((workload.workload.as_str(), workload.operations.get(operation)?)))
    }

    /// The average over these workloads' averages.
    pub fn average(&self, workloads: &[&str], operation: &str) -> Option<f64> {
        self.mean_of(workloads, operation, Calls::average)
    }

    /// The average over what these workloads say.
    pub fn mean_of(&self, workloads: &[&str], operation: &str, figure: impl Fn(&Calls) -> f64) -> Option<f64> {
        let figures: Option<Vec<f64>> =
            workloads.iter().map(|workload| Some(figure(self.calls(workload, operation)?))).collect();
        figures.map(|figures| figures.iter().sum::<f64>() / figures.len() as f64)
    }

    /// The longest call, and the workload it was in.
    pub fn worst(&self, operation: &str) -> Option<(&str, u64)> {
        let calls = self.all(operation).map(|(workload, calls)| (workload, calls.worst()));
        calls.reduce(|worst, next| if next.1 > worst.1 { next } else { worst })
    }

    /// The longest critical section, and the workload it was in.
    pub fn longest_masked(&self, operation: &str) -> Option<(&str, u64)> {
        let calls = self.all(operation).map(|(workload, calls)| (workload, calls.masked));
        calls.reduce(|worst, next| if next.1 > worst.1 { next } else { worst })
    }

    pub fn extra(&self, workload: &str, key: &str) -> Option<u64> {
        self.workload(workload)?.extra.get(key).copied()
    }
}

impl Results {
    pub fn new(compiler: String) -> Self {
        Self { compiler, allocators: Vec::new() }
    }

    /// Adds the rows that were not measured now, in the order of `all`.
    pub fn complete_from(&mut self, stored: Results, all: &[Allocator]) {
        let missing = stored.allocators.into_iter().filter(|allocator| self.allocator(&allocator.feature).is_none());
        let missing: Vec<Allocator> = missing.map(|allocator| Allocator { is_stored: true, ..allocator }).collect();
        self.allocators.extend(missing);
        self.allocators.sort_by_key(|mine| all.iter().position(|allocator| allocator.feature == mine.feature));
    }

    pub fn allocator(&self, feature: &str) -> Option<&Allocator> {
        self.allocators.iter().find(|allocator| allocator.feature == feature)
    }

    /// Every allocator that was measured at an opt-level.
    pub fn at<'a>(&'a self, level: &'a str) -> impl Iterator<Item = (&'a Allocator, &'a Measured)> {
        self.allocators.iter().filter_map(move |allocator| Some((allocator, allocator.levels.get(level)?)))
    }
}
