//! What was measured, as it is kept in `benches/results`.

use serde::{Deserialize, Serialize};

use super::SYNTHETIC;
use crate::bench::peers::Versions;

/// A trace, as the replayer lists it.
#[derive(Clone, Serialize, Deserialize)]
pub struct TraceInfo {
    pub name: String,
    /// The file of unpacked ops; nobody's business but the replayer's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ops: String,
    pub events: u64,
    pub slots: u32,
    pub peak: u64,
}

impl TraceInfo {
    pub fn is_real(&self) -> bool {
        !self.name.starts_with(SYNTHETIC)
    }
}

/// What one allocator needs for one trace.
#[derive(Clone, Serialize, Deserialize)]
pub struct Need {
    pub trace: String,
    pub allocator: String,
    /// Besides the arena.
    pub state_bytes: u64,
    /// The smallest arena that serves. Nothing if none was large enough.
    pub smallest_bytes: Option<u64>,
    /// The smallest from which on every one that was tried serves.
    pub steady_bytes: Option<u64>,
    /// What the checked replay found.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fault: String,
}

/// How long one allocator took for one trace, the loop included.
#[derive(Clone, Serialize, Deserialize)]
pub struct Time {
    pub trace: String,
    pub allocator: String,
    pub arena_bytes: u64,
    pub nanoseconds: Option<f64>,
}

#[derive(Serialize, Deserialize)]
pub struct Figures {
    pub versions: Versions,
    pub traces: Vec<TraceInfo>,
    pub needs: Vec<Need>,
}

impl Figures {
    /// As it is kept.
    pub fn without_files(&self) -> Self {
        let traces = self.traces.iter().map(|trace| TraceInfo { ops: String::new(), ..trace.clone() }).collect();
        Self { versions: self.versions.clone(), traces, needs: self.needs.clone() }
    }

    pub fn faults(&self) -> impl Iterator<Item = String> {
        let faulty = self.needs.iter().filter(|need| !need.fault.is_empty());
        faulty.map(|need| format!("{} on {}: {}", need.allocator, need.trace, need.fault))
    }

    /// Names in the order in which they were measured.
    pub fn allocators(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for need in &self.needs {
            if !names.contains(&need.allocator.as_str()) {
                names.push(&need.allocator);
            }
        }
        names
    }

    pub fn need(&self, trace: &TraceInfo, allocator: &str) -> Option<&Need> {
        self.needs.iter().find(|need| need.trace == trace.name && need.allocator == allocator)
    }

    /// Smallest arena and state over the peak.
    pub fn smallest(&self, trace: &TraceInfo, allocator: &str) -> Option<f64> {
        let need = self.need(trace, allocator)?;
        Some((need.smallest_bytes? + need.state_bytes) as f64 / trace.peak as f64)
    }

    /// Steady arena and state over the peak.
    pub fn steady(&self, trace: &TraceInfo, allocator: &str) -> Option<f64> {
        let need = self.need(trace, allocator)?;
        Some((need.steady_bytes? + need.state_bytes) as f64 / trace.peak as f64)
    }

    /// Over the real programs; nothing if one of them was not served.
    pub fn smallest_mean(&self, allocator: &str) -> Option<f64> {
        geometric_mean(self.traces.iter().filter(|trace| trace.is_real()).map(|trace| self.smallest(trace, allocator)))
    }

    /// As above.
    pub fn steady_mean(&self, allocator: &str) -> Option<f64> {
        geometric_mean(self.traces.iter().filter(|trace| trace.is_real()).map(|trace| self.steady(trace, allocator)))
    }
}

pub fn geometric_mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let logarithms: Option<Vec<f64>> = values.map(|value| Some(value.filter(|&value| value > 0.0)?.ln())).collect();
    let logarithms = logarithms.filter(|all| !all.is_empty())?;
    Some((logarithms.iter().sum::<f64>() / logarithms.len() as f64).exp())
}
