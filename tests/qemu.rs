//! Firmware on an emulated Cortex-M3: each test builds a binary of `targets/`, runs it in QEMU with a time limit, and
//! has its verdict through semihosting.
//!
//! `cargo xtask` brings the compiler and the emulator, or says what to install.

use std::process::Command;

#[test]
fn the_demo_digests_its_log_and_leaves_nothing_behind() {
    let output = run("demo", "critical-section");
    assert!(output.contains("heap after"), "{output}");
}

#[test]
fn the_demo_is_interrupted_everywhere_under_try() {
    let output = run("demo", "try");
    assert!(output.contains("heap after"), "{output}");
}

#[test]
fn the_suite_passes() {
    assert!(run("suite", "critical-section").ends_with("cases passed\n"));
}

#[test]
fn the_suite_passes_under_try() {
    assert!(run("suite", "try").ends_with("cases passed\n"));
}

#[test]
fn the_suite_passes_on_the_linked_list() {
    assert!(run("suite-linked-list", "critical-section").ends_with("cases passed\n"));
}

#[test]
fn the_heap_survives_an_interrupt_storm() {
    run("storm", "critical-section");
}

#[test]
fn the_heap_survives_an_interrupt_storm_under_try() {
    run("storm", "try");
}

/// An empty heap is all zeros: the arena takes RAM, and nothing in flash.
#[test]
fn only_bss_grows_with_the_arena() {
    const GROWN_BYTES: i64 = 32 * 1024;
    /// Another constant may be loaded by another instruction.
    const SLACK_BYTES: i64 = 64;
    let (small, large) = (sections("arena-8k"), sections("arena-40k"));
    let growth = |name| section_bytes(&large, name) - section_bytes(&small, name);
    assert_eq!(growth(".data"), 0);
    for in_flash in [".vector_table", ".text", ".rodata"] {
        assert!(growth(in_flash).abs() <= SLACK_BYTES, "{in_flash} grows by {} bytes", growth(in_flash));
    }
    assert!((growth(".bss") - GROWN_BYTES).abs() <= SLACK_BYTES, ".bss grows by {} bytes", growth(".bss"));
}

/// What the firmware said; panics unless it ended well.
fn run(binary: &str, policy: &str) -> String {
    xtask(&["qemu", binary, "--policy", policy])
}

/// A line for each section: its name and its bytes.
fn sections(binary: &str) -> String {
    xtask(&["sections", binary])
}

fn section_bytes(sections: &str, name: &str) -> i64 {
    let line = sections.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|bytes| bytes.parse().ok()).unwrap_or_else(|| panic!("no section {name} in:\n{sections}"))
}

fn xtask(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.arg("xtask").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).env("CI", "true");
    let output = command.output().expect("cargo runs");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "cargo xtask {} failed:\n{err}{out}", arguments.join(" "));
    out.into_owned()
}
