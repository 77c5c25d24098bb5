//! Searches the configuration and the arena that serve given traces with the fewest bytes.

mod candidates;
mod runner;

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
pub use candidates::Candidate;
use runner::{Found, Runner, Task};
use rustc_hash::FxHashSet;
use serde::Serialize;

use crate::read::Options;
use crate::replay::script::{Kind, Script};
use crate::replay::{self, progress};
use crate::report::text::{grouped, table};

/// Candidates in one program.
const BATCH: usize = 32;
/// Rounds without a better one, after which a fit ends.
const PATIENCE: usize = 1;

/// What a fit is told.
pub struct Arguments {
    pub traces: Vec<PathBuf>,
    pub validate: Vec<PathBuf>,
    pub seconds: u64,
    /// Added to the arena, in percent of it.
    pub margin_percent: u32,
    pub larder: Option<PathBuf>,
    pub options: Options,
}

/// The best that was found, with its evidence.
#[derive(Debug, Serialize)]
pub struct Fit {
    pub config: Candidate,
    /// Of a static heap with this configuration; the margin is in it.
    pub arena_bytes: usize,
    /// What larder needs as it comes.
    pub default_bytes: usize,
    pub peak_bytes: u64,
    /// No configuration can do with less: the most bytes that are live at once, each block rounded up to 8.
    pub floor_bytes: u64,
    /// What is above the smallest arena that serves.
    pub spare_bytes: usize,
    /// Every longer arena that was tried serves.
    pub steady_bytes: usize,
    pub tried: usize,
    pub interrupted: bool,
    pub traces: Vec<Row>,
    pub validated: Vec<Row>,
}

/// How a trace does.
#[derive(Debug, Serialize)]
pub struct Row {
    pub name: String,
    pub peak_bytes: u64,
    /// Whether the arena that is proposed serves it.
    pub passes: bool,
    /// What it alone would need, with the configuration that was found and with the default.
    pub fitted_bytes: Option<usize>,
    pub default_bytes: Option<usize>,
}

struct Search<'a> {
    runner: &'a Runner,
    fitted: usize,
    seen: FxHashSet<Candidate>,
    /// Best first.
    ranking: Vec<(usize, Candidate)>,
    deadline: Instant,
    stop: &'a AtomicBool,
    tried: usize,
}

impl Search<'_> {
    fn is_over(&self) -> bool {
        // Relaxed: the flag alone counts.
        self.stop.load(Relaxed) || Instant::now() >= self.deadline
    }

    fn best(&self) -> usize {
        self.ranking[0].0
    }

    /// Tries candidates that are new; whether one is better than the best so far.
    fn round(&mut self, candidates: Vec<Candidate>, bar: &indicatif::ProgressBar) -> Result<bool> {
        let fresh: Vec<_> = candidates.into_iter().filter(|candidate| self.seen.insert(candidate.clone())).collect();
        bar.inc_length(fresh.len() as u64);
        let before = self.best();
        for batch in fresh.chunks(BATCH) {
            if self.is_over() {
                break;
            }
            if let Err(error) = self.batch(batch, bar) {
                // An interrupt ends cargo and the program too.
                if self.stop.load(Relaxed) { break } else { return Err(error) }
            }
        }
        Ok(self.best() < before)
    }

    fn batch(&mut self, batch: &[Candidate], bar: &indicatif::ProgressBar) -> Result<()> {
        self.runner.build(batch)?;
        let best = self.best();
        let (ranking, stop, deadline) = (&mut self.ranking, self.stop, self.deadline);
        let mut tried = 0;
        let outcome = self.runner.run(Task::Beat(best), 0..self.fitted, |index, found| {
            tried += 1;
            bar.inc(1);
            if let Some((bytes, _)) = found {
                ranking.push((bytes, batch[index].clone()));
                ranking.sort_by_key(|(bytes, candidate)| (*bytes, candidate.classes.len()));
                bar.set_message(format!("smallest arena {}", grouped(ranking[0].0 as u64)));
            }
            if stop.load(Relaxed) || Instant::now() >= deadline { bail!("the time is over") } else { Ok(()) }
        });
        self.tried += tried;
        if Instant::now() >= deadline { Ok(()) } else { outcome }
    }
}

/// Fits.
///
/// # Errors
/// If a trace can't be read, or nothing be compiled.
pub fn run(arguments: &Arguments, stop: &AtomicBool) -> Result<Fit> {
    let begin = Instant::now();
    let load = |path: &PathBuf| replay::load(path, arguments.options);
    let fitted: Vec<Script> = arguments.traces.iter().map(load).collect::<Result<_>>()?;
    let validated: Vec<Script> = arguments.validate.iter().map(load).collect::<Result<_>>()?;
    let scripts: Vec<Script> = fitted.iter().chain(&validated).cloned().collect();
    let runner = Runner::new(&scripts, arguments.larder.as_deref())?;

    let bar = progress(1, "compiling");
    let default = Candidate::default_config();
    runner.build(std::slice::from_ref(&default))?;
    let default_bytes = one(&runner, Task::Search, 0..fitted.len())?
        .ok_or_else(|| anyhow!("no arena of up to four times the peak serves these traces"))?
        .0;
    // What is looked for below that of candidates is looked for below that of the default as well.
    let default_bytes =
        one(&runner, Task::Beat(default_bytes), 0..fitted.len())?.map_or(default_bytes, |(bytes, _)| bytes);
    bar.inc(1);
    let mut search = Search {
        runner: &runner,
        fitted: fitted.len(),
        seen: FxHashSet::from_iter([default.clone()]),
        ranking: vec![(default_bytes, default)],
        deadline: begin + Duration::from_secs(arguments.seconds),
        stop,
        tried: 1,
    };
    search.round(candidates::first(&fitted), &bar)?;
    let mut patience = PATIENCE;
    while patience > 0 && !search.is_over() {
        // From the best of each list of classes.
        let mut lists = FxHashSet::default();
        let from: Vec<_> = search
            .ranking
            .iter()
            .filter(|(_, candidate)| lists.insert(candidate.classes.clone()))
            .take(2)
            .cloned()
            .collect();
        let next = from.iter().flat_map(|(_, candidate)| candidates::around(candidate)).collect();
        patience = if search.round(next, &bar)? { PATIENCE } else { patience - 1 };
    }
    bar.finish_and_clear();
    let interrupted = stop.load(Relaxed);
    let tried = search.tried;
    let (best_bytes, config) = search.ranking[0].clone();
    evidence(arguments, &runner, &fitted, &validated, config, best_bytes, default_bytes)
        .map(|fit| Fit { tried, interrupted, ..fit })
        .context("the best configuration can't be verified")
}

/// The most bytes that a script's blocks take at once, in whole granules.
fn floor(script: &Script) -> u64 {
    let (mut live, mut most) = (0u64, 0);
    for op in &script.ops {
        let takes = |size: u32| u64::from(size).next_multiple_of(8);
        match op.kind {
            Kind::Alloc => live += takes(op.size),
            Kind::Free => live -= takes(op.size),
            Kind::Realloc => live = live - takes(op.size) + takes(op.new_size),
        }
        most = most.max(live);
    }
    most
}

/// What the only candidate found.
fn one(runner: &Runner, task: Task, which: std::ops::Range<usize>) -> Result<Found> {
    let mut outcome = None;
    runner.run(task, which, |_, found| {
        outcome = found;
        Ok(())
    })?;
    Ok(outcome)
}

/// Verifies the best configuration in static heaps, and on the traces that it was not fitted to.
fn evidence(
    arguments: &Arguments,
    runner: &Runner,
    fitted: &[Script],
    validated: &[Script],
    config: Candidate,
    best_bytes: usize,
    default_bytes: usize,
) -> Result<Fit> {
    let count = fitted.len() + validated.len();
    let each = |candidate: &Candidate| -> Result<Vec<Found>> {
        runner.build(std::slice::from_ref(candidate))?;
        (0..count).map(|index| one(runner, Task::Search, index..index + 1)).collect()
    };
    let by_default = each(&Candidate::default_config())?;
    let alone = each(&config)?;
    let steady_bytes = one(runner, Task::Search, 0..fitted.len())?.map_or(best_bytes, |(_, steady)| steady);

    // A static heap's tables may lie elsewhere than a region's: the size that is proposed is tried as one.
    let wished = (best_bytes + best_bytes * arguments.margin_percent as usize / 100).next_multiple_of(16);
    let sizes: Vec<usize> = [0, 16, 32, 64, 128, 256, 512, 1024].iter().map(|more| wished + more).collect();
    runner.build_heaps(&config, &sizes)?;
    let mut serving = Vec::new();
    runner.run(Task::Serve(0), 0..fitted.len(), |index, found| {
        serving.extend(found.map(|_| sizes[index]));
        Ok(())
    })?;
    let arena_bytes =
        serving.into_iter().min().ok_or_else(|| anyhow!("no static heap of up to {wished} + 1,024 bytes serves"))?;
    runner.build_heaps(&config, &[arena_bytes])?;
    let mut passes = Vec::new();
    for index in 0..count {
        passes.push(one(runner, Task::Serve(0), index..index + 1)?.is_some());
    }
    let count_fitted = fitted.len();
    let rows = |paths: &[PathBuf], scripts: &[Script], from: usize| {
        let rows = paths.iter().zip(scripts).enumerate().map(|(at, (path, script))| Row {
            name: path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            peak_bytes: script.peak_bytes,
            passes: passes[from + at],
            // What the fit found for it alone is as good as a search.
            fitted_bytes: alone[from + at]
                .map(|(smallest, _)| if count_fitted == 1 && from == 0 { smallest.min(best_bytes) } else { smallest }),
            default_bytes: by_default[from + at].map(|(smallest, _)| smallest),
        });
        rows.collect()
    };
    Ok(Fit {
        config,
        arena_bytes,
        default_bytes,
        peak_bytes: fitted.iter().map(|script| script.peak_bytes).max().unwrap_or(0),
        floor_bytes: fitted.iter().map(floor).max().unwrap_or(0),
        spare_bytes: arena_bytes.saturating_sub(best_bytes),
        steady_bytes,
        tried: 0,
        interrupted: false,
        traces: rows(&arguments.traces, fitted, 0),
        validated: rows(&arguments.validate, validated, fitted.len()),
    })
}

impl Fit {
    /// The configuration to paste, and the evidence as comments and a table.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let times = |bytes: usize, peak: u64| bytes as f64 / peak.max(1) as f64;
        let _ = writeln!(
            out,
            "// Fitted by `larder-tools fit`: {} configurations tried{}. The peak is {} bytes; this arena is {:.3} of it,\n\
             // and {:.1} % smaller than what the default configuration needs ({} bytes).",
            self.tried,
            if self.interrupted { ", then interrupted" } else { "" },
            grouped(self.peak_bytes),
            times(self.arena_bytes, self.peak_bytes),
            100.0 - self.arena_bytes as f64 * 100.0 / self.default_bytes as f64,
            grouped(self.default_bytes as u64)
        );
        let _ = writeln!(out, "struct Fitted;\nimpl larder::Config for Fitted {{\n{}}}", self.config.constants("    "));
        let _ = writeln!(
            out,
            "#[global_allocator]\nstatic HEAP: larder::Heap<{}, Fitted> = larder::Heap::new();\n",
            self.arena_bytes
                .to_string()
                .as_bytes()
                .rchunks(3)
                .rev()
                .map(|part| String::from_utf8_lossy(part))
                .collect::<Vec<_>>()
                .join("_")
        );
        let number = |bytes: Option<usize>| bytes.map_or("-".to_owned(), |bytes| grouped(bytes as u64));
        let rows =
            self.traces.iter().map(|row| (row, "")).chain(self.validated.iter().map(|row| (row, "not fitted to")));
        let rows = rows.map(|(row, note)| {
            let ratio = row.fitted_bytes.map_or("-".to_owned(), |bytes| format!("{:.3}", times(bytes, row.peak_bytes)));
            vec![
                row.name.clone(),
                if row.passes { "passes".to_owned() } else { "REFUSED".to_owned() },
                grouped(row.peak_bytes),
                number(row.fitted_bytes),
                ratio,
                number(row.default_bytes),
                note.to_owned(),
            ]
        });
        let head = ["trace", "in this arena", "peak", "alone needs", "of its peak", "by default", ""];
        out += &table(&head, &[0, 1, 6], rows);
        let _ = writeln!(
            out,
            "  margin: {} bytes above the smallest arena that serves. If the program's calls vary, take {}: from there on, every\n  \
             longer arena that was tried serves. No configuration does with less than {} ({:.3} of the peak): blocks take whole\n  \
             granules of 8 bytes",
            grouped(self.spare_bytes as u64),
            grouped(self.steady_bytes as u64),
            grouped(self.floor_bytes),
            times(self.floor_bytes as usize, self.peak_bytes)
        );
        out
    }
}

#[cfg(test)]
mod tests;
