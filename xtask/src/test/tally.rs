//! What passed, what failed, and what was skipped and why.

use std::process::Command;

use anyhow::Result;

use crate::output;
use crate::step;

#[derive(Default)]
pub struct Tally {
    passed: usize,
    failed: usize,
    /// What, and why.
    skipped: Vec<(String, String)>,
    failures: Vec<String>,
}

impl Tally {
    /// Runs a tool that counts as one test.
    pub fn check(&mut self, title: &str, command: &mut Command) -> Result<()> {
        let outcome = step::run(title, command)?;
        if outcome.success {
            self.passed += 1;
        } else {
            self.fail(title, 1, &outcome.output);
        }
        Ok(())
    }

    /// Runs `cargo test`, whose tests count one by one.
    pub fn cargo_test(&mut self, title: &str, command: &mut Command) -> Result<()> {
        let outcome = step::run(title, command)?;
        let counts = Counts::of(&outcome.output);
        self.passed += counts.passed;
        self.skipped.extend(ignored(&outcome.output));
        if !outcome.success {
            // When it did not build, or died, no test is reported as failed; it is a failure all the same.
            self.fail(title, counts.failed.max(1), &outcome.output);
        }
        Ok(())
    }

    /// Counts something that was looked at here as one test.
    pub fn that(&mut self, title: &str, outcome: Result<()>) {
        match outcome {
            Ok(()) => {
                step::note(&format!("ok: {title}"));
                self.passed += 1;
            }
            Err(reason) => self.fail(title, 1, &format!("{reason:#}")),
        }
    }

    pub fn skip(&mut self, title: &str, reason: &str) {
        step::note(&format!("skipped: {title}: {reason}"));
        self.skipped.push((title.to_owned(), reason.to_owned()));
    }

    /// Adds what another one counted.
    pub fn absorb(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped.extend(other.skipped);
        self.failures.extend(other.failures);
    }

    /// Shows the sums, and says whether nothing failed.
    ///
    /// # Errors
    ///
    /// They can't be shown, and nothing failed.
    pub fn report(&self) -> Result<bool> {
        match self.show() {
            // That is worse than that it can't be shown.
            Err(error) if self.failed > 0 => {
                note_line!("error: {error:#}");
                Ok(false)
            }
            shown => shown.map(|()| self.failed == 0),
        }
    }

    fn show(&self) -> Result<()> {
        for (title, reason) in &self.skipped {
            result_line!("skipped: {title}: {reason}");
        }
        for title in &self.failures {
            result_line!("failed: {title}");
        }
        if !self.skipped.is_empty() {
            result_line!("{} skipped", self.skipped.len());
        }
        result_line!("{}", self.sums());
        Ok(())
    }

    pub fn sums(&self) -> String {
        format!("{} passed, {} failed", self.passed, self.failed)
    }

    /// What was skipped.
    #[cfg(test)]
    pub fn skipped(&self) -> impl Iterator<Item = &str> {
        self.skipped.iter().map(|(title, _)| title.as_str())
    }

    fn fail(&mut self, title: &str, count: usize, output: &str) {
        self.failed += count;
        self.failures.push(title.to_owned());
        // In one piece: other tests run at the same time.
        output::note(format_args!("     {title} failed; it said:\n{}", step::quote(output)));
    }
}

/// The sums of all of libtest's last lines.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    passed: usize,
    failed: usize,
}

impl Counts {
    fn of(output: &str) -> Self {
        let results = output.lines().filter_map(|line| line.trim_start().strip_prefix("test result: "));
        results.fold(Self::default(), |sum, line| Self {
            passed: sum.passed + number_before(line, " passed"),
            failed: sum.failed + number_before(line, " failed"),
        })
    }
}

/// In `ok. 12 passed; 0 failed`, the number before ` passed` is 12.
fn number_before(line: &str, word: &str) -> usize {
    let before = line.split_once(word).map_or("", |(before, _)| before);
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Tests that libtest left out, and the reason that stands beside them.
fn ignored(output: &str) -> impl Iterator<Item = (String, String)> {
    output.lines().filter_map(|line| {
        let (name, verdict) = line.strip_prefix("test ")?.rsplit_once(" ... ignored")?;
        let reason = verdict.trim_start_matches([',', ' ']);
        let reason = if reason.is_empty() { "it is marked as ignored" } else { reason };
        Some((name.to_owned(), reason.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "running 3 tests\n\
        test a ... ok\n\
        test b ... ignored, takes an hour\n\
        test c ... ignored\n\
        test result: ok. 1 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
        test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";

    #[test]
    fn results_of_several_programs_are_added() {
        assert_eq!(Counts::of(OUTPUT), Counts { passed: 13, failed: 3 });
        assert_eq!(Counts::of("error: could not compile"), Counts::default());
    }

    #[test]
    fn ignored_tests_are_named_with_their_reason() {
        let ignored: Vec<(String, String)> = ignored(OUTPUT).collect();
        assert_eq!(ignored[0], ("b".to_owned(), "takes an hour".to_owned()));
        assert_eq!(ignored[1], ("c".to_owned(), "it is marked as ignored".to_owned()));
    }

    #[test]
    fn the_last_line_names_skips_only_when_there_are_some() {
        let mut tally = Tally { passed: 4, failed: 1, ..Tally::default() };
        assert_eq!(tally.sums(), "4 passed, 1 failed");
        tally.skip("a build", "no compiler");
        assert_eq!(tally.sums(), "4 passed, 1 failed");
    }
}
