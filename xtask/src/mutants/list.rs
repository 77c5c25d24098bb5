//! The mutations of the protocols: `tests/mutations.toml`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::project;

const LIST: &str = "tests/mutations.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    mutation: Vec<Mutation>,
}

/// One thing that is wrong.
#[derive(Deserialize)]
pub struct Mutation {
    /// What is wrong, in words.
    pub name: String,
    /// The source file.
    pub file: String,
    /// What stands there once, …
    pub old: String,
    /// … and what is to stand there.
    pub new: String,
    #[serde(flatten)]
    pub test: Test,
    /// Why no test notices. Without a reason, the test has to.
    pub survives: Option<String>,
}

/// The tests that have to notice: an integration test, or the models, as far as their names contain `filter`.
#[derive(Deserialize, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Test {
    pub test: String,
    #[serde(default)]
    pub filter: String,
}

impl Mutation {
    /// The file's text with it.
    pub fn apply(&self, text: &str) -> Result<String> {
        let found = text.matches(&self.old).count();
        ensure!(found == 1, "{LIST}: {}: its old text stands {found} times in {}, not once", self.name, self.file);
        ensure!(self.old != self.new, "{LIST}: {}: it changes nothing", self.name);
        Ok(text.replacen(&self.old, &self.new, 1))
    }
}

/// All of them.
pub fn read() -> Result<Vec<Mutation>> {
    let text = fs::read_to_string(project::root().join(LIST)).context(LIST)?;
    let list: List = toml::from_str(&text).context(LIST)?;
    check(&list.mutation, project::root())?;
    Ok(list.mutation)
}

/// Each can be applied, and is the only one of its name.
fn check(mutations: &[Mutation], root: &Path) -> Result<()> {
    let mut names = BTreeSet::new();
    for mutation in mutations {
        let text = fs::read_to_string(root.join(&mutation.file))
            .with_context(|| format!("{LIST}: {}: {}", mutation.name, mutation.file))?;
        mutation.apply(&text)?;
        if !names.insert(&mutation.name) {
            bail!("{LIST}: {} is there twice", mutation.name);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So the list does not fall behind the code.
    #[test]
    fn every_mutation_can_be_applied() {
        assert!(!read().unwrap().is_empty());
    }

    #[test]
    fn a_mutation_that_fits_nowhere_or_twice_is_refused() {
        let test = Test { test: "loom".into(), filter: String::new() };
        let mutation = Mutation {
            name: "nothing".into(),
            file: "src/lib.rs".into(),
            old: "ab".into(),
            new: "ac".into(),
            test,
            survives: None,
        };
        assert_eq!(mutation.apply("-ab-").unwrap(), "-ac-");
        for text in ["", "abab"] {
            let line = mutation.apply(text).unwrap_err().to_string();
            assert!(line.contains("nothing") && line.contains("src/lib.rs"), "{line}");
        }
    }
}
