//! Names on the command line: one that nobody has is refused before anything is built.

use std::path::Path;

use anyhow::{Context, Result, bail};
use cargo_metadata::MetadataCommand;
use serde::de::DeserializeOwned;

/// Whether each of the wanted names is known; the error names those that are.
pub fn check<'a>(what: &str, wanted: &[String], known: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(unknown) = wanted.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("no {what} is called {unknown}; there are {}", known.join(", "));
    }
    Ok(())
}

/// What a package's manifest says of its allocators, in `package.metadata.allocators`.
pub fn allocators<T: DeserializeOwned>(manifest: &Path) -> Result<T> {
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec().context("cargo metadata failed")?;
    let package = metadata.packages.first().with_context(|| format!("{} has no package", manifest.display()))?;
    let rows = serde_json::from_value(package.metadata["allocators"].clone());
    rows.with_context(|| format!("{} has no list of allocators", manifest.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_one_line_that_has_the_known_ones() {
        let wanted = ["talc", "nonsense"].map(str::to_owned);
        let line = check("allocator", &wanted, ["larder", "talc"]).unwrap_err().to_string();
        assert_eq!(line, "no allocator is called nonsense; there are larder, talc");
        assert!(check("allocator", &wanted[..1], ["larder", "talc"]).is_ok());
        assert!(check("allocator", &[], []).is_ok());
    }
}
