//! One tool's run, as a step that people see: what it is, how long it took, and what the tool said when it failed.
//!
//! On a terminal a step is a line that shows the tool's latest output and the time; elsewhere, and with `CI` set, it is
//! one plain line at its start and one at its end. Both go to standard error. Where steps run side by side, there is no
//! line at the start: it would be far from its end.

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, PipeReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use wait_timeout::ChildExt;

/// How many of a failing tool's last lines are quoted.
const QUOTED_LINES: usize = 150;

/// Whether steps run side by side.
static SIDE_BY_SIDE: AtomicBool = AtomicBool::new(false);

/// The steps that are shown on the terminal.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// What a tool did.
pub struct Outcome {
    pub success: bool,
    /// Standard output and standard error, as they came.
    pub output: String,
}

/// From now on steps run side by side.
pub fn run_side_by_side() {
    SIDE_BY_SIDE.store(true, Ordering::Relaxed);
}

/// Writes to the terminal while no step is shown there.
pub fn without_bars(write: impl FnOnce()) {
    BARS.suspend(write);
}

/// Runs a tool to its end, whatever its verdict.
pub fn run(title: &str, command: &mut Command) -> Result<Outcome> {
    run_limited(title, command, None)
}

/// Runs a tool that has to succeed, and returns what it said.
pub fn require(title: &str, command: &mut Command) -> Result<String> {
    let outcome = run(title, command)?;
    if !outcome.success {
        bail!("{title} failed; it said:\n{}", quote(&outcome.output));
    }
    Ok(outcome.output)
}

/// Like [`run`], but ends the tool, and calls that a failure, when it takes longer than `limit`.
pub fn run_limited(title: &str, command: &mut Command, limit: Option<Duration>) -> Result<Outcome> {
    run_streaming(title, command, limit, None)
}

/// Like [`run_limited`], but standard output goes to a file, if there is one, as it comes.
pub fn run_streaming(
    title: &str,
    command: &mut Command,
    limit: Option<Duration>,
    stream: Option<File>,
) -> Result<Outcome> {
    let progress = Progress::start(title);
    let (mut child, pipe) = spawn(command, stream)?;
    let (status, mut output) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| collect(pipe, &progress));
        let status = wait(&mut child, limit);
        (status, reader.join().expect("the reader does not panic"))
    });
    let status = status?;
    if status.is_none() {
        let limit = limit.unwrap_or_default();
        output.push_str(&format!("(stopped: it took longer than {} s)\n", limit.as_secs()));
    }
    let success = status.is_some_and(|status| status.success());
    progress.finish(success);
    Ok(Outcome { success, output })
}

/// The last lines of a tool's output, set off from our own.
pub fn quote(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let left_out = lines.len().saturating_sub(QUOTED_LINES);
    let mut quoted = String::new();
    if left_out > 0 {
        quoted.push_str(&format!("  | ({left_out} lines left out)\n"));
    }
    for line in &lines[left_out..] {
        quoted.push_str(&format!("  | {line}\n"));
    }
    quoted
}

/// Something worth telling that is not a step.
pub fn note(text: &str) {
    note_line!("     {text}");
}

fn spawn(command: &mut Command, stream: Option<File>) -> Result<(Child, PipeReader)> {
    let (reader, writer) = std::io::pipe()?;
    let stdout = stream.map_or_else(|| writer.try_clone().map(Stdio::from), |file| Ok(file.into()))?;
    command.stdin(Stdio::null()).stdout(stdout).stderr(writer);
    let child = command.spawn().with_context(|| format!("{:?} can't be run", command.get_program()));
    // The command holds the pipe's writing end; while it does, the reader sees no end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Ok((child?, reader))
}

/// The child's status, or nothing when it had to be stopped.
fn wait(child: &mut Child, limit: Option<Duration>) -> Result<Option<ExitStatus>> {
    let Some(limit) = limit else {
        return Ok(Some(child.wait()?));
    };
    let status = child.wait_timeout(limit)?;
    if status.is_none() {
        child.kill()?;
        child.wait()?;
    }
    Ok(status)
}

fn collect(pipe: PipeReader, progress: &Progress) -> String {
    let mut reader = BufReader::new(pipe);
    let mut output = String::new();
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&line);
        progress.show(text.trim());
        output.push_str(&text);
        line.clear();
    }
    output
}

/// A step's line on the terminal, or in the log.
struct Progress {
    title: String,
    started: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    fn start(title: &str) -> Self {
        let bar = is_interactive().then(|| spinner(title));
        if bar.is_none() && !SIDE_BY_SIDE.load(Ordering::Relaxed) {
            note_line!("...  {title}");
        }
        Self { title: title.to_owned(), started: Instant::now(), bar }
    }

    fn show(&self, line: &str) {
        if let Some(bar) = &self.bar
            && !line.is_empty()
        {
            bar.set_message(line.to_owned());
        }
    }

    fn finish(&self, success: bool) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            BARS.remove(bar);
        }
        let verdict = if success { "ok  " } else { "FAIL" };
        note_line!("{verdict} {} ({:.1} s)", self.title, self.started.elapsed().as_secs_f32());
    }
}

fn is_interactive() -> bool {
    std::env::var_os("CI").is_none() && std::io::stderr().is_terminal()
}

fn spinner(title: &str) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{spinner}    {prefix} {elapsed} {wide_msg:.dim}").expect("a valid template");
    let bar = BARS.add(ProgressBar::new_spinner().with_style(style).with_prefix(title.to_owned()));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
