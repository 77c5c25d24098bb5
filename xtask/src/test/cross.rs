//! Programs for other targets that must compile, or must not and say why: those in `tests/cross`.
//!
//! The first line of each says for which target, and with which of the library's features if not with the default ones: `//@ TARGET` or
//! `//@ TARGET FEATURES`, where `-` stands for none. The second one, if it begins with `//~`, holds the words that the compiler must say.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::tally::Tally;
use crate::project;
use crate::toolchain::{self, Toolchain};

#[derive(Debug, PartialEq)]
struct Case {
    name: String,
    source: PathBuf,
    triple: String,
    features: Option<String>,
    /// What the compiler must say; `None` if it must compile.
    words: Option<String>,
}

pub fn cases(tally: &mut Tally) -> Result<()> {
    let mut sources = fs::read_dir(project::root().join("tests/cross"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    sources.sort();
    for source in sources {
        let case = Case::read(&source)?;
        let title = format!("tests/cross/{}, for {}", case.name, case.triple);
        match Toolchain::for_target(&case.triple) {
            Err(reason) => tally.skip(&title, &toolchain::first_line(&reason)),
            Ok(toolchain) => tally.that(&title, case.compile(&toolchain)),
        }
    }
    Ok(())
}

impl Case {
    fn read(source: &Path) -> Result<Self> {
        let text = fs::read_to_string(source).with_context(|| source.display().to_string())?;
        Self::parse(source, &text).with_context(|| format!("{} does not say for which target it is", source.display()))
    }

    fn parse(source: &Path, text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let mut head = lines.next()?.strip_prefix("//@ ")?.split(' ');
        Some(Self {
            name: source.file_stem()?.to_str()?.to_owned(),
            source: source.to_owned(),
            triple: head.next()?.to_owned(),
            features: head.next().map(str::to_owned),
            words: lines.next().and_then(|line| line.strip_prefix("//~ ")).map(str::to_owned),
        })
    }

    fn compile(&self, toolchain: &Toolchain) -> Result<()> {
        let package = self.write_package()?;
        let mut command = toolchain.cargo("build");
        command.arg("--manifest-path").arg(package.join("Cargo.toml")).env("CARGO_TERM_COLOR", "never");
        // Not a step: what is refused did not fail.
        let output = command.output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        match &self.words {
            None if !output.status.success() => bail!("it does not compile:\n{said}"),
            Some(_) if output.status.success() => bail!("it compiles"),
            Some(words) if !said.contains(words) => bail!("it fails without saying {words:?}:\n{said}"),
            _ => Ok(()),
        }
    }

    /// A package for it, outside of the workspace.
    fn write_package(&self) -> Result<PathBuf> {
        let folder = project::root().join("target/cross-cases").join(&self.name);
        fs::create_dir_all(folder.join("src"))?;
        let features = match self.features.as_deref() {
            None => String::new(),
            Some("-") => ", default-features = false".to_owned(),
            Some(features) => {
                let features: Vec<String> = features.split(',').map(|name| format!("{name:?}")).collect();
                format!(", default-features = false, features = [{}]", features.join(", "))
            }
        };
        let manifest = format!(
            "[package]\nname = {:?}\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
             larder = {{ path = {:?}{features} }}\n",
            self.name,
            project::root()
        );
        fs::write(folder.join("Cargo.toml"), manifest)?;
        fs::write(folder.join("src/lib.rs"), format!("#![no_std]\n{}", fs::read_to_string(&self.source)?))?;
        // The versions that the library itself is built with: no need to ask a registry.
        fs::copy(project::root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
        Ok(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Case> {
        Case::parse(Path::new("tests/cross/one.rs"), text)
    }

    #[test]
    fn a_case_says_its_target_its_features_and_its_words() {
        let case = parse("//@ thumbv7m-none-eabi spin,defmt\n//~ larder: no\n").unwrap();
        assert_eq!((case.name.as_str(), case.triple.as_str()), ("one", "thumbv7m-none-eabi"));
        assert_eq!((case.features.as_deref(), case.words.as_deref()), (Some("spin,defmt"), Some("larder: no")));
    }

    #[test]
    fn a_case_without_words_compiles_and_one_without_target_is_none() {
        let case = parse("//@ wasm32-wasip1\npub fn f() {}\n").unwrap();
        assert_eq!((case.features, case.words), (None, None));
        assert_eq!(parse("//~ larder: no\n"), None);
    }
}
