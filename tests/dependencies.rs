//! What the library brings along: nothing that its features don't ask for.

#![cfg(not(loom))]

use std::process::Command;

/// The names of the packages that the library needs with those features, its own first.
fn packages(features: &str) -> Vec<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["tree", "--package", "larder", "--edges", "normal", "--prefix", "none", "--no-dedupe"]);
    command.args(["--no-default-features", "--features", features]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    lines.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn without_features_there_are_none() {
    assert_eq!(packages(""), ["larder"]);
}

#[test]
fn each_feature_brings_its_own() {
    assert_eq!(packages("critical-section"), ["larder", "critical-section"]);
    assert_eq!(packages("spin")[..2], ["larder", "spin"]);
    assert_eq!(packages("linked-list")[..2], ["larder", "linked_list_allocator"]);
    assert_eq!(packages("defmt")[..2], ["larder", "defmt"]);
    assert_eq!(packages("allocator-api2"), ["larder", "allocator-api2"]);
    assert!(!packages("spin,critical-section,linked-list").iter().any(|name| name.starts_with("defmt")));
}
