//! A program that digests a sensor log, while a handler allocates.
//!
//! Main parses JSON lines from flash, keeps aggregates in trees, vectors and strings, writes a report and drops
//! everything. Each line that it has done with goes to the tick's handler, as if that sent it away: the handler frees
//! what main allocated, and keeps pooled and large blocks of its own coming and going.
//!
//! | file | what it holds |
//! |---|---|
//! | `record` | a line of the log |
//! | `station` | the aggregates |
//! | `report` | the report |
//! | `handler` | the tick's work |

mod handler;
mod record;
mod report;
mod station;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use core::fmt::Write;

pub use handler::Handler;
use handler::Letter;
use larder_suite::Subject;

use crate::Board;
use crate::watch::Interrupted;
use station::Station;

/// The log as the build script generated it: about 100 KiB, or less where the heap is small.
static LOG: &str = include_str!(concat!(env!("OUT_DIR"), "/sensor_log.jsonl"));

/// What the log holds, by the generator's word.
mod truth {
    include!(concat!(env!("OUT_DIR"), "/sensor_log_truth.rs"));

    /// Panics unless the station found in the log what was put in.
    pub fn assert_found(station: &super::Station) {
        let sum_hundredths = station.sum_hundredths();
        assert_eq!(station.reading_count(), READINGS);
        assert_eq!(station.fault_count(), FAULTS);
        assert_eq!(station.damaged_lines, DAMAGED);
        assert_eq!(station.outlier_count(), OUTLIERS);
        assert_eq!(sum_hundredths, SUM_HUNDREDTHS);
    }
}

/// How many of the latest lines main keeps before the handler gets them.
const LINES_KEPT: usize = include!(concat!(env!("OUT_DIR"), "/lines_kept.rs"));

/// Runs the demo and ends the run.
pub fn main<B: Board>(heap: &dyn Subject, reaches_large_tier: bool) -> ! {
    let mut out = B::console();
    let mut print = |title: &str, text: &dyn core::fmt::Display| {
        writeln!(out, "== {title}\n{text}").expect("the host prints");
    };
    print("heap before", &heap.stats());
    handler::start::<B>();
    let station = digest(LOG);
    let report = report::write(&station);
    let peak = heap.stats();
    truth::assert_found(&station);
    print("report", &report);
    drop((station, report));
    handler::stop::<B>();
    print("heap at the peak, with the handler at work", &peak);
    heap.assert_empty();
    assert_eq!(heap.stats().free_runs, 1);
    print("heap after", &heap.stats());
    print("handler", &handler::Work::so_far());
    print("interrupts", &Interrupted::so_far());
    assert_eq!(heap.stats().wrong_frees, 0);
    handler::Work::so_far().assert_seen();
    Interrupted::so_far().assert_seen(reaches_large_tier);
    B::succeed()
}

fn digest(log: &str) -> Station {
    let mut station = Station::default();
    let mut latest = VecDeque::new();
    for line in log.lines() {
        station.take_in(line);
        latest.push_back(Box::new(Letter { line: String::from(line) }));
        if latest.len() > LINES_KEPT {
            latest.pop_front().into_iter().for_each(handler::send);
        }
    }
    station
}
