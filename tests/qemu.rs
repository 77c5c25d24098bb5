//! Firmware on emulated boards: each test builds a binary of `targets/`, runs it in QEMU with a time limit, and has its
//! verdict through semihosting.
//!
//! | board | what is special | what does not run there |
//! |---|---|---|
//! | Cortex-M0 | no compare-and-swap, an arena of 8 KiB, a shorter log for the demo | the demo under `Try`: too short to interrupt everything |
//! | Cortex-M3 | | |
//! | Cortex-M4F | hard floats; the feature `unsafe-assume-single-core` | |
//! | Cortex-M33 | a critical section for two cores | |
//! | Cortex-M33, dual | both cores at once, in the emulator's real time | storm and demo: they count instructions |
//! | RISC-V, IMAC | a critical section for several harts; the tick also comes into the middle of another handler | |
//! | RISC-V, harts | four harts at once, in the emulator's real time | storm and demo, as above |
//! | RISC-V, IMC | no compare-and-swap; the tick as on IMAC | |
//!
//! The sweeps interrupt every operation at every instruction: by SysTick; by SysTick above a critical section that masks priorities; by
//! NMI, which only the M4F's board can raise by a timer.
//!
//! `Small` runs with compare-and-swap and without, on one kind of core each, and on several cores at once.
//!
//! A test's name begins with the board's: `cargo xtask test` leaves out, and says so, what the machine can't emulate.
//! `cargo xtask` brings the compiler and the emulator, or says what to install.

use object::{Object, ObjectSymbol};
use std::process::Command;

/// A test for each board, binary and policy, or `small`: the heap that has none; `$verdict` is part of what the firmware says.
macro_rules! firmware {
    ($($test:ident: $board:literal $binary:literal $policy:literal $verdict:expr;)*) => {
        $(
            #[test]
            fn $test() {
                let output = xtask(&["qemu", $binary, "--board", $board, "--policy", $policy]);
                assert!(output.contains($verdict), "{output}");
            }
        )*
    };
}

/// The suite's last line, after every case.
const PASSED: &str = " cases passed\n";
/// The storm and the demo assert before they end the run; this they print just before.
const ENDED: &str = " interrupts, ";
/// After every job, with nothing live.
const SURVIVED: &str = " emergencies\n";

firmware! {
    cortex_m0_suite: "cortex-m0" "suite" "critical-section" PASSED;
    cortex_m0_suite_under_try: "cortex-m0" "suite" "try" PASSED;
    cortex_m0_suite_on_the_linked_list: "cortex-m0" "suite-linked-list" "critical-section" PASSED;
    cortex_m0_storm: "cortex-m0" "storm" "critical-section" ENDED;
    cortex_m0_storm_under_try: "cortex-m0" "storm" "try" ENDED;
    cortex_m0_demo: "cortex-m0" "demo" "critical-section" ENDED;
    cortex_m0_emergency: "cortex-m0" "emergency" "critical-section" SURVIVED;
    cortex_m0_suite_of_small: "cortex-m0" "suite" "small" PASSED;
    cortex_m0_storm_of_small: "cortex-m0" "storm" "small" ENDED;

    cortex_m3_suite: "cortex-m3" "suite" "critical-section" PASSED;
    cortex_m3_suite_under_try: "cortex-m3" "suite" "try" PASSED;
    cortex_m3_suite_on_the_linked_list: "cortex-m3" "suite-linked-list" "critical-section" PASSED;
    cortex_m3_storm: "cortex-m3" "storm" "critical-section" ENDED;
    cortex_m3_storm_under_try: "cortex-m3" "storm" "try" ENDED;
    cortex_m3_demo: "cortex-m3" "demo" "critical-section" ENDED;
    cortex_m3_demo_under_try: "cortex-m3" "demo" "try" ENDED;
    cortex_m3_emergency: "cortex-m3" "emergency" "critical-section" SURVIVED;
    cortex_m3_suite_of_small: "cortex-m3" "suite" "small" PASSED;
    cortex_m3_storm_of_small: "cortex-m3" "storm" "small" ENDED;

    cortex_m4_suite: "cortex-m4" "suite" "critical-section" PASSED;
    cortex_m4_suite_under_try: "cortex-m4" "suite" "try" PASSED;
    cortex_m4_suite_on_the_linked_list: "cortex-m4" "suite-linked-list" "critical-section" PASSED;
    cortex_m4_storm: "cortex-m4" "storm" "critical-section" ENDED;
    cortex_m4_storm_under_try: "cortex-m4" "storm" "try" ENDED;
    cortex_m4_demo: "cortex-m4" "demo" "critical-section" ENDED;
    cortex_m4_demo_under_try: "cortex-m4" "demo" "try" ENDED;

    cortex_m33_suite: "cortex-m33" "suite" "critical-section" PASSED;
    cortex_m33_suite_under_try: "cortex-m33" "suite" "try" PASSED;
    cortex_m33_suite_on_the_linked_list: "cortex-m33" "suite-linked-list" "critical-section" PASSED;
    cortex_m33_storm: "cortex-m33" "storm" "critical-section" ENDED;
    cortex_m33_storm_under_try: "cortex-m33" "storm" "try" ENDED;
    cortex_m33_demo: "cortex-m33" "demo" "critical-section" ENDED;
    cortex_m33_demo_under_try: "cortex-m33" "demo" "try" ENDED;

    cortex_m33_dual_suite: "cortex-m33-dual" "suite" "critical-section" PASSED;
    cortex_m33_dual_cores: "cortex-m33-dual" "cores" "critical-section" "1000000 operations on 2 cores";
    cortex_m33_dual_cores_under_try: "cortex-m33-dual" "cores" "try" "1000000 operations on 2 cores";
    cortex_m33_dual_cores_in_small: "cortex-m33-dual" "cores" "small" "1000000 operations on 2 cores";

    riscv_imac_suite: "riscv-imac" "suite" "critical-section" PASSED;
    riscv_imac_suite_under_try: "riscv-imac" "suite" "try" PASSED;
    riscv_imac_suite_on_the_linked_list: "riscv-imac" "suite-linked-list" "critical-section" PASSED;
    riscv_imac_storm: "riscv-imac" "storm" "critical-section" ENDED;
    riscv_imac_storm_under_try: "riscv-imac" "storm" "try" ENDED;
    riscv_imac_demo: "riscv-imac" "demo" "critical-section" ENDED;
    riscv_imac_demo_under_try: "riscv-imac" "demo" "try" ENDED;
    riscv_imac_suite_of_small: "riscv-imac" "suite" "small" PASSED;
    riscv_imac_storm_of_small: "riscv-imac" "storm" "small" ENDED;

    riscv_harts_suite: "riscv-harts" "suite" "critical-section" PASSED;
    riscv_harts_cores: "riscv-harts" "cores" "critical-section" "10000000 operations on 4 cores";
    riscv_harts_cores_under_try: "riscv-harts" "cores" "try" "1000000 operations on 4 cores";
    riscv_harts_cores_in_small: "riscv-harts" "cores" "small" "4000000 operations on 4 cores";

    riscv_imc_suite: "riscv-imc" "suite" "critical-section" PASSED;
    riscv_imc_suite_under_try: "riscv-imc" "suite" "try" PASSED;
    riscv_imc_suite_on_the_linked_list: "riscv-imc" "suite-linked-list" "critical-section" PASSED;
    riscv_imc_storm: "riscv-imc" "storm" "critical-section" ENDED;
    riscv_imc_storm_under_try: "riscv-imc" "storm" "try" ENDED;
    riscv_imc_demo: "riscv-imc" "demo" "critical-section" ENDED;
    riscv_imc_demo_under_try: "riscv-imc" "demo" "try" ENDED;
}

/// The sweep's last line, after every operation was interrupted at every instruction, or as far as it is not masked.
const SWEPT: &str = " instructions interrupted, ";
/// The last line of the two tasks, which assert what their policy's documentation says.
const SWITCHED: &str = " steps of 2 tasks, ";
/// The last kind of call of which the masking is measured; the firmware asserts that pooled calls, and all of `Small`, mask nothing.
const MEASURED: &str = "{\"kind\":\"check\",";
/// The last line of the handlers that interrupt each other.
const NESTED: &str = " handlers over each other, ";

firmware! {
    cortex_m0_sweep: "cortex-m0" "sweep" "critical-section" SWEPT;
    cortex_m0_sweep_under_try: "cortex-m0" "sweep" "try" SWEPT;
    cortex_m3_sweep: "cortex-m3" "sweep" "critical-section" SWEPT;
    cortex_m3_sweep_under_try: "cortex-m3" "sweep" "try" SWEPT;
    cortex_m3_sweep_above_the_critical_section: "cortex-m3" "sweep-above" "critical-section" SWEPT;
    cortex_m4_sweep_under_try: "cortex-m4" "sweep" "try" SWEPT;
    cortex_m4_sweep_of_a_long_arena_under_try: "cortex-m4" "sweep-long" "try" SWEPT;
    cortex_m4_sweep_by_nmi: "cortex-m4" "sweep-nmi" "critical-section" SWEPT;
    cortex_m0_sweep_of_small: "cortex-m0" "sweep" "small" SWEPT;
    cortex_m3_sweep_of_small: "cortex-m3" "sweep" "small" SWEPT;
    cortex_m4_sweep_of_small_by_nmi: "cortex-m4" "sweep-nmi" "small" SWEPT;

    cortex_m0_tasks: "cortex-m0" "tasks" "critical-section" SWITCHED;
    cortex_m0_tasks_under_try: "cortex-m0" "tasks" "try" SWITCHED;
    cortex_m3_tasks: "cortex-m3" "tasks" "critical-section" SWITCHED;
    cortex_m3_tasks_under_try: "cortex-m3" "tasks" "try" SWITCHED;
    cortex_m3_tasks_under_spin: "cortex-m3" "tasks" "spin" SWITCHED;

    cortex_m0_latency: "cortex-m0" "latency" "critical-section" MEASURED;
    cortex_m3_latency: "cortex-m3" "latency" "critical-section" MEASURED;
    cortex_m3_latency_under_try: "cortex-m3" "latency" "try" MEASURED;
    cortex_m0_latency_of_small: "cortex-m0" "latency" "small" MEASURED;
    cortex_m3_latency_of_small: "cortex-m3" "latency" "small" MEASURED;

    cortex_m0_nested_under_try: "cortex-m0" "nested" "try" NESTED;
    cortex_m3_nested: "cortex-m3" "nested" "critical-section" NESTED;
    cortex_m3_nested_under_try: "cortex-m3" "nested" "try" NESTED;
    cortex_m3_nested_above_the_critical_section: "cortex-m3" "nested-above" "critical-section" NESTED;
    cortex_m4_nested_above_the_critical_section: "cortex-m4" "nested-above" "critical-section" NESTED;
    cortex_m3_nested_in_small: "cortex-m3" "nested" "small" NESTED;
}

/// An empty heap is all zeros: the arena takes RAM, and nothing in flash.
#[test]
fn cortex_m3_bss_alone_grows_with_the_arena() {
    assert_bss_alone_grows("critical-section");
}

#[test]
fn cortex_m3_bss_alone_grows_with_the_arena_of_small() {
    assert_bss_alone_grows("small");
}

fn assert_bss_alone_grows(policy: &str) {
    const GROWN_BYTES: i64 = 32 * 1024;
    /// A distance in the arena that fits into the instruction that adds it saves the one that loads it: with sizes of round numbers, up to
    /// a dozen instructions. Of 24 and 56 KiB no distance does.
    const CODE_BYTES: i64 = 64;
    let (small, large) = (sections("arena-24k", policy), sections("arena-56k", policy));
    let growth = |name| section_bytes(&large, name) - section_bytes(&small, name);
    let grown = [".bss", ".data", ".rodata", ".vector_table"].map(growth);
    assert_eq!(grown, [GROWN_BYTES, 0, 0, 0]);
    assert_eq!(section_bytes(&large, ".data"), 0);
    assert!(growth(".text").abs() <= CODE_BYTES, ".text grows by {} bytes", growth(".text"));
}

/// What a program does not choose is not in it: neither code nor data of observers and traces.
#[test]
fn cortex_m3_nothing_of_an_observer_is_in_a_program_without() {
    let elf = std::fs::read(xtask(&["firmware", "storm", "--board", "cortex-m3"]).trim()).unwrap();
    let file = object::File::parse(&*elf).unwrap();
    let has = |needle: &str| file.symbols().filter_map(|symbol| symbol.name().ok()).any(|name| name.contains(needle));
    assert!(has("larder6extent"), "the firmware has no symbols");
    assert!(!has("larder7observe") && !has("larder5trace"));
}

/// A line for each section: its name and its bytes.
fn sections(binary: &str, policy: &str) -> String {
    xtask(&["sections", binary, "--policy", policy])
}

fn section_bytes(sections: &str, name: &str) -> i64 {
    let line = sections.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|bytes| bytes.parse().ok()).unwrap_or_else(|| panic!("no section {name} in:\n{sections}"))
}

fn xtask(arguments: &[&str]) -> String {
    let mut command = match std::env::var_os("LARDER_XTASK") {
        Some(built) => Command::new(built),
        None => {
            let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            command.arg("xtask");
            command
        }
    };
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).env("CI", "true");
    let output = command.output().expect("cargo runs");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "cargo xtask {} failed:\n{err}{out}", arguments.join(" "));
    out.into_owned()
}
