//! Which state of the repository was measured.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use clap::ValueEnum;

use crate::project;

/// A change of these alone changes nothing that is measured.
const RESULTS: [&str; 3] = ["benches/results", "README.md", "docs/benchmarks.md"];

/// The part of a benchmark that has none.
const WHOLE: &str = "all";

/// Commits by the parts of a benchmark that were measured there. A part whose commit is not known is missing.
pub type Commits = BTreeMap<String, String>;

/// What a run measures, and of which commit, as it was when the run began: by its end, somebody may have gone on working.
pub struct Source {
    commit: Option<String>,
    parts: Vec<String>,
}

impl Source {
    pub fn whole() -> Self {
        Self { commit: of(project::root()), parts: vec![WHOLE.to_owned()] }
    }

    /// Of a benchmark whose parts can be measured by themselves.
    pub fn of_parts<P: ValueEnum>(is_measured: impl Fn(P) -> bool) -> Self {
        let measured = P::value_variants().iter().filter(|part| is_measured((*part).clone()));
        let parts = measured.filter_map(|part| Some(part.to_possible_value()?.get_name().to_owned()));
        Self { commit: of(project::root()), parts: parts.collect() }
    }

    /// Takes note that these parts were measured there, or nobody knows where; the others stay as they were.
    pub fn note(&self, commits: &mut Commits) {
        for part in &self.parts {
            match &self.commit {
                Some(commit) => commits.insert(part.clone(), commit.clone()),
                None => commits.remove(part),
            };
        }
    }
}

/// The commit that is checked out, with `-dirty` behind it if any file but the results differs; nothing where git doesn't know.
fn of(repository: &Path) -> Option<String> {
    let git = |arguments: &[&str]| Command::new("git").args(arguments).current_dir(repository).output().ok();
    let head = git(&["rev-parse", "--short", "HEAD"]).filter(|output| output.status.success())?;
    let commit = String::from_utf8(head.stdout).ok()?.trim().to_owned();
    let excluded = RESULTS.map(|path| format!(":(exclude){path}"));
    let mut arguments = vec!["diff", "--quiet", "HEAD", "--", "."];
    arguments.extend(excluded.iter().map(String::as_str));
    let is_clean = git(&arguments)?.status.success();
    Some(if is_clean { commit } else { format!("{commit}-dirty") })
}

/// As a line for the page; nothing if no commit is known.
pub fn sentence(commits: &Commits) -> Option<String> {
    let mut parts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (part, commit) in commits {
        parts.entry(commit).or_default().push(part);
    }
    let named = parts.iter().map(|(commit, parts)| match parts.as_slice() {
        [WHOLE] => format!("`{commit}`"),
        parts => format!("`{commit}` ({})", parts.join(", ")),
    });
    let named: Vec<String> = named.collect();
    (!named.is_empty()).then(|| format!("Measured at commit {}.", named.join(" and ")))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    /// A repository with a commit, gone at the end.
    struct Repository(PathBuf);

    impl Repository {
        fn new() -> Self {
            let directory = std::env::temp_dir().join(format!("larder-commit-{}", std::process::id()));
            let repository = Self(directory);
            fs::create_dir_all(repository.0.join("benches/results")).unwrap();
            for file in ["README.md", "lib.rs", "benches/results/mcu.json"] {
                repository.write(file, "as committed");
            }
            for arguments in [["init", "--quiet"].as_slice(), &["add", "."], &["commit", "--quiet", "-m", "Begin"]] {
                repository.git(arguments);
            }
            repository
        }

        fn write(&self, file: &str, text: &str) {
            fs::write(self.0.join(file), text).unwrap();
        }

        fn git(&self, arguments: &[&str]) {
            let identity =
                ["-c", "user.name=larder", "-c", "user.email=larder@example.org", "-c", "commit.gpgsign=false"];
            let status = Command::new("git").args(identity).args(arguments).current_dir(&self.0).status().unwrap();
            assert!(status.success(), "git {arguments:?}");
        }
    }

    impl Drop for Repository {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_commit_is_dirty_by_sources_and_not_by_results() {
        let repository = Repository::new();
        let commit = of(&repository.0).unwrap();
        assert!(commit.len() >= 4 && commit.chars().all(|digit| digit.is_ascii_hexdigit()), "{commit}");
        repository.write("README.md", "new figures");
        repository.write("benches/results/mcu.json", "new results");
        assert_eq!(of(&repository.0).unwrap(), commit);
        repository.write("lib.rs", "new code");
        assert_eq!(of(&repository.0).unwrap(), format!("{commit}-dirty"));
    }

    #[test]
    fn where_there_is_no_repository_there_is_no_commit() {
        assert_eq!(of(&std::env::temp_dir()), None);
    }

    #[test]
    fn parts_that_were_measured_elsewhere_keep_their_commit() {
        let note = |commits: &mut Commits, parts: &[&str], commit: Option<&str>| {
            let parts = parts.iter().map(|&part| part.to_owned()).collect();
            Source { commit: commit.map(str::to_owned), parts }.note(commits);
        };
        let mut commits = Commits::new();
        assert_eq!(sentence(&commits), None);
        note(&mut commits, &["counts", "threads"], Some("1111111"));
        assert_eq!(sentence(&commits).unwrap(), "Measured at commit `1111111` (counts, threads).");
        note(&mut commits, &["threads"], Some("2222222-dirty"));
        let both = "Measured at commit `1111111` (counts) and `2222222-dirty` (threads).";
        assert_eq!(sentence(&commits).unwrap(), both);
        note(&mut commits, &["counts"], None);
        assert_eq!(sentence(&commits).unwrap(), "Measured at commit `2222222-dirty` (threads).");
        let whole = Commits::from([(WHOLE.to_owned(), "3333333".to_owned())]);
        assert_eq!(sentence(&whole).unwrap(), "Measured at commit `3333333`.");
    }
}
