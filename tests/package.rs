//! What is published: the library, its examples and its documents, and nothing else.

#![cfg(not(loom))]

use std::process::Command;

const BESIDES: [&str; 8] = [
    ".cargo_vcs_info.json",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "Cargo.toml.orig",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
];

#[test]
fn the_package_has_the_library_and_nothing_of_its_workshop() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["package", "--list", "--allow-dirty", "--offline"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = String::from_utf8_lossy(&output.stdout).into_owned();
    let folder = |file: &str| ["src/", "examples/", "docs/"].iter().any(|folder| file.starts_with(folder));
    let (inside, besides): (Vec<_>, Vec<_>) = files.lines().partition(|file| folder(file));
    let strange: Vec<_> = besides.iter().filter(|file| !BESIDES.contains(file)).collect();
    assert!(strange.is_empty(), "in the package, but of no use there: {strange:?}");
    for needed in ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"] {
        assert!(besides.contains(&needed), "missing: {needed}");
    }
    for needed in ["src/lib.rs", "examples/tuned.rs", "docs/configuration.md", "docs/heap-map.md"] {
        assert!(inside.contains(&needed), "missing: {needed}");
    }
}
