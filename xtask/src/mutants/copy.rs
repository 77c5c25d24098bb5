//! A copy of the repository, in which files can be wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::project;

/// The copy. Its target directory stays, so that what is not mutated is built once.
pub struct Copy {
    root: PathBuf,
}

impl Copy {
    /// Copies every file that git knows or would take in. Files that are the same already are left alone, and so are not built again.
    pub fn make() -> Result<Self> {
        let copy = Self { root: project::root().join("target/mutants/tree") };
        for file in files()? {
            copy.restore(&file)?;
        }
        Ok(copy)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes a file what it is in the repository.
    pub fn restore(&self, file: &str) -> Result<()> {
        self.write(file, &fs::read(project::root().join(file)).with_context(|| file.to_owned())?)
    }

    /// Makes a file something else.
    pub fn write(&self, file: &str, bytes: &[u8]) -> Result<()> {
        let to = self.root.join(file);
        if fs::read(&to).is_ok_and(|old| old == bytes) {
            return Ok(());
        }
        fs::create_dir_all(to.parent().expect("a file lies in a folder"))?;
        fs::write(&to, bytes).with_context(|| to.display().to_string())
    }
}

/// Files that there are, of those that git knows and those that it does not ignore.
fn files() -> Result<Vec<String>> {
    let mut command = Command::new("git");
    command.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(project::root());
    let output = command.output().context("git can't be run")?;
    if !output.status.success() {
        bail!("git ls-files failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let names = String::from_utf8(output.stdout).context("a file's name is not UTF-8")?;
    let names = names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned);
    Ok(names.filter(|name| project::root().join(name).is_file()).collect())
}
