//! Each mutation of the list, and whether its test notices.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use super::copy::Copy;
use super::list::{self, Mutation, Test};
use crate::{project, step};

/// The models, which are built with other flags.
const LOOM: &str = "loom";

/// A mutation may make a test run for ever: longer than any takes.
const LIMIT: Duration = Duration::from_secs(600);

/// What became of a mutation.
#[derive(PartialEq, Debug)]
enum Verdict {
    Caught,
    /// Its test did not end.
    Hung,
    /// No test noticed, and the list says why.
    Explained,
    /// No test noticed.
    Missed,
    /// The list says why no test notices, but one does.
    CaughtInSpite,
}

impl Verdict {
    fn of(outcome: &step::Outcome, is_explained: bool) -> Self {
        match (outcome.success, is_explained) {
            (true, true) => Self::Explained,
            (true, false) => Self::Missed,
            (false, true) => Self::CaughtInSpite,
            (false, false) if outcome.output.contains("(stopped: ") => Self::Hung,
            (false, false) => Self::Caught,
        }
    }

    fn is_good(&self) -> bool {
        matches!(self, Self::Caught | Self::Hung | Self::Explained)
    }
}

pub fn run(filter: &str) -> Result<bool> {
    let all = list::read()?;
    let wanted: Vec<&Mutation> = all.iter().filter(|it| it.name.contains(filter) || it.file.contains(filter)).collect();
    if wanted.is_empty() {
        bail!("no mutation of a protocol has {filter:?} in its name or its file");
    }
    let copy = Copy::make()?;
    for test in wanted.iter().map(|mutation| &mutation.test).collect::<BTreeSet<_>>() {
        step::require(&format!("without a mutation: {}", title(test)), &mut command(&copy, test, &[]))?;
    }
    let mut good = 0;
    for mutation in &wanted {
        let verdict = try_out(&copy, mutation)?;
        result_line!("{:<10} {}: {}", word(&verdict), mutation.name, remark(mutation, &verdict));
        good += usize::from(verdict.is_good());
    }
    result_line!("{good} of {} mutations of the protocols are caught or explained", wanted.len());
    Ok(good == wanted.len())
}

fn try_out(copy: &Copy, mutation: &Mutation) -> Result<Verdict> {
    let text = std::fs::read_to_string(project::root().join(&mutation.file))?;
    copy.write(&mutation.file, mutation.apply(&text)?.as_bytes())?;
    let result = build_and_run(copy, mutation);
    copy.restore(&mutation.file)?;
    result
}

/// A mutation that does not build proves nothing: that is an error.
fn build_and_run(copy: &Copy, mutation: &Mutation) -> Result<Verdict> {
    step::require(&format!("build: {}", mutation.name), &mut command(copy, &mutation.test, &["--no-run"]))?;
    let mut test = command(copy, &mutation.test, &[]);
    let outcome = step::run_limited(&format!("run: {}", mutation.name), &mut test, Some(LIMIT))?;
    Ok(Verdict::of(&outcome, mutation.survives.is_some()))
}

fn command(copy: &Copy, test: &Test, arguments: &[&str]) -> Command {
    let mut command = project::cargo("test");
    command.current_dir(copy.root()).args(["--package", "larder", "--test", &test.test]).args(arguments);
    let target = project::root().join("target/mutants");
    if test.test == LOOM {
        command.arg("--release").arg("--target-dir").arg(target.join("loom")).env("RUSTFLAGS", "--cfg loom");
    } else {
        command.arg("--target-dir").arg(target.join("host"));
    }
    // What the mutant's warnings say is no news.
    command.arg("--quiet").arg(&test.filter);
    command
}

fn title(test: &Test) -> String {
    format!("tests/{} {}", test.test, test.filter).trim_end().to_owned()
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Caught | Verdict::Hung => "caught",
        Verdict::Explained => "survives",
        Verdict::Missed => "MISSED",
        Verdict::CaughtInSpite => "CAUGHT",
    }
}

fn remark(mutation: &Mutation, verdict: &Verdict) -> String {
    let title = title(&mutation.test);
    match verdict {
        Verdict::Caught => title,
        Verdict::Hung => format!("{title}, which did not end"),
        Verdict::Explained => mutation.survives.clone().unwrap_or_default(),
        Verdict::Missed => format!("{title} does not notice"),
        Verdict::CaughtInSpite => format!("{title} notices; the list says why it does not"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::Outcome;

    #[test]
    fn only_a_mutation_that_nobody_noticed_or_explained_is_bad() {
        let verdict = |success, output: &str, is_explained| {
            Verdict::of(&Outcome { success, output: output.to_owned() }, is_explained)
        };
        let failed = "test result: FAILED";
        assert_eq!(verdict(false, failed, false), Verdict::Caught);
        assert_eq!(verdict(false, "(stopped: it took longer than 600 s)", false), Verdict::Hung);
        assert_eq!(verdict(true, "", true), Verdict::Explained);
        assert_eq!(verdict(true, "", false), Verdict::Missed);
        assert_eq!(verdict(false, failed, true), Verdict::CaughtInSpite);
        assert!(!Verdict::Missed.is_good() && !Verdict::CaughtInSpite.is_good());
    }
}
