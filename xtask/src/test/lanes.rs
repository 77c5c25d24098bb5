//! Parts of the test, side by side: each lane takes the next part, until there is none.
//!
//! A lane prefers a part whose target directory no other lane builds in: cargo lets one build at a time into a directory.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::Result;

use super::tally::Tally;

type Run<'job> = Box<dyn FnOnce(&mut Tally) -> Result<()> + Send + 'job>;

/// A part that waits for its turn.
pub struct Job<'job> {
    /// What is named as failed if the part can't be run to its end.
    pub title: String,
    /// The target directory that it builds in.
    pub builds_in: &'static str,
    pub run: Run<'job>,
}

/// Runs all jobs in that many lanes, the first ones first. What they counted is in the jobs' order, whichever ended first.
pub fn run(jobs: Vec<Job>, lanes: usize) -> Tally {
    let mut tallies: Vec<Tally> = jobs.iter().map(|_| Tally::default()).collect();
    let queue = Mutex::new(Queue { waiting: jobs.into_iter().zip(&mut tallies).collect(), busy: Vec::new() });
    thread::scope(|scope| {
        for _ in 0..lanes.max(1) {
            scope.spawn(|| run_lane(&queue));
        }
    });
    drop(queue);
    let mut sum = Tally::default();
    for tally in tallies {
        sum.absorb(tally);
    }
    sum
}

struct Queue<'job> {
    waiting: VecDeque<(Job<'job>, &'job mut Tally)>,
    /// The directories of the jobs that are running.
    busy: Vec<&'static str>,
}

impl<'job> Queue<'job> {
    fn take(&mut self) -> Option<(Job<'job>, &'job mut Tally)> {
        let free = self.waiting.iter().position(|(job, _)| !self.busy.contains(&job.builds_in));
        let next = self.waiting.remove(free.unwrap_or(0))?;
        self.busy.push(next.0.builds_in);
        Some(next)
    }

    fn end(&mut self, builds_in: &str) {
        let index = self.busy.iter().position(|busy| *busy == builds_in);
        self.busy.swap_remove(index.expect("the job was taken from here"));
    }
}

fn run_lane(queue: &Mutex<Queue>) {
    // A lane that panics leaves the queue as it should be, and ends the command.
    let lock = || queue.lock().unwrap_or_else(PoisonError::into_inner);
    // The lock must not be held while the job runs.
    while let Some((job, tally)) = { lock().take() } {
        if let Err(error) = (job.run)(tally) {
            tally.that(&job.title, Err(error));
        }
        lock().end(job.builds_in);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    /// Longer than a job that has nothing to wait for takes on a busy machine.
    const LONG: Duration = Duration::from_secs(20);

    fn job<'job>(
        title: &str,
        builds_in: &'static str,
        run: impl FnOnce(&mut Tally) -> Result<()> + Send + 'job,
    ) -> Job<'job> {
        Job { title: title.to_owned(), builds_in, run: Box::new(run) }
    }

    #[test]
    fn two_lanes_run_two_jobs_at_once() {
        let (to_second, first_runs) = mpsc::channel();
        let (to_first, second_runs) = mpsc::channel();
        let jobs = vec![
            job("first", "a", move |tally| {
                to_second.send(()).unwrap();
                tally.that("both run", Ok(second_runs.recv_timeout(LONG)?));
                Ok(())
            }),
            job("second", "b", move |tally| {
                to_first.send(()).unwrap();
                tally.that("both run", Ok(first_runs.recv_timeout(LONG)?));
                Ok(())
            }),
        ];
        assert_eq!(run(jobs, 2).sums(), "2 passed, 0 failed");
    }

    #[test]
    fn there_are_never_more_jobs_at_once_than_lanes() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let count = |_: &mut Tally| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(5));
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        };
        run((0..12).map(|_| job("one", "a", count)).collect(), 3);
        assert_eq!(most.into_inner(), 3);
    }

    #[test]
    fn a_free_target_directory_is_preferred_and_none_is_no_reason_to_wait() {
        let jobs = ["a", "a", "b"].map(|name| (job(name, name, |_| Ok(())), Tally::default()));
        let (jobs, mut tallies): (Vec<Job>, Vec<Tally>) = jobs.into_iter().unzip();
        let mut queue = Queue { waiting: jobs.into_iter().zip(&mut tallies).collect(), busy: Vec::new() };
        let mut take = || queue.take().map(|(job, _)| job.title);
        assert_eq!([take(), take(), take(), take()].map(Option::unwrap_or_default), ["a", "b", "a", ""]);
        queue.end("a");
        queue.end("b");
        assert_eq!(queue.busy, ["a"]);
    }

    #[test]
    fn what_ends_first_is_still_told_in_order() {
        let (second_ended, ended) = mpsc::channel();
        let jobs = vec![
            job("first", "a", move |tally| {
                ended.recv_timeout(LONG)?;
                tally.skip("first", "it is slow");
                Ok(())
            }),
            job("second", "b", move |tally| {
                tally.skip("second", "it is fast");
                Ok(second_ended.send(())?)
            }),
        ];
        let told: Vec<String> = run(jobs, 2).skipped().map(str::to_owned).collect();
        assert_eq!(told, ["first", "second"]);
    }

    #[test]
    fn a_job_that_can_not_be_run_fails_and_the_others_go_on() {
        let jobs = vec![
            job("broken", "a", |_| Err(anyhow::anyhow!("no compiler"))),
            job("whole", "a", |tally| {
                tally.that("a test", Ok(()));
                Ok(())
            }),
        ];
        let tally = run(jobs, 1);
        assert_eq!(tally.sums(), "1 passed, 1 failed");
        assert!(!tally.report().unwrap());
    }

    #[test]
    #[should_panic(expected = "scoped thread panicked")]
    fn a_job_that_panics_is_no_success() {
        run(vec![job("panics", "a", |_| panic!("on purpose"))], 2);
    }
}
