//! Instructions of replays under callgrind: the same in every run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::{packages, project, step};

/// The replay loop alone, and whoever looks at every block in turn: under callgrind that takes hours.
pub const LOOP: &str = "none";
const SLOW: &str = "emballoc";

/// What `benches/host/src/count.rs` replays in.
const FUNCTION: &str = "larder_bench_counted";

/// One allocator's replay of one trace.
#[derive(Serialize, Deserialize)]
pub struct Count {
    pub trace: String,
    pub allocator: String,
    pub calls: u64,
    /// The loop included.
    pub instructions: u64,
}

pub fn measure(program: &Path, only: &[String]) -> Result<Vec<Count>> {
    packages::require_program("valgrind", "valgrind")?;
    let listed = step::require("list the allocators", Command::new(program).arg("list"))?;
    let wanted = |name: &&str| *name == LOOP || only.is_empty() || only.iter().any(|wanted| wanted == name);
    let names = listed.lines().filter(|&name| name != SLOW).filter(wanted);
    let counts: Vec<Vec<Count>> = names.map(|name| count(program, name)).collect::<Result<_>>()?;
    Ok(counts.into_iter().flatten().collect())
}

/// All traces in one process; callgrind writes a file after each.
fn count(program: &Path, allocator: &str) -> Result<Vec<Count>> {
    let directory = project::root().join("target/bench-host/callgrind");
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(&directory)?;
    let out = directory.join("out");
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--collect-atstart=no"]);
    command.arg(format!("--toggle-collect={FUNCTION}")).arg(format!("--dump-after={FUNCTION}"));
    command.arg(format!("--callgrind-out-file={}", out.display())).arg(program).args(["count", allocator]);
    let said = step::require(&format!("count the instructions of {allocator}"), &mut command)?;
    let traces: Vec<(&str, u64)> = said.lines().filter_map(trace).collect();
    if traces.is_empty() {
        bail!("nothing was counted; callgrind said:\n{}", step::quote(&said));
    }
    let counted = traces.into_iter().enumerate().map(|(index, (trace, calls))| {
        let part = PathBuf::from(format!("{}.{}", out.display(), index + 1));
        let instructions = instructions(&part)?;
        Ok(Count { trace: trace.to_owned(), allocator: allocator.to_owned(), calls, instructions })
    });
    counted.collect()
}

/// `counted TRACE CALLS`, between what callgrind says.
fn trace(line: &str) -> Option<(&str, u64)> {
    let (name, calls) = line.strip_prefix("counted ")?.split_once(' ')?;
    Some((name, calls.parse().ok()?))
}

fn instructions(part: &Path) -> Result<u64> {
    let text = fs::read_to_string(part).with_context(|| format!("callgrind did not write {}", part.display()))?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    let total = total.with_context(|| format!("{} has no totals", part.display()))?;
    Ok(total.trim().parse()?)
}
