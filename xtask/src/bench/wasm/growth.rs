//! Random actions, and how far traces make a module's memory grow.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::module::{Allocator, Level, Modules};
use crate::bench::memory::figures::TraceInfo;
use crate::bench::memory::replayer::{Replayer, read_json};
use crate::{project, step};

/// Random actions of a sample.
const ACTIONS: u32 = 500_000;

#[derive(Default, Serialize, Deserialize)]
pub struct Growth {
    /// Titles by feature, in the tables' order.
    #[serde(default)]
    pub titles: Vec<(String, String)>,
    pub random: Vec<Random>,
    pub growth: Vec<Grown>,
}

#[derive(Serialize, Deserialize)]
pub struct Random {
    pub feature: String,
    pub actions_per_microsecond: f64,
    pub grown_bytes: u64,
    pub initial_bytes: u64,
}

/// By how much a trace made a module's memory grow.
#[derive(Serialize, Deserialize)]
pub struct Grown {
    pub trace: String,
    pub feature: String,
    /// Nothing if a request was refused.
    pub grown_bytes: Option<u64>,
    /// Of the module's initial memory, what the allocator took besides: all that was left, or none of it.
    pub initial_bytes: u64,
    /// What the checked replay found.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fault: String,
}

impl Random {
    /// What the allocator had: what it grew by, and what it took of the initial memory.
    pub fn used_bytes(&self) -> u64 {
        self.grown_bytes + self.initial_bytes
    }
}

impl Grown {
    /// The same.
    pub fn used_bytes(&self) -> Option<u64> {
        Some(self.grown_bytes? + self.initial_bytes)
    }
}

impl Growth {
    pub fn faults(&self) -> impl Iterator<Item = String> {
        let faulty = self.growth.iter().filter(|grown| !grown.fault.is_empty());
        faulty.map(|grown| format!("{} on {}: {}", grown.feature, grown.trace, grown.fault))
    }

    fn of(&self, trace: &TraceInfo, feature: &str) -> Option<&Grown> {
        self.growth.iter().find(|grown| grown.trace == trace.name && grown.feature == feature)
    }

    /// Memory used over the peak of live bytes.
    pub fn over_peak(&self, trace: &TraceInfo, feature: &str) -> Option<f64> {
        Some(self.of(trace, feature)?.used_bytes()? as f64 / trace.peak as f64)
    }

    /// What is counted over the peaks, over the real programs together; nothing if one of them was refused something.
    pub fn together(&self, traces: &[TraceInfo], feature: &str, count: fn(&Grown) -> Option<u64>) -> Option<f64> {
        let real = || traces.iter().filter(|trace| trace.is_real());
        let counted: Option<u64> = real().map(|trace| count(self.of(trace, feature)?)).sum();
        Some(counted? as f64 / real().map(|trace| trace.peak).sum::<u64>() as f64)
    }
}

/// What `measure.mjs` is told.
#[derive(Serialize)]
struct Job<'a> {
    modules: Vec<Module<'a>>,
    traces: &'a [TraceInfo],
    actions: u32,
    repetitions: u32,
}

#[derive(Serialize)]
struct Module<'a> {
    feature: &'a str,
    file: PathBuf,
}

pub fn measure(modules: &Modules, replayer: &Replayer, repetitions: u32) -> Result<Growth> {
    let growing: Vec<&Allocator> = modules.allocators.iter().filter(|allocator| allocator.grows).collect();
    let mut job = Job { modules: Vec::new(), traces: &replayer.traces, actions: ACTIONS, repetitions };
    for allocator in &growing {
        let file = modules.build("growth", &allocator.feature, Level::Speed)?;
        job.modules.push(Module { feature: &allocator.feature, file });
    }
    let directory = project::cross_target_dir().join("bench-wasm");
    let (job_file, result_file) = (directory.join("job.json"), directory.join("result.json"));
    fs::write(&job_file, serde_json::to_vec(&job)?)?;
    let script = project::root().join("benches/wasm/measure.mjs");
    let mut node = Command::new("node");
    step::require("random actions, and memory grown", node.arg(script).arg(&job_file).arg(&result_file))?;
    let measured: Growth = read_json(&result_file)?;
    let titles = growing.iter().map(|allocator| (allocator.feature.clone(), allocator.title.clone())).collect();
    Ok(Growth { titles, ..measured })
}
