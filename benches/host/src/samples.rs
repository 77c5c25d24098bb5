//! Everything in turns, so that a slow moment of the machine meets everybody, and a few such seconds no more than one repetition of
//! anything; then the medians.

use std::io::Write;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use crate::actions::{self, Actions, Releases, Sizes};
use crate::shared::{ENTRIES, Entry};
use crate::threads::Arena;
use crate::traces::{self, Ops};

/// How many threads there are in turn.
const THREADS: [usize; 3] = [1, 2, 4];

/// Random actions of a thread in a sample: some milliseconds, in which a machine is quiet or not.
const ACTIONS: usize = 100_000;

/// A short trace is replayed until a thread has done about so much.
const OPS: usize = 40_000;

#[derive(Args)]
pub struct Options {
    /// How often everything is measured; the median counts
    #[arg(long, default_value_t = 15)]
    repetitions: usize,
    /// Only these allocators
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Measure even while other programs are at work
    #[arg(long)]
    busy: bool,
    /// Without the traces
    #[arg(long)]
    actions: bool,
}

/// What one allocator did with one workload.
#[derive(Serialize)]
struct Figure<'a> {
    workload: &'a str,
    allocator: &'a str,
    threads: usize,
    /// Of all threads together, by microsecond.
    calls_per_microsecond: f64,
    /// The same over that of one thread: the median of what it was in each repetition.
    over_one: f64,
}

/// Throughput with each number of threads.
type Sample = [f64; THREADS.len()];

/// What the threads do.
enum Work {
    Actions(Actions),
    Trace(Ops),
}

struct Workload {
    name: String,
    work: Work,
}

impl Workload {
    /// Whether this allocator takes part: the loop alone never does, and a slow one does not replay traces.
    fn suits(&self, entry: &Entry) -> bool {
        entry.serves && (entry.part == 1 || matches!(self.work, Work::Actions(_)))
    }

    fn sample(&self, arena: &Arena, entry: &Entry) -> Sample {
        THREADS.map(|threads| self.throughput(arena, entry, threads))
    }

    /// Calls a microsecond, of all threads together.
    fn throughput(&self, arena: &Arena, entry: &Entry, threads: usize) -> f64 {
        let (calls, time): (usize, Duration) = match &self.work {
            Work::Actions(actions) => {
                let count = ACTIONS / entry.part;
                (count, (entry.actions)(arena, *actions, threads, count))
            }
            Work::Trace(trace) => {
                let rounds = OPS.div_ceil(trace.calls);
                (rounds * trace.calls, (entry.replay)(arena, trace, threads, rounds))
            }
        };
        (calls * threads) as f64 / (time.as_nanos() as f64 / 1000.0)
    }
}

/// Prints a line of JSON for each workload, allocator and number of threads.
pub fn run(options: &Options) -> Result<(), String> {
    if options.repetitions == 0 {
        return Err("at least one repetition is needed".to_owned());
    }
    if let Some(unknown) = options.only.iter().find(|name| !ENTRIES.iter().any(|entry| entry.name == **name)) {
        return Err(format!("there is no allocator {unknown}; `list` names them"));
    }
    let arena = Arena::new();
    let mut waited = Duration::ZERO;
    let workloads = workloads(options)?;
    let pairs: Vec<(&Workload, &Entry)> = workloads.iter().flat_map(|workload| takers(workload, options)).collect();
    let mut samples = vec![Vec::new(); pairs.len()];
    for repetition in 1..=options.repetitions {
        eprintln!("repetition {repetition} of {}", options.repetitions);
        for ((workload, entry), samples) in pairs.iter().zip(&mut samples) {
            let measure = || workload.sample(&arena, entry);
            samples.push(if options.busy { measure() } else { quietly(&arena, &mut waited, measure)? });
        }
    }
    for ((workload, entry), samples) in pairs.iter().zip(&samples) {
        print(&workload.name, entry.name, samples)?;
    }
    Ok(())
}

/// The workload, with each allocator that was asked for and takes part.
fn takers<'a>(workload: &'a Workload, options: &Options) -> impl Iterator<Item = (&'a Workload, &'static Entry)> {
    let wanted = |entry: &&Entry| options.only.is_empty() || options.only.iter().any(|name| name == entry.name);
    ENTRIES.iter().filter(wanted).filter(|entry| workload.suits(entry)).map(move |entry| (workload, entry))
}

/// What two threads that share nothing reach of one, at least, on a machine that has nothing else to do.
const QUIET: f64 = 1.7;

/// How long a run waits for quiet moments, all together, before it gives up.
const PATIENCE: Duration = Duration::from_secs(240);

/// Measures when two threads are as fast as two, before and after: what is measured while others are at work says nothing of
/// the allocators.
///
/// `waited` is what was spent in vain, now and before.
fn quietly(arena: &Arena, waited: &mut Duration, measure: impl Fn() -> Sample) -> Result<Sample, String> {
    while *waited < PATIENCE {
        let begin = Instant::now();
        if is_quiet(arena) {
            let sample = measure();
            if is_quiet(arena) {
                return Ok(sample);
            }
        }
        std::thread::sleep(Duration::from_millis(2));
        *waited += begin.elapsed();
    }
    Err(format!(
        "two threads that share nothing do not reach {QUIET} times what one does: the machine is busy, or has less than two cores; \
         --busy measures anyway"
    ))
}

fn is_quiet(arena: &Arena) -> bool {
    let floor = ENTRIES.iter().find(|entry| entry.is_floor).expect("there is a floor");
    let alone = Actions { sizes: Sizes::Pooled, releases: Releases::Own };
    let [one, two] = [1, 2].map(|threads| (floor.actions)(arena, alone, threads, ACTIONS / 2));
    2.0 * one.as_secs_f64() / two.as_secs_f64() >= QUIET
}

fn workloads(options: &Options) -> Result<Vec<Workload>, String> {
    let random = |(name, actions): (&str, Actions)| Workload { name: name.to_owned(), work: Work::Actions(actions) };
    let mut workloads: Vec<Workload> = actions::ALL.map(random).into();
    if !options.actions {
        let traces = traces::load(&[])?.into_iter();
        workloads.extend(traces.map(|trace| Workload { name: trace.name.clone(), work: Work::Trace(trace) }));
    }
    Ok(workloads)
}

fn print(workload: &str, allocator: &str, samples: &[Sample]) -> Result<(), String> {
    for (index, threads) in THREADS.into_iter().enumerate() {
        let figure = Figure {
            workload,
            allocator,
            threads,
            calls_per_microsecond: median(samples.iter().map(|sample| sample[index])),
            over_one: median(samples.iter().map(|sample| sample[index] / sample[0])),
        };
        let line = serde_json::to_string(&figure).map_err(|error| error.to_string())?;
        writeln!(std::io::stdout(), "{line}").map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
