//! Programs that replay scripts on configurations. A configuration is made of compile-time constants, so a program is made for
//! each batch of them: it is built once, and replays on all cores.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::candidates::Candidate;
use crate::replay::script::Script;

/// What a program found for a candidate: the smallest arena, and the one from which on all serve; `None`: nothing better.
pub type Found = Option<(usize, usize)>;

/// What a program does with its candidates.
#[derive(Debug, Clone, Copy)]
pub enum Task {
    /// Look for an arena smaller than that.
    Beat(usize),
    /// Try that arena.
    Serve(usize),
    /// Find the smallest arena, however large.
    Search,
}

/// A folder with the program.
pub struct Runner {
    folder: TempDir,
    scripts: Vec<PathBuf>,
}

impl Runner {
    /// A runner of scripts on the larder in that folder, or of this version.
    ///
    /// # Errors
    /// If its files can't be written.
    pub fn new(scripts: &[Script], larder: Option<&Path>) -> Result<Self> {
        let folder =
            tempfile::Builder::new().prefix("larder-fit-").tempdir().context("no temporary folder can be made")?;
        let source = larder.map(Path::to_owned).or_else(checkout);
        let dependency = match &source {
            Some(path) => {
                let path = path.canonicalize().with_context(|| path.display().to_string())?;
                format!("path = {:?}", path.display().to_string())
            }
            None => format!("version = \"={}\"", env!("CARGO_PKG_VERSION")),
        };
        let manifest = format!(
            "[package]\nname = \"fit-runner\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
             larder = {{ {dependency}, default-features = false }}\n\n\
             [profile.release]\nopt-level = 2\ncodegen-units = 16\npanic = \"abort\"\nincremental = false\n"
        );
        let sources = [
            ("Cargo.toml", manifest.as_str()),
            ("src/main.rs", include_str!("runner_main.rs")),
            ("src/engine.rs", include_str!("../replay/engine.rs")),
            ("src/script.rs", include_str!("../replay/script.rs")),
            ("src/subjects.rs", include_str!("../replay/subjects.rs")),
        ];
        fs::create_dir(folder.path().join("src"))?;
        for (name, text) in sources {
            // There, the modules stand beside each other at the root.
            fs::write(folder.path().join(name), text.replace("super::", "crate::")).context(name)?;
        }
        let mut runner = Self { folder, scripts: Vec::new() };
        runner.scripts =
            scripts.iter().enumerate().map(|(index, script)| runner.save(index, script)).collect::<Result<_>>()?;
        Ok(runner)
    }

    fn save(&self, index: usize, script: &Script) -> Result<PathBuf> {
        let path = self.folder.path().join(format!("{index}.script"));
        let mut out = std::io::BufWriter::new(fs::File::create(&path)?);
        script.save(&mut out)?;
        out.flush()?;
        Ok(path)
    }

    /// Builds a program for candidates in regions.
    ///
    /// # Errors
    /// If it can't be built.
    pub fn build(&self, candidates: &[Candidate]) -> Result<()> {
        let mut text = String::from("use crate::engine::Room;\nuse crate::subjects::Larder;\n");
        let mut table = String::new();
        for (index, candidate) in candidates.iter().enumerate() {
            text +=
                &format!("struct C{index};\nimpl larder::Config for C{index} {{\n{}}}\n", candidate.constants("    "));
            table += &format!("    Room::first_refusal::<Larder<C{index}>>,\n");
        }
        self.compile(text, &table)
    }

    /// Builds a program for one configuration in static heaps of several sizes.
    ///
    /// # Errors
    /// If it can't be built.
    pub fn build_heaps(&self, candidate: &Candidate, sizes: &[usize]) -> Result<()> {
        let mut text = String::from("use crate::engine::Room;\n");
        text += &format!("struct Fitted;\nimpl larder::Config for Fitted {{\n{}}}\n", candidate.constants("    "));
        text += HEAP;
        let table: String =
            sizes.iter().map(|bytes| format!("    Room::first_refusal::<Static<{bytes}>>,\n")).collect();
        self.compile(text, &table)
    }

    fn compile(&self, text: String, table: &str) -> Result<()> {
        let text = format!("{text}\npub static TABLE: &[crate::Attempt] = &[\n{table}];\n");
        fs::write(self.folder.path().join("src/candidates.rs"), text)?;
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--quiet", "--release", "--color=never"]).current_dir(self.folder.path());
        cargo.env_remove("RUSTFLAGS").env("CARGO_TARGET_DIR", self.folder.path().join("target"));
        let output = cargo.stdin(Stdio::null()).output().context("cargo can't be run: fit compiles what it tries")?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            let first = text.lines().find(|line| line.starts_with("error")).unwrap_or("cargo failed");
            bail!("the configurations can't be compiled: {first}");
        }
        Ok(())
    }

    /// Runs the program on the scripts `which`, and tells what it found, as it finds it.
    ///
    /// # Errors
    /// If it can't be run, or ends early.
    pub fn run(
        &self,
        task: Task,
        which: impl Iterator<Item = usize>,
        mut tell: impl FnMut(usize, Found) -> Result<()>,
    ) -> Result<()> {
        let mut command = Command::new(self.folder.path().join("target/release/fit-runner"));
        match task {
            Task::Beat(bytes) => command.args(["beat", &bytes.to_string()]),
            Task::Serve(bytes) => command.args(["serve", &bytes.to_string()]),
            Task::Search => command.arg("search"),
        };
        command.args(which.map(|index| &self.scripts[index]));
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("the replays can't be run")?;
        let lines = child.stdout.take().into_iter().flat_map(|out| BufReader::new(out).lines());
        for line in lines {
            let line = line.context("the replays can't be read")?;
            let mut words = line.split(' ').map(str::parse::<usize>);
            let Some(Ok(index)) = words.next() else { bail!("the replays answer {line:?}") };
            let found = match (words.next(), words.next()) {
                (Some(Ok(smallest)), Some(Ok(steady))) => Some((smallest, steady)),
                _ => None,
            };
            if let Err(error) = tell(index, found) {
                let _ = child.kill();
                let _ = child.wait();
                return Err(error);
            }
        }
        let status = child.wait().context("the replays can't be waited for")?;
        if !status.success() {
            bail!("the replays failed: {status}");
        }
        Ok(())
    }
}

/// The repository that this program was built in, if it is still there.
fn checkout() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    manifest.contains("name = \"larder\"").then(|| folder.to_owned())
}

/// A static heap as a subject: its own arena, in place of the room's.
const HEAP: &str = r"
use std::alloc::{GlobalAlloc, Layout};

struct Static<const BYTES: usize>(larder::Heap<BYTES, Fitted, larder::policy::Try>);

// SAFETY: larder keeps the contract.
unsafe impl<const BYTES: usize> crate::engine::Subject for Static<BYTES> {
    unsafe fn start(_: *mut u8, _: usize) -> Option<Box<Self>> {
        let layout = Layout::new::<Self>();
        // SAFETY: an empty heap is all zeros.
        Some(unsafe { Box::from_raw(std::alloc::alloc_zeroed(layout).cast()) })
    }
    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { self.0.alloc(layout) }
    }
    unsafe fn dealloc(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract.
        unsafe { self.0.dealloc(block, layout) }
    }
    unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { self.0.realloc(block, layout, new_size) }
    }
}
";
